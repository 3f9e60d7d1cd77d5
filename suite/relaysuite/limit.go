package relaysuite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/coder/websocket"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
	"agentproof/suite/wait"
)

var limits = []testCase{
	{clause: "relay.no-loss", behaviour: "slow-viewer", run: slowViewer,
		explain: "A viewer on a bad line should see the build's output late, not torn."},
	{clause: "relay.no-loss", behaviour: "nobody-looks", run: nobodyLooks,
		explain: "A command must not stop because its window was closed."},
	{clause: "relay.ring", behaviour: "holds-the-last-1024-frames", run: ringFrames,
		explain: "It is what somebody who comes later can still read, and the bound on what a relay keeps."},
	{clause: "relay.rate", behaviour: "slows-a-producer-beyond-the-burst", run: rateLimit, exclusive: true,
		explain: "One machine must not use up the relay of all."},
	{clause: "relay.message-limit", behaviour: "large-frame-passes", run: largeFrame,
		explain: "A desktop's picture is one frame, and may be large."},
	{clause: "relay.keepalive", behaviour: "pings", run: keepalive, idle: 60 * time.Second,
		explain: "Proxies on the way cut connections that are silent."},
}

func slowViewer(ctx context.Context, b *bench) {
	const frames, size = 256, 32 << 10
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	sent := make(chan error, 1)
	go func() {
		for seq := range uint64(frames) {
			data, err := stream.Encode(&agentv1.StreamFrame{Seq: seq, Data: pattern(seq, size)})
			if err == nil {
				err = p.ws.Write(ctx, websocket.MessageBinary, data)
			}
			if err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for seq := range uint64(frames) {
		if seq%64 == 0 {
			wait.For(ctx, 200*time.Millisecond)
		}
		m, err := v.next(ctx)
		f, ok := m.(*agentv1.StreamFrame)
		if !ok || f.GetSeq() != seq || string(f.GetData()) != string(pattern(seq, size)) {
			b.Fatalf(fmt.Sprintf("the frame with seq %d, byte for byte", seq), "%s", came(m, err))
		}
	}
	if err := <-sent; err != nil {
		b.Fatalf("the producer's frames taken", "%s", came(nil, err))
	}
}

// pattern is data that differs from frame to frame.
func pattern(seq uint64, size int) []byte {
	line := fmt.Sprintf("frame %d\n", seq)
	return []byte(strings.Repeat(line, size/len(line)+1)[:size])
}

// Twice what the ring holds, so that the oldest half falls out.
const manyFrames = 2048

func nobodyLooks(ctx context.Context, b *bench) {
	p := b.producer(ctx, "c")
	p.numbered(ctx, 0, manyFrames-1)
	p.settle(ctx)
	v := b.viewer(ctx, "c", 0)
	m, err := v.next(ctx)
	f, ok := m.(*agentv1.StreamFrame)
	if !ok {
		b.Fatalf("the frames that are left", "%s", came(m, err))
	}
	v.wantNumbered(ctx, f.GetSeq()+1, manyFrames-1)
}

func ringFrames(ctx context.Context, b *bench) {
	p := b.producer(ctx, "c")
	p.numbered(ctx, 0, manyFrames-1)
	p.settle(ctx)
	b.viewer(ctx, "c", 0).wantNumbered(ctx, manyFrames-1024, manyFrames-1)
}

func rateLimit(ctx context.Context, b *bench) {
	// 16 MiB pass at once and the other 8 in a second; half of that is asked
	// for, since the relay may count from another moment.
	const frames, size, least = 96, 256 << 10, 500 * time.Millisecond
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	data := string(pattern(0, size-64))
	start := time.Now()
	go func() {
		for seq := range uint64(frames) {
			m, err := stream.Encode(&agentv1.StreamFrame{Seq: seq, Data: []byte(data)})
			if err != nil || p.ws.Write(ctx, websocket.MessageBinary, m) != nil {
				return
			}
		}
	}()
	for seq := range uint64(frames) {
		v.want(ctx, seq, data)
	}
	took := time.Since(start)
	b.Logf("24 MiB took %v", took)
	b.Check(took >= least, "24 MiB to take 0.5 s and more", "them sooner")
}

func largeFrame(ctx context.Context, b *bench) {
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	data := string(pattern(0, 15<<20))
	p.frame(ctx, 0, data)
	v.want(ctx, 0, data)
	p.frame(ctx, 1, "the next")
	v.want(ctx, 1, "the next")
}

func keepalive(ctx context.Context, b *bench) {
	pinged := make(chan struct{}, 8)
	open := b.open(stream.RoleClient, b.channel("c"))
	s, ack := b.given().attempt(ctx, stream.RouteOf(open.GetChannel()).Query(), open, &websocket.DialOptions{
		OnPingReceived: func(context.Context, []byte) bool {
			select {
			case pinged <- struct{}{}:
			default:
			}
			return true
		},
	})
	b.Given().Check(ack.GetAccepted(), "a viewer accepted", "%s", answer(ack))
	s.ws.CloseRead(ctx)
	select {
	case <-pinged:
	case <-time.After(45 * time.Second):
		b.Errorf("a ping every 30 s", "none within 45 s")
	case <-ctx.Done():
	}
}

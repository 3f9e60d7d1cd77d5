package relay_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
)

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// flood sends frames of size bytes until the socket ends, and counts them.
func (s *socket) flood(size int, sent *atomic.Int64) {
	for seq := uint64(0); ; seq++ {
		f := &agentv1.StreamFrame{ChannelId: s.channel, Seq: seq, Data: make([]byte, size)}
		if s.conn.Send(context.Background(), f) != nil {
			return
		}
		sent.Add(1)
	}
}

// standsStill waits until sent, which has to get to least, grows no more.
func standsStill(tb testing.TB, sent *atomic.Int64, least int64) {
	tb.Helper()
	before := int64(-1)
	eventually(tb, "everybody is stuck", func() bool {
		time.Sleep(500 * time.Millisecond)
		now := sent.Load()
		same := now >= least && now == before
		before = now
		return same
	})
}

// Not parallel: it measures the heap of the process.
func TestMemoryIsBoundedWithAThousandChannelsAndViewersThatNeverRead(t *testing.T) {
	channels := 1000
	if raceEnabled || testing.Short() {
		channels = 100
	}
	const memory, size = 64 << 20, 16 << 10
	before := heap()
	s := relaytest.Start(t, relay.Config{Memory: memory, Rate: -1})
	var floods sync.WaitGroup
	var sent atomic.Int64
	for i := range channels {
		w := terminal(fmt.Sprint("viewed ", i))
		client(t, s, w)
		p := agent(t, s, w)
		floods.Go(func() { p.flood(size, &sent) })
	}
	standsStill(t, &sent, int64(channels)+1)
	for i := range channels / 5 { // nobody looks at these, and they go on
		p := agent(t, s, terminal(fmt.Sprint("alone ", i)))
		for seq := range uint64(20) {
			p.send(&agentv1.StreamFrame{Seq: seq, Data: make([]byte, size)})
		}
	}
	grown, high := heap()-before, metric(t, s, "buffer_high_water")
	// Beside the rings there are both ends of each connection, which wait in
	// the middle of a frame, and what the allocator rounds up.
	allowed := 2*int64(memory) + int64(channels)*11/5*64<<10
	t.Logf("%d channels, %d MiB sent: the heap grew by %d MiB, the rings held up to %v MiB",
		channels, sent.Load()*size>>20, grown>>20, int(high)>>20)
	if grown > allowed {
		t.Errorf("the heap grew by %d bytes, want at most %d", grown, allowed)
	}
	if high > float64(memory+channels*11/5*size) {
		t.Errorf("the rings held %v bytes, want %d and a frame a ring at most", high, memory)
	}
	s.Kill()
	floods.Wait()
}

func TestLargeFramesThatFindNoMemoryAreLostAsAGap(t *testing.T) {
	t.Parallel()
	const memory, size = 4 << 20, 3 << 20
	s := relaytest.Start(t, relay.Config{Memory: memory})
	a, b := agent(t, s, terminal("a")), agent(t, s, terminal("b"))
	a.send(&agentv1.StreamFrame{Seq: 0, Data: make([]byte, size)})
	eventually(t, "it is in the ring", func() bool { return metric(t, s, "buffer_high_water") > size })
	b.send(&agentv1.StreamFrame{Seq: 0, Data: make([]byte, size)})
	b.text(1, "small ones pass")
	if f := client(t, s, terminal("b")).wantText("small ones pass"); f.GetSeq() != 1 {
		t.Errorf("it came as frame %d", f.GetSeq())
	}
	eventually(t, "the loss is counted", func() bool { return metric(t, s, "buffer_drops_total") == 1 })
}

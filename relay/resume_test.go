package relay_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
)

// metric reads one value from /metrics.
func metric(tb testing.TB, s *relay.Server, name string) float64 {
	tb.Helper()
	_, body := get(tb, httpURL(s, "/metrics"))
	for line := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(line, "opengeni_relay_"+name+" "); ok {
			var v float64
			if _, err := fmt.Sscan(rest, &v); err != nil {
				tb.Fatalf("metric %s: %v", name, err)
			}
			return v
		}
	}
	tb.Fatalf("no metric %s in:\n%s", name, body)
	return 0
}

func resumeAt(channel string, seq uint64) where {
	w := terminal(channel)
	w.resume = seq
	return w
}

func TestTheRingHoldsTheLast1024Frames(t *testing.T) { // relay.replay, relay.no-loss
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := agent(t, s, terminal("c"))
	p.frames(0, 2999)
	eventually(t, "the relay has all frames", func() bool { return metric(t, s, "buffer_drops_total") == 3000-1024 })
	for _, resume := range []uint64{0, 1975, 1976, 1977, 2999} {
		v := client(t, s, resumeAt("c", resume))
		v.wantFrames(max(resume, 1976), 2999)
	}
	v := client(t, s, resumeAt("c", 3002))
	p.frames(3000, 3005)
	v.wantFrames(3002, 3005)
}

func TestTheRingIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	const size = 100 << 10
	s := relaytest.Start(t, relay.Config{Memory: 4 << 20}) // 2 MiB each way
	p := agent(t, s, terminal("c"))
	for seq := range uint64(100) {
		p.send(&agentv1.StreamFrame{Seq: seq, Data: make([]byte, size)})
	}
	const held = 2 << 20 / (size + 256)
	eventually(t, "the relay has all frames", func() bool { return metric(t, s, "buffer_drops_total") >= 100-held-1 })
	v := client(t, s, terminal("c"))
	first := v.next().(*agentv1.StreamFrame).GetSeq()
	if first < 100-held-1 || first > 100-held+1 {
		t.Errorf("the ring begins at frame %d, want %d", first, 100-held)
	}
	for seq := first + 1; seq < 100; seq++ {
		if f, ok := v.next().(*agentv1.StreamFrame); !ok || f.GetSeq() != seq || len(f.GetData()) != size {
			t.Fatalf("got seq %d with %d bytes, want %d", f.GetSeq(), len(f.GetData()), seq)
		}
	}
}

func TestAFrameThatComesASecondTimeIsDropped(t *testing.T) { // relay.replay
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p, v := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	p.frames(0, 5)
	v.wantFrames(0, 5)
	p.conn.Drop()
	p = agent(t, s, terminal("c"))
	p.frames(4, 8)
	v.wantFrames(6, 8)
	client(t, s, terminal("c")).wantFrames(0, 8)
}

func TestAProducerThatBeginsAtZeroAgainIsANewStream(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p, v := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	p.frames(0, 5)
	v.wantFrames(0, 5)
	p = agent(t, s, terminal("c"))
	p.text(0, "another stream")
	p.text(1, "goes on")
	v.wantText("another stream")
	v.wantText("goes on")
	client(t, s, terminal("c")).wantText("another stream")
	// The very same frame is no other stream.
	p = agent(t, s, terminal("c"))
	p.text(0, "another stream")
	p.text(2, "and on")
	v = client(t, s, resumeAt("c", 1))
	v.wantText("goes on")
	v.wantText("and on")
}

// resender opens a producer that names itself in the resend header.
func resender(tb testing.TB, s *relay.Server, w where, instance string, before int) *socket {
	tb.Helper()
	header := http.Header{stream.ResendHeader: {stream.FormatResend(instance, before)}}
	conn, err := stream.Connect(tb.Context(), s.URL()+"?"+w.route().Query(), w.open(tb, stream.RoleAgent),
		&stream.ConnectOptions{Timeout: patience, Header: header})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(conn.Drop)
	if conn.Header().Get(stream.ResendHeader) == "" {
		tb.Fatal("the relay does not take the extension")
	}
	return &socket{tb, conn, w.channel}
}

func TestAProducerThatNamesItselfMaySendEverythingAgain(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	v := client(t, s, terminal("c"))
	p := resender(t, s, terminal("c"), "one", 0)
	p.frames(0, 5)
	v.wantFrames(0, 5)
	p.conn.Drop()
	p = resender(t, s, terminal("c"), "one", 1)
	p.frames(0, 8)
	v.wantFrames(6, 8)
	// Another one on the same channel is another stream.
	p = resender(t, s, terminal("c"), "two", 0)
	p.frames(0, 3)
	v.wantFrames(0, 3)
	plain := agent(t, s, terminal("c"))
	if got := plain.conn.Header().Get(stream.ResendHeader); got != "" {
		t.Errorf("a plain producer is told about resending: %q", got)
	}
}

func TestAReturningProducerWaitsForItsViewerInsteadOfLosingFrames(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{ResendGrace: patience})
	p := resender(t, s, terminal("c"), "one", 1)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		p.frames(0, 2999)
	}()
	eventually(t, "the ring is full", func() bool { return metric(t, s, "buffer_high_water") > 1000*128 })
	client(t, s, terminal("c")).wantFrames(0, 2999)
	<-sent
	if drops := metric(t, s, "buffer_drops_total"); drops != 0 {
		t.Errorf("%v frames were dropped", drops)
	}
}

func TestAReturningProducerDoesNotWaitForever(t *testing.T) { // relay.no-loss
	t.Parallel()
	s := relaytest.Start(t, relay.Config{ResendGrace: 1})
	p := resender(t, s, terminal("c"), "one", 1)
	p.frames(0, 2999)
	eventually(t, "the relay has all frames", func() bool { return metric(t, s, "buffer_drops_total") == 3000-1024 })
}

func TestDesktopFramesAreSkippedForASlowViewerNewestWins(t *testing.T) { // relay.no-loss
	t.Parallel()
	const size = 100 << 10
	s := relaytest.Start(t, relay.Config{Rate: -1})
	w := terminal("d")
	w.port = stream.DesktopPort
	p, v := agent(t, s, w), client(t, s, w)
	const last = 99
	for seq := range uint64(last + 1) { // far more than sockets and rings hold
		p.send(&agentv1.StreamFrame{Seq: seq, Data: bytes.Repeat([]byte{byte(seq)}, size)})
	}
	var got int
	for seq, next := uint64(0), uint64(0); seq != last; got++ {
		f := v.next().(*agentv1.StreamFrame)
		if seq = f.GetSeq(); seq < next || len(f.GetData()) != size || f.GetData()[size-1] != byte(seq) {
			t.Fatalf("frame %d after %d, with %d bytes", seq, next, len(f.GetData()))
		}
		next = seq + 1
	}
	if got > last/2 {
		t.Errorf("%d of %d frames were handed over, want most of them skipped", got, last+1)
	}
	// A newcomer sees the newest picture at once, and not the past.
	if f := client(t, s, w).next().(*agentv1.StreamFrame); f.GetSeq() != last {
		t.Errorf("a newcomer sees frame %d, want %d", f.GetSeq(), last)
	}
}

func TestADesktopAboveItsRateSkipsAndEndsWithTheNewest(t *testing.T) {
	t.Parallel()
	const size = 64 << 10
	s := relaytest.Start(t, relay.Config{RateBurst: size, Rate: 8 * size})
	w := terminal("d")
	w.port = stream.DesktopPort
	p, v := agent(t, s, w), client(t, s, w)
	const last = 79
	for seq := range uint64(last + 1) {
		p.send(&agentv1.StreamFrame{Seq: seq, Data: make([]byte, size)})
	}
	for v.next().(*agentv1.StreamFrame).GetSeq() != last {
	}
	if drops := metric(t, s, "rate_limit_drops_total"); drops == 0 {
		t.Errorf("no picture was counted as dropped for the rate")
	}
}

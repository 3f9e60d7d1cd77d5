package relay_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
)

// clock is a time that tests move.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func TestIdleChannelsAreReapedAfterTwoMinutes(t *testing.T) {
	t.Parallel()
	var c clock
	s := relaytest.Start(t, relay.Config{Now: c.now, ViewerSecret: relaytest.Secret})
	lonely := client(t, s, terminal("lonely"))
	served := agent(t, s, terminal("served"))
	left := terminal("left")
	left.epoch = 9
	p, v := agent(t, s, left), client(t, s, left)
	p.frames(0, 3)
	v.wantFrames(0, 3)
	p.conn.Drop()
	v.conn.Drop()
	eventually(t, "both have left", func() bool { return metric(t, s, "live_channels") == 2 })

	older := left
	older.epoch = 8
	refused := func() bool {
		conn, err := tryDial(t, s, older, older.open(t, stream.RoleClient))
		if conn != nil {
			conn.Drop()
		}
		return errors.Is(err, stream.ErrRejected)
	}
	// The tokens live as long as the idle time, so stay just below it.
	c.advance(115 * time.Second)
	if !refused() {
		t.Fatal("the floor was forgotten too early")
	}
	c.advance(6 * time.Second)
	lonely.wantEnd(stream.StatusNoProducer)
	left.resume = 2
	c.advance(-121 * time.Second) // so that new tokens are good; nothing comes back by it
	eventually(t, "the floor is forgotten", func() bool { return !refused() })
	served.text(0, "still here")
	client(t, s, terminal("served")).wantText("still here")
}

func TestARelayPingsAndDropsWhoNeverAnswers(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{PingInterval: 500 * time.Millisecond})
	var pings atomic.Int64
	connect := func(channel string, answer bool) *websocket.Conn {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		ws, _, err := websocket.Dial(t.Context(), s.URL()+"?"+terminal(channel).route().Query(), &websocket.DialOptions{
			HTTPClient:     client,
			OnPingReceived: func(context.Context, []byte) bool { pings.Add(1); return answer },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ws.CloseNow() })
		write(t, ws, websocket.MessageBinary, encode(t, terminal(channel).open(t, stream.RoleAgent)))
		if ack := wantAck(t, ws); !ack.GetAccepted() {
			t.Fatal(ack)
		}
		return ws
	}
	alive := connect("alive", true)
	ended := make(chan error, 1)
	go func() {
		_, _, err := alive.Read(context.Background())
		ended <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, _, err := connect("dead", false).Read(ctx); err == nil || ctx.Err() != nil {
		t.Fatalf("a peer that does not answer is kept: %v", err)
	}
	eventually(t, "both had more pings", func() bool { return pings.Load() > 8 })
	select {
	case err := <-ended:
		t.Fatalf("a peer that answers was ended: %v", err)
	default:
	}
	client(t, s, terminal("alive")).text(0, "hello")
	if err := <-ended; err != nil {
		t.Fatalf("a peer that answers was ended: %v", err)
	}
}

func TestAPeerThatTakesNothingForTooLongIsDropped(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1, PingInterval: time.Second, StallTimeout: 300 * time.Millisecond})
	p := agent(t, s, terminal("c"))
	go p.conn.Receive(context.Background()) // answers pings
	client(t, s, terminal("c"))             // never reads, and so never answers
	for seq := range uint64(600) {
		// It goes on when the viewer is gone.
		p.send(&agentv1.StreamFrame{Seq: seq, Data: make([]byte, 16<<10)})
	}
}

func TestAGracefulStopDeliversEverythingAndEndsProducersBare(t *testing.T) { // relay.bare-end
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1, ShutdownGrace: patience})
	p, v := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	waiting := client(t, s, terminal("nobody produces here"))
	const count, size = 500, 8 << 10
	p.frames(0, 0)
	v.wantFrames(0, 0)
	stopped := make(chan error, 1)
	go func() {
		for seq := range uint64(count) {
			p.send(&agentv1.StreamFrame{Seq: seq + 1, Data: bytes.Repeat([]byte{byte(seq)}, size)})
		}
		go func() { stopped <- s.Close() }()
		p.wantEnd(bare)
		p.conn.Drop()
	}()
	for seq := range uint64(count) {
		if f := v.next().(*agentv1.StreamFrame); f.GetSeq() != seq+1 || len(f.GetData()) != size {
			t.Fatalf("frame %d came as %d", seq+1, f.GetSeq())
		}
	}
	const serviceRestart = 1012
	v.wantEnd(serviceRestart)
	waiting.wantEnd(serviceRestart)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", s.Addr().String()); err == nil {
		t.Error("the relay still listens")
	}
}

func TestAGracefulStopIsNotHeldUpByWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1, ShutdownGrace: 200 * time.Millisecond})
	p := agent(t, s, terminal("c"))
	client(t, s, terminal("c")) // never reads
	go func() {
		for seq := uint64(0); ; seq++ {
			f := &agentv1.StreamFrame{Seq: seq, Data: make([]byte, 16<<10)}
			if p.conn.Send(context.Background(), f) != nil {
				return
			}
		}
	}()
	eventually(t, "there is a backlog", func() bool { return metric(t, s, "buffer_high_water") > 500<<10 })
	start := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("the stop took %v", took)
	}
}

func TestAKilledRelayEndsEverySocketBare(t *testing.T) { // relay.bare-end
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p, v := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	s.Kill()
	p.wantEnd(bare)
	v.wantEnd(bare)
	s.Kill()
	if err := s.Close(); err != nil {
		t.Errorf("closing a killed relay: %v", err)
	}
}

func TestARelayIsAnHTTPHandler(t *testing.T) {
	t.Parallel()
	r, err := relay.New(relay.Config{ViewerSecret: relaytest.Secret})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(r)
	defer srv.Close()
	defer r.Close()
	w := terminal("c")
	url := "ws" + srv.URL[len("http"):] + "/stream?" + w.route().Query()
	conn, err := stream.Connect(t.Context(), url, w.open(t, stream.RoleAgent), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &socket{t, conn, "c"}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go r.Shutdown(ctx)
	p.wantEnd(bare)
	conn.Drop()
	if _, err := stream.Connect(t.Context(), url, w.open(t, stream.RoleAgent), nil); err == nil || errors.Is(err, stream.ErrRejected) {
		t.Errorf("a stopped relay answers with %v, want a bare end", err)
	}
}

func TestStartTellsWhyItCannot(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	if _, err := relay.Start(relay.Config{Listen: s.Addr().String()}); err == nil {
		t.Error("two relays listen on one port")
	}
	if _, err := relay.Start(relay.Config{Memory: -1}); err == nil {
		t.Error("a negative bound was accepted")
	}
}

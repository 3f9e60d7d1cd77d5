package stream_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
)

const normal = agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL

// quick is a backoff for tests.
var quick = stream.Backoff{Min: time.Millisecond, Max: 50 * time.Millisecond}

func route(channel string) stream.Route {
	return stream.Route{WorkspaceID: "ws", AgentID: "ag", Port: stream.TerminalPort, ChannelID: channel}
}

// plainProducer is the other end, one message at a time.
func plainProducer(t *testing.T, s *relay.Server, channel string) *stream.Conn {
	t.Helper()
	conn, err := stream.Connect(t.Context(), s.URL()+"?"+route(channel).Query(), &agentv1.StreamOpen{
		Channel: &agentv1.StreamChannel{WorkspaceId: "ws", AgentId: "ag", Port: stream.TerminalPort, ChannelId: channel},
		Token:   string(relaytest.ProducerToken(t, "ws", "ag")),
		Role:    stream.RoleAgent,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Drop)
	return conn
}

func produce(t *testing.T, conn *stream.Conn, channel string, seq uint64, data string) {
	t.Helper()
	f := &agentv1.StreamFrame{ChannelId: channel, Seq: seq, Data: []byte(data), ProducedAtMs: 1000}
	if err := conn.Send(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, s *relay.Server, channel string, opts *stream.DialOptions) *stream.Viewer {
	t.Helper()
	v, err := stream.Dial(t.Context(), s.URL()+"?"+route(channel).Query(), relaytest.ViewerToken(t, "ws", stream.TerminalPort, 1), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Detach)
	return v
}

func wantFrame(t *testing.T, v *stream.Viewer, seq, missed uint64, data string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	f, err := v.Read(ctx)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	if f.Seq != seq || f.Missed != missed || string(f.Data) != data {
		t.Fatalf("got frame %d %q after %d missed, want %d %q after %d", f.Seq, f.Data, f.Missed, seq, data, missed)
	}
}

func wantInput(t *testing.T, conn *stream.Conn, seq uint64, data string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := conn.Receive(ctx)
	f, ok := m.(*agentv1.StreamFrame)
	if !ok || f.GetSeq() != seq || string(f.GetData()) != data {
		t.Fatalf("got %v, %v; want frame %d %q", m, err, seq, data)
	}
}

func wantReadError(t *testing.T, v *stream.Viewer, want error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if f, err := v.Read(ctx); !errors.Is(err, want) {
		t.Fatalf("read gives %+v, %v; want %v", f, err, want)
	}
	if !errors.Is(v.Err(), want) {
		t.Fatalf("Err = %v, want %v", v.Err(), want)
	}
}

func TestAViewerReadsTypesAndSendsInput(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := plainProducer(t, s, "c")
	v := view(t, s, "c", nil)
	produce(t, p, "c", 0, "hello")
	wantFrame(t, v, 0, 0, "hello")
	for _, text := range []string{"a", "b"} {
		if err := v.Write(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	wantInput(t, p, 0, "a")
	wantInput(t, p, 1, "b")
	key := &agentv1.DesktopInput{ChannelId: "to be filled in", Event: &agentv1.DesktopInput_Key{Key: &agentv1.KeyEvent{Key: "Tab"}}}
	if err := v.SendInput(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	m, err := p.Receive(t.Context())
	if in, ok := m.(*agentv1.DesktopInput); !ok || in.GetChannelId() != "c" || in.GetKey().GetKey() != "Tab" {
		t.Fatalf("got %v, %v", m, err)
	}
	// Long input goes out in pieces.
	if err := v.Write(t.Context(), make([]byte, 200<<10)); err != nil {
		t.Fatal(err)
	}
	total := 0
	for seq := uint64(2); total < 200<<10; seq++ {
		m, err := p.Receive(t.Context())
		f, ok := m.(*agentv1.StreamFrame)
		if !ok || f.GetSeq() != seq || len(f.GetData()) > 64<<10 {
			t.Fatalf("got %v, %v", m, err)
		}
		total += len(f.GetData())
	}
}

func TestAReadThatGivesUpHarmsNothing(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := plainProducer(t, s, "c")
	v := view(t, s, "c", nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := v.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("read: %v", err)
	}
	produce(t, p, "c", 0, "still here")
	wantFrame(t, v, 0, 0, "still here")
}

func TestAViewerStartsWhereItIsToldAndCountsWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := plainProducer(t, s, "c")
	produce(t, p, "c", 0, "zero")
	produce(t, p, "c", 1, "one")
	produce(t, p, "c", 5, "five")
	v := view(t, s, "c", &stream.DialOptions{ResumeFrom: 1})
	wantFrame(t, v, 1, 0, "one")
	wantFrame(t, v, 5, 3, "five")
}

func TestTheEndOfAStreamIsNamed(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	t.Run("by the producer", func(t *testing.T) {
		t.Parallel()
		p := plainProducer(t, s, "exit")
		v := view(t, s, "exit", &stream.DialOptions{Reconnect: true})
		produce(t, p, "exit", 0, "last words")
		err := p.Send(t.Context(), &agentv1.StreamClose{
			Reason: agentv1.StreamCloseReason_STREAM_CLOSE_REASON_PROCESS_EXIT, Message: "exit 3",
		})
		if err != nil {
			t.Fatal(err)
		}
		wantFrame(t, v, 0, 0, "last words")
		_, err = v.Read(t.Context())
		if ce := (*stream.CloseError)(nil); !errors.As(err, &ce) || ce.Message != "exit 3" {
			t.Errorf("read gives %v, want the close", err)
		}
		if err := v.Write(t.Context(), []byte("x")); err == nil {
			t.Error("typing into a closed stream succeeds")
		}
	})
	t.Run("by a newer viewer", func(t *testing.T) {
		t.Parallel()
		plainProducer(t, s, "displaced")
		v := view(t, s, "displaced", &stream.DialOptions{Reconnect: true})
		view(t, s, "displaced", nil)
		wantReadError(t, v, stream.ErrDisplaced)
	})
	t.Run("by a lost socket", func(t *testing.T) {
		t.Parallel()
		s := relaytest.Start(t, relay.Config{})
		v := view(t, s, "lost", nil)
		s.Kill()
		wantReadError(t, v, stream.ErrDropped)
	})
	t.Run("by a producer who never comes", func(t *testing.T) {
		t.Parallel()
		s := relaytest.Start(t, relay.Config{IdleTimeout: time.Millisecond})
		v := view(t, s, "idle", &stream.DialOptions{Reconnect: true})
		wantReadError(t, v, stream.ErrNoProducer)
	})
	t.Run("by the viewer itself", func(t *testing.T) {
		t.Parallel()
		p := plainProducer(t, s, "close")
		v := view(t, s, "close", nil)
		if err := v.Write(t.Context(), []byte("exit\n")); err != nil {
			t.Fatal(err)
		}
		if err := v.Close(t.Context(), normal, "done"); err != nil {
			t.Fatal(err)
		}
		wantInput(t, p, 0, "exit\n")
		m, err := p.Receive(t.Context())
		if c, ok := m.(*agentv1.StreamClose); !ok || c.GetMessage() != "done" || c.GetReason() != normal {
			t.Errorf("the producer got %v, %v", m, err)
		}
		wantReadError(t, v, stream.ErrClosed)
		if err := v.Close(t.Context(), normal, ""); err == nil {
			t.Error("closing twice succeeds twice")
		}
	})
	t.Run("not by leaving", func(t *testing.T) {
		t.Parallel()
		p := plainProducer(t, s, "detach")
		v := view(t, s, "detach", nil)
		v.Detach()
		v.Detach()
		wantReadError(t, v, stream.ErrClosed)
		produce(t, p, "detach", 0, "goes on")
		wantFrame(t, view(t, s, "detach", nil), 0, 0, "goes on")
	})
	t.Run("by a rejection", func(t *testing.T) {
		t.Parallel()
		if _, err := stream.Dial(t.Context(), s.URL()+"?"+route("c").Query(), "ogs_x.y", nil); !errors.Is(err, stream.ErrRejected) {
			t.Errorf("dial with a bad token: %v", err)
		}
		if _, err := stream.Dial(t.Context(), s.URL(), "ogs_x.y", nil); !errors.Is(err, stream.ErrBadQuery) {
			t.Errorf("dial without a route: %v", err)
		}
	})
}

func TestAViewerOutlivesTheRelay(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := plainProducer(t, s, "c")
	// The newest producer's channel, which it must not leave afterwards.
	noticed := make(chan struct{})
	notice := sync.OnceFunc(func() { close(noticed) })
	v := view(t, s, "", &stream.DialOptions{Reconnect: true, Backoff: quick, Refresh: func(context.Context) (stream.Secret, error) {
		notice()
		return relaytest.ViewerToken(t, "ws", stream.TerminalPort, 1), nil
	}})
	produce(t, p, "c", 0, "before")
	wantFrame(t, v, 0, 0, "before")
	addr := s.Addr().String()
	s.Kill()

	<-noticed // what is typed earlier may be lost with the socket
	typed := make(chan error, 1)
	go func() { typed <- v.Write(t.Context(), []byte("while it was away")) }()
	s = relaytest.Start(t, relay.Config{Listen: addr})
	other := plainProducer(t, s, "newer")
	p = plainProducer(t, s, "c")
	if err := <-typed; err != nil {
		t.Fatal(err)
	}
	wantInput(t, p, 0, "while it was away")
	produce(t, other, "newer", 0, "stray")
	produce(t, p, "c", 0, "before")
	produce(t, p, "c", 1, "after")
	wantFrame(t, v, 1, 0, "after")
	produce(t, p, "c", 4, "later")
	wantFrame(t, v, 4, 2, "later")
}

func TestAViewerGivesUpWhenTheRelayRejectsItsReturn(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	v := view(t, s, "c", &stream.DialOptions{Reconnect: true, Backoff: quick})
	addr := s.Addr().String()
	s.Kill()
	relaytest.Start(t, relay.Config{Listen: addr, ViewerSecret: "another"})
	wantReadError(t, v, stream.ErrRejected)
}

func TestAViewerCanBeEndedWhileTheRelayIsAway(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	noticed := make(chan struct{})
	notice := sync.OnceFunc(func() { close(noticed) })
	v := view(t, s, "c", &stream.DialOptions{Reconnect: true, Backoff: quick, Refresh: func(context.Context) (stream.Secret, error) {
		notice()
		return "ogs_x.y", nil
	}})
	s.Kill()
	<-noticed
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := v.Write(ctx, []byte("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("write without a relay: %v", err)
	}
	if err := v.Close(ctx, normal, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close without a relay: %v", err)
	}
	wantReadError(t, v, stream.ErrClosed)
}

package relay_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
)

// patience bounds every wait for something that takes milliseconds.
const patience = 60 * time.Second

// relayAddress makes the test binary a relay that listens there, for tests that
// have to kill one.
const relayAddress = "RELAY_TEST_LISTEN"

func TestMain(m *testing.M) {
	if addr := os.Getenv(relayAddress); addr != "" {
		s, err := relay.Start(relay.Config{
			ViewerSecret: relaytest.Secret, Listen: addr, Rate: -1,
			Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(s.URL())
		select {}
	}
	goleak.VerifyTestMain(m)
}

// where names one side of one stream.
type where struct {
	ws, agent, channel string
	port               uint32
	epoch              uint64
	resume             uint64
}

// terminal is the stream that most tests use.
func terminal(channel string) where {
	return where{ws: "ws", agent: "ag", channel: channel, port: stream.TerminalPort, epoch: 1}
}

func (w where) route() stream.Route {
	return stream.Route{WorkspaceID: w.ws, AgentID: w.agent, Port: w.port, ChannelID: w.channel}
}

func (w where) open(tb testing.TB, role stream.Role) *agentv1.StreamOpen {
	token := relaytest.ViewerToken(tb, w.ws, w.port, w.epoch)
	if role == stream.RoleAgent {
		token = relaytest.ProducerToken(tb, w.ws, w.agent)
	}
	return &agentv1.StreamOpen{
		Channel: &agentv1.StreamChannel{
			WorkspaceId: w.ws, AgentId: w.agent, Port: w.port, ChannelId: w.channel,
			Kind: agentv1.StreamKind_STREAM_KIND_PTY,
		},
		Token: string(token), Role: role, ResumeFromSeq: w.resume,
	}
}

// socket is one raw end of a channel, so that tests see every message.
type socket struct {
	tb      testing.TB
	conn    *stream.Conn
	channel string
}

// dial opens one end and expects to be let in.
func dial(tb testing.TB, s *relay.Server, w where, role stream.Role) *socket {
	tb.Helper()
	conn, err := tryDial(tb, s, w, w.open(tb, role))
	if err != nil {
		tb.Fatalf("open as %v: %v", role, err)
	}
	tb.Cleanup(conn.Drop)
	return &socket{tb, conn, w.channel}
}

func tryDial(tb testing.TB, s *relay.Server, w where, open *agentv1.StreamOpen) (*stream.Conn, error) {
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	return stream.Connect(ctx, s.URL()+"?"+w.route().Query(), open, &stream.ConnectOptions{Timeout: patience})
}

func agent(tb testing.TB, s *relay.Server, w where) *socket {
	tb.Helper()
	return dial(tb, s, w, stream.RoleAgent)
}

func client(tb testing.TB, s *relay.Server, w where) *socket {
	tb.Helper()
	return dial(tb, s, w, stream.RoleClient)
}

func (s *socket) send(m proto.Message) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), patience)
	defer cancel()
	if err := s.conn.Send(ctx, m); err != nil {
		s.tb.Fatalf("send: %v", err)
	}
}

// frames sends the seqs from first to last, each with its number as data.
func (s *socket) frames(first, last uint64) {
	s.tb.Helper()
	for seq := first; seq <= last; seq++ {
		s.send(&agentv1.StreamFrame{ChannelId: s.channel, Seq: seq, Data: fmt.Append(nil, seq)})
	}
}

func (s *socket) text(seq uint64, data string) {
	s.tb.Helper()
	s.send(&agentv1.StreamFrame{ChannelId: s.channel, Seq: seq, Data: []byte(data)})
}

func (s *socket) next() proto.Message {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), patience)
	defer cancel()
	m, err := s.conn.Receive(ctx)
	if err != nil {
		s.tb.Fatalf("receive: %v", err)
	}
	return m
}

// wantText expects a frame with this data next.
func (s *socket) wantText(data string) *agentv1.StreamFrame {
	s.tb.Helper()
	f, ok := s.next().(*agentv1.StreamFrame)
	if !ok || string(f.GetData()) != data {
		s.tb.Fatalf("got %v, want a frame with %q", f, data)
	}
	return f
}

// wantFrames expects what frames sends.
func (s *socket) wantFrames(first, last uint64) {
	s.tb.Helper()
	for seq := first; seq <= last; seq++ {
		if f := s.wantText(fmt.Sprint(seq)); f.GetSeq() != seq {
			s.tb.Fatalf("frame %d carries seq %d", seq, f.GetSeq())
		}
	}
}

// wantEnd expects the socket to end next, with this websocket status.
func (s *socket) wantEnd(status int) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(s.tb.Context(), patience)
	defer cancel()
	m, err := s.conn.Receive(ctx)
	if err == nil || ctx.Err() != nil {
		s.tb.Fatalf("got %v, %v; want the socket's end", m, err)
	}
	if got := stream.CloseStatus(err); got != status {
		s.tb.Fatalf("the socket ended with status %d (%v), want %d", got, err, status)
	}
}

const bare = -1 // the status of a socket that ends without a close frame

func closing(reason agentv1.StreamCloseReason, message string) *agentv1.StreamClose {
	return &agentv1.StreamClose{Reason: reason, Message: message}
}

const exited = agentv1.StreamCloseReason_STREAM_CLOSE_REASON_PROCESS_EXIT

func (s *socket) wantClose(message string) {
	s.tb.Helper()
	c, ok := s.next().(*agentv1.StreamClose)
	if !ok || c.GetMessage() != message {
		s.tb.Fatalf("got %v, want a StreamClose %q", c, message)
	}
}

// eventually waits for a condition that no event tells.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("waited in vain until %s", what)
		}
	}
}

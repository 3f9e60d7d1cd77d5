package relaysuite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
	"agentproof/suite/engine"
)

// testCase is a case before it is bound to a relay.
type testCase struct {
	clause, behaviour string // the words of the id
	judges            string // the clause, where it is another than the id's
	explain           string
	idle              time.Duration
	exclusive         bool
	run               func(context.Context, *bench)
}

// patience bounds the wait for what is due at once.
const patience = 20 * time.Second

// port is that of the channels that cases use, a terminal's.
const port = stream.TerminalPort

// bench is one case: a relay, and a workspace that no other case uses.
type bench struct {
	*engine.T
	relay     *Relay
	workspace string
	agent     string
}

func newBench(t *engine.T, r *Relay) *bench {
	return &bench{T: t, relay: r, workspace: "ws-" + rand.Text(), agent: "agent-" + rand.Text()}
}

// given is a view whose failures mean that the case could not be arranged.
func (b *bench) given() *bench {
	g := *b
	g.T = b.Given()
	return &g
}

// other is a bench at a relay of the case's own.
func (b *bench) other(s Settings) *bench {
	if b.relay.Start == nil {
		b.Untestable("it needs a relay with other settings, which only the bundled one can be started with")
	}
	r, stop, err := b.relay.Start(s)
	if err != nil {
		b.Harness(err)
	}
	b.Cleanup(func(context.Context) { stop() })
	o := *b
	o.relay = r
	return &o
}

func (b *bench) channel(id string) *agentv1.StreamChannel {
	return &agentv1.StreamChannel{
		WorkspaceId: b.workspace, AgentId: b.agent, Port: port, ChannelId: id,
		Kind: agentv1.StreamKind_STREAM_KIND_PTY,
	}
}

// wait bounds what is due at once.
func (b *bench) wait(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, b.Scale(patience))
}

// httpURL is a path beside the relay's own.
func (b *bench) httpURL(path string) string {
	base := strings.Replace(b.relay.URL, "ws", "http", 1)
	base, _, _ = strings.Cut(base, "?")
	return strings.TrimSuffix(base, stream.Path) + path
}

// streamURL is where a channel is dialled.
func (b *bench) streamURL(query string) string {
	if strings.Contains(b.relay.URL, "?") {
		return b.relay.URL + "&" + query
	}
	return b.relay.URL + "?" + query
}

// socket is one end of a channel, or a websocket that is to become one.
type socket struct {
	b  *bench
	ws *websocket.Conn
}

// upgrade dials; the status is that of the HTTP answer, 101 for a websocket.
func (b *bench) upgrade(ctx context.Context, query string, opts *websocket.DialOptions) (s *socket, status int) {
	ctx, cancel := b.wait(ctx)
	defer cancel()
	if opts == nil {
		opts = &websocket.DialOptions{}
	}
	opts.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ws, resp, err := websocket.Dial(ctx, b.streamURL(query), opts)
	if err != nil && resp == nil {
		b.Harness(fmt.Errorf("dial the relay: %w", err))
	}
	if err != nil {
		return nil, resp.StatusCode
	}
	ws.SetReadLimit(stream.MaxMessage)
	b.Cleanup(func(context.Context) { _ = ws.CloseNow() })
	return &socket{b, ws}, resp.StatusCode
}

// open is a StreamOpen with a good token.
func (b *bench) open(role agentv1.StreamRole, ch *agentv1.StreamChannel) *agentv1.StreamOpen {
	token := b.viewerToken(1)
	if role == stream.RoleAgent {
		token = b.producerToken()
	}
	return &agentv1.StreamOpen{Channel: ch, Role: role, Token: token}
}

// attempt dials and opens, and returns the relay's answer, nil where there was
// none.
func (b *bench) attempt(ctx context.Context, query string, open *agentv1.StreamOpen, opts *websocket.DialOptions) (*socket, *agentv1.StreamOpenAck) {
	s, status := b.upgrade(ctx, query, opts)
	if s == nil {
		b.Fatalf("a websocket at /stream", "HTTP status %d", status)
	}
	s.send(ctx, open)
	m, _ := s.next(ctx)
	ack, _ := m.(*agentv1.StreamOpenAck)
	return s, ack
}

// tries opens a channel as its own query names it.
func (b *bench) tries(ctx context.Context, open *agentv1.StreamOpen) (*socket, *agentv1.StreamOpenAck) {
	return b.attempt(ctx, stream.RouteOf(open.GetChannel()).Query(), open, nil)
}

// accepted opens a channel, which must succeed.
func (b *bench) accepted(ctx context.Context, what string, open *agentv1.StreamOpen) *socket {
	s, ack := b.tries(ctx, open)
	if !ack.GetAccepted() {
		b.Fatalf(what+" accepted", "%s", answer(ack))
	}
	return s
}

// refused opens a channel, which must fail; the case goes on if it does not.
func (b *bench) refused(ctx context.Context, what string, open *agentv1.StreamOpen) {
	_, ack := b.tries(ctx, open)
	b.Check(!ack.GetAccepted(), what+" refused", "%s", answer(ack))
}

func answer(ack *agentv1.StreamOpenAck) string {
	switch {
	case ack == nil:
		return "no answer to the open"
	case ack.GetAccepted():
		return "an ack that accepts"
	default:
		return "an ack that refuses: " + ack.GetError().GetMessage()
	}
}

// producer and viewer join a channel, which is no concern of the case's clause.
func (b *bench) producer(ctx context.Context, id string) *socket {
	s := b.given().accepted(ctx, "a producer with a good token", b.open(stream.RoleAgent, b.channel(id)))
	s.b = b
	return s
}

func (b *bench) viewer(ctx context.Context, id string, resume uint64) *socket {
	open := b.open(stream.RoleClient, b.channel(id))
	open.ResumeFromSeq = resume
	s := b.given().accepted(ctx, "a viewer with a good token", open)
	s.b = b
	return s
}

func (s *socket) send(ctx context.Context, m proto.Message) {
	data, err := stream.Encode(m)
	if err != nil {
		s.b.Harness(err)
	}
	s.write(ctx, websocket.MessageBinary, data)
}

func (s *socket) write(ctx context.Context, typ websocket.MessageType, data []byte) {
	ctx, cancel := s.b.wait(ctx)
	defer cancel()
	if err := s.ws.Write(ctx, typ, data); err != nil {
		s.b.Fatalf("the relay to take what is sent", "%s", came(nil, err))
	}
}

// frame sends one frame.
func (s *socket) frame(ctx context.Context, seq uint64, data string) {
	s.send(ctx, &agentv1.StreamFrame{Seq: seq, Data: []byte(data)})
}

// numbered sends frames with the seqs from first to last, each with its number
// as data.
func (s *socket) numbered(ctx context.Context, first, last uint64) {
	for seq := first; seq <= last; seq++ {
		s.frame(ctx, seq, fmt.Sprint(seq))
	}
}

// next reads the next binary message.
func (s *socket) next(ctx context.Context) (proto.Message, error) {
	ctx, cancel := s.b.wait(ctx)
	defer cancel()
	for {
		typ, data, err := s.ws.Read(ctx)
		if err != nil {
			return nil, err
		}
		if typ == websocket.MessageBinary {
			return stream.Decode(data)
		}
	}
}

// want expects a frame next.
func (s *socket) want(ctx context.Context, seq uint64, data string) {
	m, err := s.next(ctx)
	f, ok := m.(*agentv1.StreamFrame)
	if !ok || f.GetSeq() != seq || string(f.GetData()) != data {
		s.b.Fatalf(fmt.Sprintf("a frame with seq %d and %q", seq, data), "%s", came(m, err))
	}
}

// wantNumbered expects what numbered sends.
func (s *socket) wantNumbered(ctx context.Context, first, last uint64) {
	for seq := first; seq <= last; seq++ {
		s.want(ctx, seq, fmt.Sprint(seq))
	}
}

// wantData is want for input, whose seq is not judged.
func (s *socket) wantData(ctx context.Context, data string) {
	m, err := s.next(ctx)
	f, ok := m.(*agentv1.StreamFrame)
	if !ok || string(f.GetData()) != data {
		s.b.Fatalf(fmt.Sprintf("a frame with %q", data), "%s", came(m, err))
	}
}

// wantEnd expects the socket to end next, and returns its close status, -1 for
// none.
func (s *socket) wantEnd(ctx context.Context, whose string) websocket.StatusCode {
	m, err := s.next(ctx)
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		s.b.Fatalf(whose+" socket to end", "%s", came(m, err))
	}
	return websocket.CloseStatus(err)
}

// wantClose expects a StreamClose next.
func (s *socket) wantClose(ctx context.Context, reason agentv1.StreamCloseReason) {
	m, err := s.next(ctx)
	if c, ok := m.(*agentv1.StreamClose); !ok || c.GetReason() != reason {
		s.b.Fatalf("StreamClose "+reason.String(), "%s", came(m, err))
	}
}

// leave ends the socket as somebody who goes does. The relay has read all that
// was sent before when it returns.
func (s *socket) leave() { _ = s.ws.Close(websocket.StatusNormalClosure, "") }

// settle waits until the relay has read all that was sent; nothing can be read
// from the socket afterwards.
func (s *socket) settle(ctx context.Context) {
	ctx, cancel := s.b.wait(ctx)
	defer cancel()
	s.ws.CloseRead(context.WithoutCancel(ctx))
	if err := s.ws.Ping(ctx); err != nil {
		s.b.Fatalf("the relay to read what is sent", "%s", came(nil, err))
	}
}

// came says in stable words what came instead.
func came(m proto.Message, err error) string {
	switch m := m.(type) {
	case *agentv1.StreamFrame:
		data := m.GetData()
		return fmt.Sprintf("a frame with seq %d and %q", m.GetSeq(), data[:min(len(data), 40)])
	case *agentv1.StreamClose:
		return "StreamClose " + m.GetReason().String()
	case *agentv1.StreamOpenAck:
		return answer(m)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "nothing in time"
	case errors.As(err, new(*stream.DecodeError)):
		return "a message that does not decode"
	case err != nil:
		return "the socket's end"
	default:
		return "another message"
	}
}

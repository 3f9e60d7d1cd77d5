package relaysuite

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

var handshakes = []testCase{
	{clause: "relay.handshake.first", behaviour: "another-message-is-refused", run: anotherFirst,
		explain: "Nothing may pass before the token was seen."},
	{clause: "relay.handshake.first", behaviour: "above-the-limit-is-refused", run: largeOpen,
		explain: "What strangers can make a relay hold in memory must be small."},
	{clause: "relay.handshake.checks", behaviour: "no-channel", run: noChannel,
		explain: "An open without a channel has nowhere to go."},
	{clause: "relay.handshake.checks", behaviour: "channel-differs-from-query", run: channelDiffers,
		explain: "Ingresses route by the query; an open for something else would be served by the wrong relay."},
	{clause: "relay.handshake.checks", behaviour: "unknown-role", run: unknownRole,
		explain: "Who is neither agent nor client has no end of the channel to sit at."},
	{clause: "relay.handshake.refusal", behaviour: "ack-says-stream-and-the-socket-ends", run: refusal,
		explain: "Clients tell a refusal, which no retry mends, from a relay that is away by exactly this answer."},
	{clause: "relay.handshake.ack", behaviour: "cursor-is-echoed", run: cursorEchoed,
		explain: "A client sees from the echo that the relay understood where it wants to go on."},
	{clause: "relay.handshake.timeout", behaviour: "silent-socket-is-dropped", run: silentSocket, idle: 40 * time.Second,
		explain: "Sockets that never open would use a relay up."},
	{clause: "relay.framing.text", behaviour: "ignored-before-and-after-the-open", run: textMessages,
		explain: "Browsers and proxies send text by mistake; it must not end a terminal."},
	{clause: "relay.framing.bad-bytes", behaviour: "refused-as-the-open", run: badOpen,
		explain: "Bytes that are no open carry no token."},
	{clause: "relay.framing.bad-bytes", behaviour: "ignored-after-the-open", run: badBytes,
		explain: "A message of a later protocol must not end a terminal."},
}

// rejects checks that a first message is answered by a refusal or the end of
// the socket.
func (b *bench) rejects(ctx context.Context, what string, first []byte) {
	s, status := b.given().upgrade(ctx, stream.RouteOf(b.channel("c")).Query(), nil)
	if s == nil {
		b.Given().Fatalf("a websocket at /stream", "HTTP status %d", status)
	}
	limited, cancel := b.wait(ctx)
	defer cancel()
	// A relay may end the socket before it has read everything.
	_ = s.ws.Write(limited, websocket.MessageBinary, first)
	m, err := s.next(ctx)
	ack, ok := m.(*agentv1.StreamOpenAck)
	b.Check(ok && !ack.GetAccepted() || m == nil && !errors.Is(err, context.DeadlineExceeded),
		what+" refused", "%s", came(m, err))
}

func (b *bench) encode(m proto.Message) []byte {
	data, err := stream.Encode(m)
	if err != nil {
		b.Harness(err)
	}
	return data
}

func anotherFirst(ctx context.Context, b *bench) {
	b.rejects(ctx, "a frame before the open", b.encode(&agentv1.StreamFrame{Data: []byte("x")}))
	b.rejects(ctx, "a close before the open", b.encode(&agentv1.StreamClose{}))
	b.rejects(ctx, "an ack from a client", b.encode(&agentv1.StreamOpenAck{Accepted: true}))
}

func largeOpen(ctx context.Context, b *bench) {
	// Unknown fields are skipped, so nothing but the size is wrong.
	padding := append([]byte{0xfa, 0x7f, 0x80, 0x80, 0x08}, make([]byte, 128<<10)...)
	b.rejects(ctx, "an open of 128 KiB", append(b.encode(b.open(stream.RoleAgent, b.channel("c"))), padding...))
}

func noChannel(ctx context.Context, b *bench) {
	open := b.open(stream.RoleAgent, b.channel("c"))
	query := stream.RouteOf(open.GetChannel()).Query()
	open.Channel = nil
	_, ack := b.attempt(ctx, query, open, nil)
	b.Check(!ack.GetAccepted(), "an open without a channel refused", "%s", answer(ack))
}

func channelDiffers(ctx context.Context, b *bench) {
	query := stream.RouteOf(b.channel("c")).Query()
	for what, change := range map[string]func(*agentv1.StreamChannel){
		"workspace":  func(ch *agentv1.StreamChannel) { ch.WorkspaceId += "x" },
		"agent":      func(ch *agentv1.StreamChannel) { ch.AgentId += "x" },
		"port":       func(ch *agentv1.StreamChannel) { ch.Port++ },
		"channel id": func(ch *agentv1.StreamChannel) { ch.ChannelId += "x" },
	} {
		ch := b.channel("c")
		change(ch)
		// The token is for the open's channel, so that the query alone differs.
		o := *b
		o.workspace, o.agent = ch.GetWorkspaceId(), ch.GetAgentId()
		_, ack := b.attempt(ctx, query, o.open(stream.RoleAgent, ch), nil)
		b.Check(!ack.GetAccepted(), "an open for another "+what+" than the query's refused", "%s", answer(ack))
	}
}

func unknownRole(ctx context.Context, b *bench) {
	for _, role := range []agentv1.StreamRole{0, 3} {
		for _, token := range []string{b.producerToken(), b.viewerToken(1)} {
			open := b.open(stream.RoleAgent, b.channel("c"))
			open.Role, open.Token = role, token
			b.refused(ctx, "an open of neither role", open)
		}
	}
}

func refusal(ctx context.Context, b *bench) {
	for _, role := range []agentv1.StreamRole{stream.RoleAgent, stream.RoleClient} {
		open := b.open(role, b.channel("c"))
		open.Token += "x"
		s, ack := b.tries(ctx, open)
		if ack == nil || ack.GetAccepted() {
			b.Fatalf("an ack that refuses", "%s", answer(ack))
		}
		b.Check(ack.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_STREAM, "the error STREAM", "%v", ack.GetError().GetCode())
		b.Check(!ack.GetError().GetRetryable(), "an error that is not retryable", "a retryable one")
		s.wantEnd(ctx, "a refused")
	}
}

func cursorEchoed(ctx context.Context, b *bench) {
	for _, role := range []agentv1.StreamRole{stream.RoleAgent, stream.RoleClient} {
		for _, cursor := range []uint64{0, 1, 1 << 40} {
			open := b.open(role, b.channel("c"))
			open.ResumeFromSeq = cursor
			_, ack := b.tries(ctx, open)
			b.Check(ack.GetAccepted() && ack.GetResumeFromSeq() == cursor, "an ack that accepts and echoes the cursor",
				"%s, with cursor %d for %d", answer(ack), ack.GetResumeFromSeq(), cursor)
		}
	}
}

// The specification says 10 s; a relay may look every few seconds.
const (
	silenceLeast = 5 * time.Second
	silenceMost  = 20 * time.Second
)

func silentSocket(ctx context.Context, b *bench) {
	s, _ := b.given().upgrade(ctx, stream.RouteOf(b.channel("c")).Query(), nil)
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, silenceMost)
	defer cancel()
	_, _, err := s.ws.Read(limited)
	took := time.Since(start)
	b.Logf("dropped after %v", took)
	b.Check(err != nil && limited.Err() == nil, "a silent socket dropped about 10 s after the upgrade", "it is open after 20 s")
	b.Check(took >= silenceLeast, "about 10 s for the open", "an end within 5 s")
}

func textMessages(ctx context.Context, b *bench) {
	s, _ := b.given().upgrade(ctx, stream.RouteOf(b.channel("c")).Query(), nil)
	s.b = b
	s.write(ctx, websocket.MessageText, []byte("hello"))
	s.send(ctx, b.open(stream.RoleAgent, b.channel("c")))
	m, err := s.next(ctx)
	if ack, ok := m.(*agentv1.StreamOpenAck); !ok || !ack.GetAccepted() {
		b.Fatalf("the open after a text message accepted", "%s", came(m, err))
	}
	v := b.viewer(ctx, "c", 0)
	s.write(ctx, websocket.MessageText, b.encode(&agentv1.StreamFrame{Data: []byte("text")}))
	s.frame(ctx, 0, "binary")
	v.want(ctx, 0, "binary")
	v.write(ctx, websocket.MessageText, []byte(strings.Repeat("x", 100)))
	v.frame(ctx, 0, "input")
	s.wantData(ctx, "input")
}

func badOpen(ctx context.Context, b *bench) {
	b.rejects(ctx, "an empty message", nil)
	b.rejects(ctx, "an unknown tag", []byte{99, 1, 2, 3})
	b.rejects(ctx, "an open that is no protobuf", []byte{byte(stream.TagOpen), 0xff, 0xff, 0xff})
}

func badBytes(ctx context.Context, b *bench) {
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	for _, s := range []*socket{p, v} {
		for _, data := range [][]byte{{}, {99, 1, 2}, {byte(stream.TagFrame), 0xff, 0xff}, {byte(stream.TagClose), 0xff}} {
			s.write(ctx, websocket.MessageBinary, data)
		}
	}
	p.frame(ctx, 0, "output")
	v.want(ctx, 0, "output")
	v.frame(ctx, 0, "input")
	p.wantData(ctx, "input")
}

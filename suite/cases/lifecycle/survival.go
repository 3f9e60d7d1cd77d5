package lifecycle

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// survivalCases are about what must not end an agent.
func survivalCases() []engine.Case {
	const clause = "lifecycle.stays-up"
	return []engine.Case{
		{
			ID:      "lifecycle.stays-up/odd-requests",
			Clause:  clause,
			Explain: "Whatever strays onto the subject reaches every machine of a fleet; one that crashes over it takes all its work along.",
			Try:     "nats request agent.WS.AGENT.rpc garbage; fakeagent call ping",
			Launch:  &engine.Launch{},
			Run:     survivesOddRequests,
		},
		{
			ID:      "lifecycle.stays-up/huge-and-deep-messages",
			Clause:  clause,
			Explain: "A parser that recurses, or that allocates whatever a length says, is ended by one message that the broker lets through.",
			Launch:  &engine.Launch{},
			Run:     survivesHugeMessages,
		},
		{
			ID:      "lifecycle.stays-up/callers-that-leave",
			Clause:  clause,
			Explain: "Control planes are restarted while machines work for them; a reply that nobody waits for is no reason to end.",
			Launch:  &engine.Launch{},
			Run:     survivesCallers,
		},
		{
			ID:      "lifecycle.stays-up/an-outage",
			Clause:  clause,
			Explain: "What a service manager starts again after an outage has lost the commands and terminals that ran.",
			Try:     "stop the broker for some seconds and start it again, and look at the agent's process",
			Launch:  &engine.Launch{},
			Idle:    outage,
			Run:     survivesOutage,
		},
		{
			ID:      "lifecycle.stays-up/a-lost-relay",
			Clause:  clause,
			Needs:   engine.PTY,
			Explain: "The relay is there for the screen; without it a machine still has commands and files to serve.",
			Launch:  &engine.Launch{},
			Run:     survivesRelay,
		},
	}
}

// survives judges that the agent still runs after what the case did to it. Of
// one that runs and answers nothing other clauses speak.
func survives(ctx context.Context, t *engine.T, what string) {
	answers := serves(ctx, t, t.Scale(returnLimit))
	switch {
	case t.Instance().Ended():
		t.Fatalf("an agent that runs on after "+what, "one that ended by itself")
	case !answers:
		t.Given().Fatalf("an agent that answers after "+what, "none")
	}
}

// survivesToTheEnd is survives for an agent that may end a moment after it has
// answered. One that begins to stop by itself is given the time for it.
func survivesToTheEnd(ctx context.Context, t *engine.T, what string) {
	survives(ctx, t, what)
	ended := t.Instance().AwaitCrash()
	if !ended && leaving(t, 0) {
		limit, cancel := context.WithTimeout(ctx, stopWithin)
		_, err := t.Instance().AwaitExit(limit)
		cancel()
		ended = err == nil
	}
	t.Check(!ended, "an agent that runs on after "+what, "one that ended by itself")
}

// oddity is a request that makes no sense, and the words that name it.
type oddity struct {
	what    string
	payload []byte
}

// oddities are small requests of every kind that an agent could be surprised
// by. Field numbers are those of the wire: 1 is the id, 10 a ping, 13 an exec, 14
// an fs_read.
func oddities(t *engine.T) []oddity {
	field := func(number protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
	}
	op := func(what string, m proto.Message) oddity { return oddity{what, encoded(t, m)} }
	return []oddity{
		{"an empty request", nil},
		{"garbage", []byte("GET / HTTP/1.1\r\n\r\n")},
		{"a tag that never ends", bytes.Repeat([]byte{0xff}, 16)},
		{"a length that nothing follows", []byte{0x0a, 0x7f}},
		{"a length of 2 GiB", []byte{0x52, 0xff, 0xff, 0xff, 0xff, 0x07}},
		{"an id that is no text", append(field(1, []byte("\xff")), field(10, nil)...)},
		{"a path that is no text", field(14, field(1, []byte("\xc3")))},
		{"an unknown op", field(2047, []byte("whatever"))},
		{"an id without an op", field(1, []byte("alone"))},
		op("a hello", &agentv1.Hello{AgentId: "somebody"}),
		op("a command without a program", &agentv1.ExecRequest{}),
		op("a command with an empty program", &agentv1.ExecRequest{Command: []string{""}}),
		op("a path with a NUL", &agentv1.FsStatRequest{Path: "a\x00b"}),
		op("a range without an end", &agentv1.FsReadRequest{Path: "missing", Offset: 1<<64 - 1, Length: 1<<64 - 1}),
		op("an unknown git op", &agentv1.GitRequest{Op: 9999, Args: []string{"version"}}),
		op("a terminal of no size that nobody opened", &agentv1.PtyResizeRequest{PtyId: "none"}),
		op("input without an event", &agentv1.DesktopInputRequest{}),
	}
}

func encoded(t *engine.T, op proto.Message) []byte {
	data, err := proto.Marshal(wire.NewRequest(op))
	if err != nil {
		t.Harness(fmt.Errorf("encode a request: %w", err))
	}
	return data
}

// confront sends an oddity and waits for what the agent says of it, if anything.
func confront(ctx context.Context, t *engine.T, odd oddity) {
	_, _ = t.SendRaw(ctx, odd.payload, nil, t.Scale(provokeLimit))
	survives(ctx, t, odd.what)
}

func survivesOddRequests(ctx context.Context, t *engine.T) {
	for _, odd := range oddities(t) {
		confront(ctx, t, odd)
	}
	survivesToTheEnd(ctx, t, "odd requests")
}

// survivesHugeMessages sends what just fits the broker's limit.
func survivesHugeMessages(ctx context.Context, t *engine.T) {
	const (
		headers = 1 << 10 // room for them: they count
		depth   = 100_000
	)
	size := t.Instance().Broker.MaxPayload() - headers
	long := strings.Repeat("x", size-64)
	deep := bytes.Repeat(protowire.AppendTag(nil, 1999, protowire.StartGroupType), depth)
	deep = append(deep, bytes.Repeat(protowire.AppendTag(nil, 1999, protowire.EndGroupType), depth)...)
	nested := []byte(nil)
	for len(nested) < 64<<10 {
		nested = protowire.AppendBytes(protowire.AppendTag(nil, 1999, protowire.BytesType), nested)
	}
	for _, odd := range []oddity{
		{"garbage as large as the broker allows", bytes.Repeat([]byte{0xff}, size)},
		{"an id as large as the broker allows", append(protowire.AppendString([]byte{0x0a}, long), 0x52, 0x00)},
		{"a path as large as the broker allows", encoded(t, &agentv1.FsStatRequest{Path: long})},
		{"an argument as large as the broker allows", encoded(t, &agentv1.ExecRequest{Command: []string{long}})},
		{"100,000 groups within each other", append([]byte{0x52, 0x00}, deep...)},
		{"messages within each other", append([]byte{0x52, 0x00}, nested...)},
		{"10,000 pings in one", bytes.Repeat([]byte{0x52, 0x00}, 10_000)},
	} {
		confront(ctx, t, odd)
	}
	survivesToTheEnd(ctx, t, "huge and deep messages")
}

// survivesCallers leaves the agent with replies that nobody takes.
func survivesCallers(ctx context.Context, t *engine.T) {
	const lasts = 500 * time.Millisecond
	ended := t.Path(ctx, "ended")
	script := append([]string{"/bin/sh", "-c", `"$@"; echo > ended`, "sh"}, t.Helper(ctx, "sleep", lasts.String())...)
	nc := t.Dial()
	for _, op := range []proto.Message{
		&agentv1.PingRequest{},
		&agentv1.FsListRequest{Path: t.Dir(ctx)},
		&agentv1.ExecRequest{Command: script, Cwd: t.Dir(ctx), TimeoutMs: 30_000},
	} {
		if err := nc.PublishRequest(t.Instance().Base+".rpc", nc.NewInbox(), encoded(t, op)); err != nil {
			t.Harness(fmt.Errorf("send a request: %w", err))
		}
	}
	if err := nc.FlushWithContext(ctx); err != nil {
		t.Harness(fmt.Errorf("send requests: %w", err))
	}
	nc.Close()
	// An agent may end a command whose caller left: then nothing is written.
	t.AwaitFile(ctx, ended, 4*lasts)
	survivesToTheEnd(ctx, t, "callers that left")
}

func survivesOutage(ctx context.Context, t *engine.T) {
	kick(t)
	survivesToTheEnd(ctx, t, "a cut connection")
	lose(ctx, t, outage)
	survivesToTheEnd(ctx, t, "an outage of its broker")
}

func survivesRelay(ctx context.Context, t *engine.T) {
	t.Given().HelperTerminal(ctx, "sleep", longLife)
	t.Instance().Relay.Kill()
	survivesToTheEnd(ctx, t, "the end of its relay")
}

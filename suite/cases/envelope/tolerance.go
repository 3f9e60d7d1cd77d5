package envelope

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// toleranceCases are about what a request may carry without changing.
func toleranceCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "envelope.unknown-fields/every-wire-type",
			Clause:  "envelope.unknown-fields",
			Explain: "A newer control plane adds fields of any type; an older agent must do the part that it knows.",
			Run:     unknownTypes,
		},
		{
			ID:      "envelope.unknown-fields/every-operation",
			Clause:  "envelope.unknown-fields",
			Explain: "One operation whose decoder is strict breaks the day its message grows.",
			Run:     unknownInEveryOp,
		},
		{
			ID:      "envelope.headers-ignored/without-headers",
			Clause:  "envelope.headers-ignored",
			Explain: "A control plane sends none; an agent that wants one serves its own test bench alone.",
			Run:     withoutHeaders,
		},
		{
			ID:      "envelope.headers-ignored/any-header",
			Clause:  "envelope.headers-ignored",
			Explain: "Brokers and tracing put headers on messages; they are none of the agent's business.",
			Try:     "nats request agent.WS.AGENT.rpc '' -H 'Status: 503'",
			Run:     anyHeader,
		},
	}
}

// unknownFields is one field of each wire type, with numbers that no revision
// uses.
func unknownFields() [][]byte {
	group := protowire.AppendTag(nil, 1990, protowire.StartGroupType)
	group = append(group, bytesField(1, []byte("inside"))...)
	return [][]byte{
		protowire.AppendVarint(protowire.AppendTag(nil, 1900, protowire.VarintType), 1<<63),
		protowire.AppendFixed64(protowire.AppendTag(nil, 1910, protowire.Fixed64Type), 1),
		protowire.AppendFixed32(protowire.AppendTag(nil, 1920, protowire.Fixed32Type), 1),
		bytesField(1999, []byte("not UTF-8: \xff")),
		bytesField(1950, make([]byte, 64<<10)),
		protowire.AppendTag(group, 1990, protowire.EndGroupType),
	}
}

// withUnknown adds fields that no revision has to an operation's message.
func withUnknown[M proto.Message](op M, fields ...[]byte) M {
	var raw []byte
	for _, f := range fields {
		raw = append(raw, f...)
	}
	op.ProtoReflect().SetUnknown(raw)
	return op
}

func unknownTypes(ctx context.Context, t *engine.T) {
	for _, field := range unknownFields() {
		r := engine.Must[*agentv1.PingResponse](ctx, t, withUnknown(&agentv1.PingRequest{Nonce: 9}, field))
		engine.Equal(t, "the nonce beside an unknown field", r.GetNonce(), 9)
	}
}

func unknownInEveryOp(ctx context.Context, t *engine.T) {
	all := unknownFields()
	name := t.Path(ctx, "file")
	engine.Must[*agentv1.FsWriteResponse](ctx, t, withUnknown(&agentv1.FsWriteRequest{Path: name, Content: []byte("content")}, all...))
	r := engine.Must[*agentv1.FsReadResponse](ctx, t, withUnknown(&agentv1.FsReadRequest{Path: name, Offset: 3}, all...))
	engine.EqualBytes(t, "the content from offset 3", r.GetContent(), []byte("tent"))
	x := engine.Must[*agentv1.ExecResponse](ctx, t, withUnknown(&agentv1.ExecRequest{Command: t.Helper(ctx, "exit", "3"), TimeoutMs: 10_000}, all...))
	engine.Equal(t, "the exit code", x.GetExitCode(), 3)
	for _, op := range []proto.Message{
		&agentv1.FsListRequest{Path: t.Dir(ctx)},
		&agentv1.FsMkdirRequest{Path: t.Path(ctx, "dir")},
		&agentv1.FsMoveRequest{From: name, To: name + ".moved"},
		&agentv1.FsStatRequest{Path: name},
		&agentv1.FsRemoveRequest{Path: name + ".moved"},
		&agentv1.MetricsRequest{},
	} {
		if resp := t.Call(ctx, withUnknown(op, all...)); resp.GetError() != nil {
			t.Errorf("an operation that runs in spite of unknown fields", "%s", engine.Outcome(resp))
		}
	}
}

func withoutHeaders(ctx context.Context, t *engine.T) {
	resp := exchange(ctx, t, encode(t, wire.NewRequest(&agentv1.PingRequest{Nonce: 5})), nats.Header{})
	engine.Equal(t, "the nonce", engine.MustOf[*agentv1.PingResponse](t, resp).GetNonce(), 5)
}

func anyHeader(ctx context.Context, t *engine.T) {
	for _, header := range []nats.Header{
		{"Status": {"503"}, "Description": {"No Responders"}},
		{"Nats-Msg-Id": {"1"}, "Nats-Expected-Stream": {"none"}, "Nats-Rollup": {"all"}},
		{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}},
		{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}},
		{"X-Long": {strings.Repeat("x", 8<<10)}, "X-Empty": {""}, "X-Twice": {"a", "b"}},
	} {
		name := t.Path(ctx, "file")
		payload := encode(t, wire.NewRequest(&agentv1.FsWriteRequest{Path: name, Content: []byte("x"), Append: true}))
		engine.MustOf[*agentv1.FsWriteResponse](t, exchange(ctx, t, payload, header))
		engine.EqualBytes(t, "what one request wrote", t.Given().Read(ctx, name), []byte("x"))
		t.Given().Remove(ctx, name)
	}
}

package envelope

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
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
	engine.Equal(t.Given(), "the nonce of a ping", t.Given().Ping(ctx, 9).GetNonce(), 9)
	for _, field := range unknownFields() {
		r := engine.Must[*agentv1.PingResponse](ctx, t, withUnknown(&agentv1.PingRequest{Nonce: 9}, field))
		engine.Equal(t, "the nonce beside an unknown field", r.GetNonce(), 9)
	}
}

func unknownInEveryOp(ctx context.Context, t *engine.T) {
	// First without them: only what runs then must run with them.
	everyOp(ctx, t.Given(), "plain")
	everyOp(ctx, t, "unknown", unknownFields()...)
}

// everyOp judges that the operations run with some fields.
func everyOp(ctx context.Context, t *engine.T, prefix string, fields ...[]byte) {
	dir := t.Dir(ctx)
	name := t.Path(ctx, prefix+"-file")
	engine.Must[*agentv1.FsWriteResponse](ctx, t, withUnknown(&agentv1.FsWriteRequest{Path: name, Content: []byte("content")}, fields...))
	r := engine.Must[*agentv1.FsReadResponse](ctx, t, withUnknown(&agentv1.FsReadRequest{Path: name, Offset: 3}, fields...))
	engine.EqualBytes(t, "the content from offset 3", r.GetContent(), []byte("tent"))
	x := engine.Must[*agentv1.ExecResponse](ctx, t,
		withUnknown(&agentv1.ExecRequest{Command: t.Helper(ctx, "exit", "3"), Cwd: dir, TimeoutMs: 10_000}, fields...))
	engine.Equal(t, "the exit code", x.GetExitCode(), 3)
	for _, op := range []proto.Message{
		&agentv1.FsListRequest{Path: dir},
		&agentv1.FsMkdirRequest{Path: t.Path(ctx, prefix+"-dir")},
		&agentv1.FsMoveRequest{From: name, To: name + ".moved"},
		&agentv1.FsStatRequest{Path: name},
		&agentv1.FsRemoveRequest{Path: name + ".moved"},
		&agentv1.MetricsRequest{},
	} {
		if resp := t.Call(ctx, withUnknown(op, fields...)); resp.GetError() != nil {
			t.Errorf("an operation that runs in spite of unknown fields", "%s", engine.Outcome(resp))
		}
	}
}

func withoutHeaders(ctx context.Context, t *engine.T) {
	resp := exchange(ctx, t, encode(t, request(&agentv1.PingRequest{Nonce: 5})), nats.Header{})
	engine.Equal(t, "the nonce", engine.MustOf[*agentv1.PingResponse](t, resp).GetNonce(), 5)
}

func anyHeader(ctx context.Context, t *engine.T) {
	appended(ctx, t.Given(), "file", nil) // the header that names the case
	for i, header := range []nats.Header{
		{"Status": {"503"}, "Description": {"No Responders"}},
		{"Nats-Msg-Id": {"1"}, "Nats-Expected-Stream": {"none"}, "Nats-Rollup": {"all"}},
		{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}},
		{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}},
		{"X-Long": {strings.Repeat("x", 8<<10)}, "X-Empty": {""}, "X-Twice": {"a", "b"}},
	} {
		appended(ctx, t, fmt.Sprintf("file-%d", i), header)
	}
}

// appended judges that a request with a header appends to a file, once.
func appended(ctx context.Context, t *engine.T, name string, header nats.Header) {
	name = t.Path(ctx, name)
	payload := encode(t, request(&agentv1.FsWriteRequest{Path: name, Content: []byte("x"), Append: true}))
	engine.MustOf[*agentv1.FsWriteResponse](t, exchange(ctx, t, payload, header))
	content, _ := t.Look(ctx, name)
	engine.EqualBytes(t, "what one request wrote", content, []byte("x"))
}

package envelope

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// Field numbers of ControlRequest and of some operations, for requests that
// no encoder would make.
const (
	fieldRequestID = 1
	fieldPing      = 10
	fieldExec      = 13
	fieldFsRead    = 14
	fieldPath      = 1
	fieldCommand   = 1
	fieldEnv       = 4
	// fieldNoOp is an op number that no revision has.
	fieldNoOp = 2047
)

// refusalCases are about requests that are no requests.
func refusalCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "envelope.undecodable/garbage",
			Clause:  "envelope.undecodable",
			Explain: "Whatever strays onto the subject must be answered, or its sender waits until its deadline.",
			Try:     "nats request agent.WS.AGENT.rpc garbage",
			Run:     undecodable(malformed),
		},
		{
			ID:      "envelope.undecodable/truncated",
			Clause:  "envelope.undecodable",
			Explain: "A request that was cut on its way must not run as the shorter one that it looks like.",
			Run:     truncated,
		},
		{
			ID:      "envelope.undecodable/random",
			Clause:  "envelope.undecodable",
			Explain: "No bytes may kill the agent or get silence, also those that nobody thought of.",
			Run:     random,
		},
		{
			ID:      "envelope.undecodable/malformed-id",
			Clause:  "envelope.undecodable",
			Explain: "A string that is not UTF-8 does not decode; echoed as the id it would make a reply that does not either.",
			Run: undecodable(func() [][]byte {
				return [][]byte{append(bytesField(fieldRequestID, []byte("id\xff")), bytesField(fieldPing, nil)...)}
			}),
		},
		{
			ID:      "envelope.undecodable/malformed-argument",
			Clause:  "envelope.undecodable",
			Explain: "A decoder that lets such strings pass hands a path to the system that its caller could never have named.",
			Run:     undecodable(badArguments),
		},
		{
			ID:      "envelope.undecodable/agent-serves-on",
			Clause:  "envelope.undecodable",
			Explain: "One stray message must not take a machine away from everybody.",
			Run:     servesOn,
		},
		{
			ID:      "envelope.no-op/empty-payload",
			Clause:  "envelope.no-op",
			Explain: "Nothing at all is a valid encoding of a request without id and op; it deserves an answer as any other.",
			Try:     "nats request agent.WS.AGENT.rpc ''",
			Run: func(ctx context.Context, t *engine.T) {
				protocolError(t, exchange(ctx, t, nil, nil), "")
			},
		},
		{
			ID:      "envelope.no-op/id-alone",
			Clause:  "envelope.no-op",
			Explain: "An empty op is how a request looks whose op this agent does not know; the id says whose request it was.",
			Run: func(ctx context.Context, t *engine.T) {
				req := &agentv1.ControlRequest{RequestId: "without-op"}
				protocolError(t, exchange(ctx, t, encode(t, req), nil), "without-op")
			},
		},
		{
			ID:      "envelope.no-op/unknown-op",
			Clause:  "envelope.no-op",
			Explain: "A newer control plane finds out what an older agent cannot do by asking; silence or success would mislead it.",
			Run:     unknownOp,
		},
		{
			ID:      "envelope.agent-initiated/hello",
			Clause:  "envelope.agent-initiated",
			Explain: "Hello goes from the agent to the control plane; an agent that acknowledges one believes to be the other side.",
			Run:     agentInitiated(&agentv1.Hello{AgentId: "somebody"}),
		},
		{
			ID:      "envelope.agent-initiated/resume",
			Clause:  "envelope.agent-initiated",
			Explain: "Whoever could make an agent accept a resume could move its epoch.",
			Run:     agentInitiated(&agentv1.ResumeRequest{AgentId: "somebody", LastKnownEpoch: 1}),
		},
		{
			ID:      "envelope.agent-initiated/update-may-proceed",
			Clause:  "envelope.agent-initiated",
			Explain: "Whether an update may proceed is for the control plane to say, not for the agent.",
			Run:     agentInitiated(&agentv1.UpdateMayProceedRequest{AgentId: "somebody", TargetVersion: "1"}),
		},
	}
}

// undecodable judges payloads that do not decode.
func undecodable(payloads func() [][]byte) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		for _, payload := range payloads() {
			protocolError(t, exchange(ctx, t, payload, nil), "")
		}
	}
}

// malformed holds one payload for each way in which the wire format can be
// wrong.
func malformed() [][]byte {
	id := bytesField(fieldRequestID, []byte("never-echoed"))
	return [][]byte{
		[]byte("GET / HTTP/1.1\r\n\r\n"),
		[]byte(`{"requestId":"json","ping":{}}`),
		{0xff},
		bytes.Repeat([]byte{0xff}, 16),                                  // a tag that never ends
		append(bytes.Clone(id), 0x00),                                   // field number 0
		append(bytes.Clone(id), 0x0f),                                   // a wire type that does not exist
		append(bytes.Clone(id), fieldPing<<3|4),                         // the end of a group that did not begin
		append(bytes.Clone(id), fieldPing<<3|3),                         // a group that does not end
		append(bytes.Clone(id), bytesField(fieldPing, []byte{0x08})...), // a field without its value
	}
}

// truncated cuts a request at every place where the rest does not decode.
func truncated(ctx context.Context, t *engine.T) {
	whole := encode(t, &agentv1.ControlRequest{
		RequestId: "cut",
		Op: &agentv1.ControlRequest_FsWrite{FsWrite: &agentv1.FsWriteRequest{
			Path: t.Path(ctx, "cut"), Content: []byte("content"), CreateParents: true,
		}},
	})
	for n := range whole {
		if proto.Unmarshal(whole[:n], &agentv1.ControlRequest{}) != nil {
			protocolError(t, exchange(ctx, t, whole[:n], nil), "")
		}
	}
	t.Settle(ctx)
	_, there := t.Look(ctx, t.Path(ctx, "cut"))
	t.Check(!there, "nothing executed from a request that was cut", "a file")
}

// random sends the same bytes in every run. What decodes by chance is left
// out: it could be an operation.
func random(ctx context.Context, t *engine.T) {
	source := rand.NewChaCha8([32]byte{'a', 'g', 'e', 'n', 't', 'p', 'r', 'o', 'o', 'f'})
	for size := 1; size <= 4096; size += size/4 + 1 {
		payload := make([]byte, size)
		_, _ = source.Read(payload) // never fails
		if proto.Unmarshal(payload, &agentv1.ControlRequest{}) != nil {
			protocolError(t, exchange(ctx, t, payload, nil), "")
		}
	}
}

func badArguments() [][]byte {
	bad := []byte("a\xc3")
	id := bytesField(fieldRequestID, []byte("never-echoed"))
	env := append(bytesField(1, []byte("NAME")), bytesField(2, bad)...)
	return [][]byte{
		append(bytes.Clone(id), bytesField(fieldFsRead, bytesField(fieldPath, bad))...),
		append(bytes.Clone(id), bytesField(fieldExec, bytesField(fieldCommand, bad))...),
		append(bytes.Clone(id), bytesField(fieldExec, bytesField(fieldEnv, env))...),
	}
}

func servesOn(ctx context.Context, t *engine.T) {
	for _, payload := range slices.Concat(malformed(), badArguments()) {
		exchange(ctx, t, payload, nil)
		engine.Equal(t, "the nonce of a ping after it", t.Ping(ctx, 7).GetNonce(), 7)
	}
}

// unknownOp carries the operation as a message, and as a number: its type is
// as unknown as its meaning.
func unknownOp(ctx context.Context, t *engine.T) {
	for i, op := range [][]byte{
		bytesField(fieldNoOp, []byte("whatever")),
		bytesField(fieldNoOp, nil),
		protowire.AppendVarint(protowire.AppendTag(nil, fieldNoOp, protowire.VarintType), 1),
	} {
		id := fmt.Sprintf("unknown-op-%d", i)
		payload := append(bytesField(fieldRequestID, []byte(id)), op...)
		protocolError(t, exchange(ctx, t, payload, nil), id)
	}
}

func agentInitiated(op proto.Message) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		req := wire.NewRequest(op)
		req.RequestId = "agent-initiated-" + member(req)
		protocolError(t, exchange(ctx, t, encode(t, req), nil), req.GetRequestId())
	}
}

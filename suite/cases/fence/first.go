package fence

import (
	"context"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

// firstCases are about the fence coming before everything else that an agent
// could find wrong with a request.
func firstCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fence.first/ping",
			Clause:  "fence.first",
			Explain: "A ping is how a control plane learns that its lease is over before it does any harm.",
			Try:     "fakeagent run --epoch 7; fakeagent call --epoch 6 ping",
			Run: func(ctx context.Context, t *engine.T) {
				fenced(ctx, t, at(held(t)-1, &agentv1.PingRequest{Nonce: 1}))
			},
		},
		{
			ID:      "fence.first/without-op",
			Clause:  "fence.first",
			Explain: "The fence is the envelope's; whether the agent knows what is inside does not matter yet.",
			Run: func(ctx context.Context, t *engine.T) {
				fenced(ctx, t, at(held(t)-1, nil))
			},
		},
		{
			ID:      "fence.first/unknown-op",
			Clause:  "fence.first",
			Explain: "A newer control plane that lost its lease must hear of that, not of the agent's age.",
			Run:     firstUnknownOp,
		},
		{
			ID:      "fence.first/agent-initiated-op",
			Clause:  "fence.first",
			Explain: "Nonsense from an older lease is first of all from an older lease.",
			Run: func(ctx context.Context, t *engine.T) {
				fenced(ctx, t, at(held(t)-1, &agentv1.ResumeRequest{}))
			},
		},
		{
			ID:      "fence.first/wrong-arguments",
			Clause:  "fence.first",
			Explain: "An operation that would fail anyway must not be tried to find that out.",
			Try:     "fakeagent run --epoch 7; fakeagent call --epoch 6 read missing",
			Run:     firstWrongArguments,
		},
		{
			ID:      "fence.first/screen-control",
			Clause:  "fence.first",
			Explain: "A stale click is the worst of all: it must be refused before a display is even looked for.",
			Launch:  &engine.Launch{}, // without a display, whatever other cases are run
			Run:     firstScreenControl,
		},
		{
			ID:      "fence.first/screen-control-without-consent",
			Clause:  "fence.first",
			Explain: "A caller without the lease need not learn what the machine's owner consented to.",
			Launch:  &engine.Launch{NoScreenControl: true},
			Run:     firstScreenControl,
		},
		{
			ID:      "fence.first/undecodable",
			Clause:  "fence.first",
			Explain: "Bytes that do not decode have no epoch that could be trusted, even where it comes first.",
			Run:     firstUndecodable,
		},
	}
}

func firstUnknownOp(ctx context.Context, t *engine.T) {
	req := at(held(t)-1, nil)
	unknown := protowire.AppendTag(nil, 2047, protowire.BytesType)
	req.ProtoReflect().SetUnknown(protowire.AppendBytes(unknown, nil))
	fenced(ctx, t, req)
}

func firstWrongArguments(ctx context.Context, t *engine.T) {
	for _, op := range []proto.Message{
		&agentv1.ExecRequest{},
		&agentv1.FsReadRequest{Path: t.Path(ctx, "missing")},
		&agentv1.FsReadRequest{Path: "a\x00b"},
		&agentv1.FsMoveRequest{},
	} {
		fenced(ctx, t, at(held(t)-1, op))
	}
}

// firstScreenControl moves the pointer to where it may be anyway: a subject
// that breaks the clause does no more than that.
func firstScreenControl(ctx context.Context, t *engine.T) {
	for _, op := range []*agentv1.DesktopInputRequest{
		{},
		{Event: &agentv1.DesktopInputRequest_Pointer{Pointer: &agentv1.PointerEvent{Action: agentv1.PointerAction_POINTER_ACTION_MOVE}}},
	} {
		fenced(ctx, t, at(held(t)-1, op))
	}
}

func firstUndecodable(ctx context.Context, t *engine.T) {
	payload, err := proto.Marshal(at(held(t)-1, nil))
	if err != nil {
		t.Harness(err)
	}
	// A length that nothing follows.
	payload = append(protowire.AppendTag(payload, 10, protowire.BytesType), 5)
	data, err := t.SendRaw(ctx, payload, nil, t.Scale(20*time.Second))
	if err != nil {
		t.Fatalf("a reply to bytes that do not decode", "silence")
	}
	resp := &agentv1.ControlResponse{}
	if err := proto.Unmarshal(data, resp); err != nil {
		t.Fatalf("a reply that decodes", "one that does not")
	}
	t.WantError(resp, agentv1.ErrorCode_ERROR_CODE_PROTOCOL)
}

package envelope

import (
	"context"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// retryableCases are about the one flag by which a caller decides to try
// again. DRAINING is judged where an agent drains (lifecycle.draining) and
// where it is busy; TIMEOUT and STREAM cannot be had on demand.
func retryableCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "envelope.retryable/fenced",
			Clause:  "envelope.retryable",
			Explain: "A fenced caller should resolve the lease again and retry, not give up the machine.",
			Run:     retryableFenced,
		},
		{
			ID:      "envelope.retryable/not-found",
			Clause:  "envelope.retryable",
			Explain: "What is not there is not there the second time; a retry loop would spin on it.",
			Try:     "fakeagent call read missing",
			Run: retryable(agentv1.ErrorCode_ERROR_CODE_NOT_FOUND, func(ctx context.Context, t *engine.T) []proto.Message {
				missing := t.Path(ctx, "missing")
				return []proto.Message{
					&agentv1.FsReadRequest{Path: missing},
					&agentv1.FsRemoveRequest{Path: missing},
					&agentv1.ExecRequest{Command: t.Helper(ctx, "exit", "0"), Cwd: missing},
					&agentv1.ExecRequest{Command: []string{"agentproof-no-such-program"}, Cwd: t.Dir(ctx)},
				}
			}),
		},
		{
			ID:      "envelope.retryable/os",
			Clause:  "envelope.retryable",
			Explain: "A directory is no file however often it is read.",
			Try:     "fakeagent call read .",
			Run: retryable(agentv1.ErrorCode_ERROR_CODE_OS, func(ctx context.Context, t *engine.T) []proto.Message {
				file := t.File(ctx, "file", "x")
				return []proto.Message{
					&agentv1.FsReadRequest{Path: t.Dir(ctx)},
					&agentv1.FsListRequest{Path: file},
					&agentv1.FsMkdirRequest{Path: file},
					&agentv1.ExecRequest{Command: []string{t.Abs(ctx, file)}, Cwd: t.Dir(ctx)},
				}
			}),
		},
		{
			ID:      "envelope.retryable/protocol",
			Clause:  "envelope.retryable",
			Explain: "A request that makes no sense makes none the second time.",
			Run:     retryableProtocol,
		},
		{
			ID:      "envelope.retryable/payload-too-large",
			Clause:  "envelope.retryable",
			Explain: "The same request gives the same reply, and it is as large as before.",
			Launch:  &engine.Launch{MaxPayload: smallPayload},
			Run: retryable(agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE, func(ctx context.Context, t *engine.T) []proto.Message {
				return []proto.Message{&agentv1.FsReadRequest{Path: fileOf(ctx, t, 2*smallPayload)}}
			}),
		},
		{
			ID:      "envelope.retryable/unsupported",
			Clause:  "envelope.retryable",
			Explain: "A machine without a display does not grow one between two tries.",
			Launch:  &engine.Launch{NoDisplay: true},
			Run: retryable(agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED, func(context.Context, *engine.T) []proto.Message {
				return []proto.Message{&agentv1.DesktopScreenshotRequest{}, &agentv1.DesktopEnsureRequest{}}
			}),
		},
		{
			ID:      "envelope.retryable/consent-required",
			Clause:  "envelope.retryable",
			Explain: "Consent is given by a person; asking the machine again is no way to get it.",
			Launch:  &engine.Launch{NoScreenControl: true, NoDisplay: true},
			Run: retryable(agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED, func(context.Context, *engine.T) []proto.Message {
				return []proto.Message{&agentv1.DesktopInputRequest{}}
			}),
		},
	}
}

// retryable judges the flag of errors that must not be retried. That they come
// with this code is another clause's matter.
func retryable(code agentv1.ErrorCode, ops func(context.Context, *engine.T) []proto.Message) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		var attempts []engine.Attempt
		for _, op := range ops(ctx, t) {
			attempts = append(attempts, engine.Attempt{What: member(wire.NewRequest(op)), Op: op})
		}
		for _, e := range t.Given().RefusedAll(ctx, code, attempts...) {
			if e != nil {
				engine.Equal(t, "retryable", e.GetRetryable(), false)
			}
		}
	}
}

func retryableFenced(ctx context.Context, t *engine.T) {
	if t.Instance().HeldEpoch < 2 {
		t.Untestable("it needs to know the epoch that the agent holds: give one of 2 or more with --held-epoch")
	}
	req := wire.NewRequest(&agentv1.PingRequest{})
	req.Epoch = 1
	e := t.Given().WantError(t.Do(ctx, req), agentv1.ErrorCode_ERROR_CODE_FENCED)
	engine.Equal(t, "retryable", e.GetRetryable(), true)
}

func retryableProtocol(ctx context.Context, t *engine.T) {
	for _, payload := range [][]byte{{0xff}, nil} {
		e := t.Given().WantError(exchange(ctx, t.Given(), payload, nil), agentv1.ErrorCode_ERROR_CODE_PROTOCOL)
		engine.Equal(t, "retryable", e.GetRetryable(), false)
	}
}

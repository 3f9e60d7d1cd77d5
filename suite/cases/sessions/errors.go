package sessions

import (
	"context"
	"errors"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/suite/engine"
)

func errorCases() []engine.Case {
	return []engine.Case{
		{
			ID: "session.error.fenced/nothing-ran", Clause: "session.error.fenced", Needs: engine.Filesystem,
			Explain: "A session whose machine has moved on must learn so, and must not have touched it.",
			Try:     "echo x | fakeagent call --epoch 1 write stale.txt   (against fakeagent run --epoch 2)",
			Run:     fencedNothingRan,
		},
		{
			ID: "session.error.missing-file/is-no-missing-machine", Clause: "session.error.missing-file", Needs: engine.Filesystem,
			Explain: "A file that does not exist is an everyday answer; only it may match fs.ErrNotExist.",
			Try:     "fakeagent call read nope",
			Run:     missingFile,
		},
		{
			ID: "session.error.other/os-error-is-no-flag", Clause: "session.error.other", Needs: engine.Filesystem,
			Explain: "An ordinary failure must not look like an agent that is offline, fenced or draining.",
			Run:     osError,
		},
	}
}

func fencedNothingRan(ctx context.Context, t *engine.T) {
	held := t.Instance().HeldEpoch
	if held < 2 {
		t.Untestable("the epoch that the agent holds is not known: give --held-epoch")
	}
	s := t.Session(session.Config{WorkingDir: t.Dir(ctx), Epoch: held - 1})
	_, err := s.WriteFile(ctx, session.WriteFileParams{Path: "stale.txt", Content: []byte("x")})
	is(t, err, session.ErrFenced, "ErrFenced")
	if e, found := errors.AsType[*session.ControlError](err); found {
		engine.Equal(t, "the flag Fenced", e.Fenced, true)
		engine.Equal(t, "retryable", e.Retryable, true)
	}
	absent(ctx, t, "nothing written by a fenced session", t.Path(ctx, "stale.txt"))
	write(ctx, t, t.Session(session.Config{WorkingDir: t.Dir(ctx), Epoch: held}), "current.txt", "x")
}

func missingFile(ctx context.Context, t *engine.T) {
	_, err := in(ctx, t).ReadFile(ctx, session.ReadFileParams{Path: "nope"})
	is(t, err, session.ErrNotExist, "ErrNotExist")
	t.Check(!errors.Is(err, session.ErrAgentOffline), "no offline agent", "an error that is ErrAgentOffline")
	if e, found := errors.AsType[*session.ControlError](err); found {
		engine.Equal(t, "the flag OSNotFound", e.OSNotFound, true)
	}
}

func osError(ctx context.Context, t *engine.T) {
	_, err := in(ctx, t).ReadFile(ctx, session.ReadFileParams{Path: "."})
	e, found := errors.AsType[*session.ControlError](err)
	if !found {
		t.Fatalf("a *ControlError for reading a directory", "%s", condition(err))
	}
	engine.Equal(t, "the code", e.Code, agentv1.ErrorCode_ERROR_CODE_OS)
	t.Check(!e.Fenced && !e.Draining && !e.AgentOffline && !e.OSNotFound && e.Reason == "", "no flag and no reason", "some")
}

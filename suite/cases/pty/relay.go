package pty

import (
	"context"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wire"
)

// silentLimit is what pty.relay-silent gives, and a little for the harness.
const silentLimit = 15*time.Second + 500*time.Millisecond

func relayCases() []engine.Case {
	return []engine.Case{
		{
			ID: "pty.relay-down/connection-refused", Clause: "pty.relay-down", Needs: needs, Launch: &engine.Launch{},
			Explain: "Without a relay nobody can see the terminal; a shell that runs unseen must not be left.",
			Run: func(ctx context.Context, t *engine.T) {
				t.Instance().Relay.Kill()
				refusedAndNoShell(ctx, t, t.Scale(20*time.Second))
			},
		},
		{
			ID: "pty.relay-down/token-rejected", Clause: "pty.relay-down", Needs: needs, Launch: &engine.Launch{BadRelayToken: true},
			Explain: "A relay that refuses the agent is as good as none.",
			Run: func(ctx context.Context, t *engine.T) {
				refusedAndNoShell(ctx, t, t.Scale(20*time.Second))
			},
		},
		{
			ID: "pty.relay-silent/typed-error-in-time", Clause: "pty.relay-silent", Needs: needs, Launch: &engine.Launch{SilentRelay: true},
			Idle:    15 * time.Second,
			Explain: "A relay behind a broken proxy takes connections and never answers; the caller must not wait with it.",
			Run:     func(ctx context.Context, t *engine.T) { refusedAndNoShell(ctx, t, silentLimit) },
		},
		{
			ID: "pty.relay-down/serves-again-when-it-is-back", Clause: "pty.relay-down", Needs: needs, Launch: &engine.Launch{},
			Explain: "A relay that was away once must not cost the machine its terminals for good.",
			Run:     servesAgain,
		},
		{
			ID: "pty.no-relay/refused", Clause: "pty.no-relay", Needs: engine.Exec | engine.Filesystem, Launch: &engine.Launch{NoRelay: true},
			Explain: "An agent that was told of no relay has no way to show a terminal to anybody.",
			Run:     noRelay,
		},
		{
			ID: "pty.no-relay-hello/says-no-terminals", Clause: "pty.no-relay-hello", Launch: &engine.Launch{NoRelay: true},
			Explain: "A control plane offers what the Hello claims; a terminal that cannot work should not be offered.",
			Run: func(_ context.Context, t *engine.T) {
				engine.Equal(t, "pty in the Hello", t.Instance().Hello().GetCapabilities().GetPty(), false)
			},
		},
	}
}

// unreachable checks that an error is one of those for a relay that cannot be
// used.
func unreachable(t *engine.T, resp *agentv1.ControlResponse) {
	switch code := resp.GetError().GetCode(); code {
	case agentv1.ErrorCode_ERROR_CODE_STREAM, agentv1.ErrorCode_ERROR_CODE_OS, agentv1.ErrorCode_ERROR_CODE_TIMEOUT:
	default:
		t.Errorf("the error STREAM, OS or TIMEOUT", "%s", outcome(resp))
	}
}

// refusedAndNoShell opens a terminal that cannot be, and looks for what it
// may have started all the same.
func refusedAndNoShell(ctx context.Context, t *engine.T, limit time.Duration) {
	name := t.Path(ctx, "tree.json")
	command := t.Helper(ctx, "tree", "--for", "60s", "--sleep", "60s", "--file", t.Abs(ctx, name))
	resp, err := t.Start(wire.NewRequest(&agentv1.PtyOpenRequest{Command: command, Cwd: t.Dir(ctx)})).Try(ctx, limit)
	if err != nil {
		t.Fatalf("an error in time", "no reply")
	}
	unreachable(t, resp)
	if _, started := t.Look(ctx, name); !started {
		return
	}
	args := append([]string{"alive", "--until-dead", goneWithin.String()}, treeIn(ctx, t, name).Refs()...)
	left := engine.Probe[helper.Processes](ctx, t, args...)
	if len(left.Living()) > 0 {
		t.MissedIfBusy(ctx)
	}
	t.Check(len(left.Living()) == 0, "no shell left 2 s later", "one that runs: %s", left.Running())
}

func servesAgain(ctx context.Context, t *engine.T) {
	relay := t.Instance().Relay
	relay.Kill()
	unreachable(t.Given(), t.Call(ctx, sleeping(ctx, t)))
	if err := relay.Restart(); err != nil {
		t.Harness(err)
	}
	t.OpenTerminal(ctx, sleeping(ctx, t))
}

func noRelay(ctx context.Context, t *engine.T) {
	resp := t.Call(ctx, sleeping(ctx, t))
	switch code := resp.GetError().GetCode(); code {
	case agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED, agentv1.ErrorCode_ERROR_CODE_STREAM, agentv1.ErrorCode_ERROR_CODE_OS:
	default:
		t.Errorf("the error UNSUPPORTED, STREAM or OS", "%s", outcome(resp))
	}
}

package desktop

import (
	"context"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func noneCases() []engine.Case {
	headless := &engine.Launch{NoDisplay: true}
	return []engine.Case{
		{
			ID: "desktop.none/operations-are-unsupported", Clause: "desktop.none", Launch: headless,
			Explain: "A server has no screen; the control plane must hear that rather than an empty picture.",
			Run:     noneUnsupported,
		},
		{
			ID: "desktop.none/hello-says-so", Clause: "desktop.none", Launch: headless,
			Explain: "A desktop is offered to people where Hello claims one.",
			Run:     noneHello,
		},
		{
			ID: "desktop.no-relay-hello/says-no-desktop", Clause: "desktop.no-relay-hello",
			Launch:  &engine.Launch{Display: true, NoRelay: true},
			Explain: "A desktop is offered to people where Hello claims one, and without a relay nobody can watch it.",
			Try:     "fakeagent run --no-relay --virtual-desktop",
			Run:     noRelayHello,
		},
		{
			ID: "desktop.none/display-that-died", Clause: "desktop.none", Needs: needs, Launch: &engine.Launch{Display: true},
			Explain: "After the X server's end there is no display either; a last picture that is shown again is a lie.",
			Run:     noneAfterDeath,
		},
		{
			ID: "desktop.input.no-event/typed-error", Clause: "desktop.input.no-event", Needs: needs,
			Explain: "An event of a later version arrives as none; the caller must learn that nothing happened.",
			Run:     noEvent,
		},
	}
}

// claimless ends the case where the agent has a screen that nobody gave it.
func claimless(t *engine.T) *agentv1.Hello {
	hello := t.Instance().Hello()
	if hello.GetOs() != agentv1.Os_OS_LINUX && hello.GetCapabilities().GetDesktop() {
		t.Untestable("this machine has a screen that cannot be taken from the agent")
	}
	return hello
}

func noneUnsupported(ctx context.Context, t *engine.T) {
	claimless(t)
	t.RefusedAll(ctx, unsupported,
		engine.Attempt{What: "desktop_ensure", Op: &agentv1.DesktopEnsureRequest{}},
		engine.Attempt{What: "desktop_screenshot", Op: &agentv1.DesktopScreenshotRequest{}},
		engine.Attempt{What: "a consented click", Op: pointer(1, 1, click, left)},
		engine.Attempt{What: "a consented key", Op: key("a", press)},
		engine.Attempt{What: "consented text", Op: text("a")},
		engine.Attempt{What: "a consented scroll", Op: scroll(1, 1, 0, 1)},
	)
}

func noneHello(_ context.Context, t *engine.T) {
	engine.Equal(t, "the capability desktop", claimless(t).GetCapabilities().GetDesktop(), false)
}

func noRelayHello(_ context.Context, t *engine.T) {
	engine.Equal(t, "the capability desktop in the Hello", t.Instance().Hello().GetCapabilities().GetDesktop(), false)
}

func noneAfterDeath(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	shows(ctx, t.Given(), s, 21)
	s.Display.Kill()
	<-s.Display.Done()
	t.RefusedAs(ctx, []agentv1.ErrorCode{unsupported, agentv1.ErrorCode_ERROR_CODE_OS},
		engine.Attempt{What: "desktop_screenshot", Op: &agentv1.DesktopScreenshotRequest{}},
		engine.Attempt{What: "a click", Op: pointer(1, 1, click, left)},
	)
}

func noEvent(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	typedError(ctx, t, "input without an event", &agentv1.DesktopInputRequest{})
	s.ExpectSeen(ctx)
}

// typedError expects a refusal whose code is left to the agent.
func typedError(ctx context.Context, t *engine.T, what string, in *agentv1.DesktopInputRequest) {
	resp := t.Call(ctx, in)
	t.Check(resp.GetError().GetCode() != agentv1.ErrorCode_ERROR_CODE_UNSPECIFIED,
		"a typed error for "+what, "%s", engine.Outcome(resp))
}

func consentCases() []engine.Case {
	const clause = "desktop.input.consent"
	return []engine.Case{
		{
			ID: clause + "/nothing-is-injected", Clause: clause, Needs: needs,
			Launch:  &engine.Launch{Display: true, NoScreenControl: true},
			Explain: "The machine's owner said no: neither a pointer that moves nor a key that is typed may be the agent's.",
			Try:     "fakeagent run, without --screen-control",
			Run:     consentWithheld,
		},
		{
			ID: clause + "/also-headless", Clause: clause, Launch: &engine.Launch{NoDisplay: true, NoScreenControl: true},
			Explain: "Whether there is a screen is nobody's business who may not use it; consent is asked first.",
			Run:     consentRefusals,
		},
	}
}

func consentWithheld(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	consentRefusals(ctx, t)
	t.Settle(ctx)
	s.ExpectSeen(ctx)
}

func consentRefusals(ctx context.Context, t *engine.T) {
	refusals := t.RefusedAll(ctx, consentRequired,
		engine.Attempt{What: "a move", Op: pointer(30, 40, move, left)},
		engine.Attempt{What: "a click", Op: pointer(31, 41, click, left)},
		engine.Attempt{What: "a key", Op: key("a", press)},
		engine.Attempt{What: "text", Op: text("abc")},
		engine.Attempt{What: "a scroll", Op: scroll(32, 42, 0, 1)},
		engine.Attempt{What: "input without an event", Op: &agentv1.DesktopInputRequest{}},
	)
	for _, e := range refusals {
		t.Check(!e.GetRetryable(), "CONSENT_REQUIRED that is not retryable", "one that is")
	}
}

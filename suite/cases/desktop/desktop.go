// Package desktop holds the cases about the agent's desktop: what it shows of a
// screen, what it does to one, and the frames that it streams. A witness on the
// agent's display tells what really happened.
package desktop

import (
	"context"
	"slices"

	"agentproof/fixtures/display/witness"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

const needs = engine.Desktop

const (
	unsupported     = agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED
	consentRequired = agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED
)

// Cases returns the cases of this area.
func Cases() []engine.Case {
	cases := slices.Concat(ensureCases(), screenshotCases(), noneCases(), consentCases(),
		pointerCases(), scrollCases(), textCases(), keyCases(), chordCases(), frameCases())
	for i, c := range cases {
		if plain := plainOf(c.Clause); plain != nil {
			cases[i].Run = func(ctx context.Context, t *engine.T) {
				plain(ctx, t.Given())
				c.Run(ctx, t)
			}
		}
	}
	return cases
}

// plainOf is what an agent must do that a clause takes for granted: without it the
// clause is not judged.
func plainOf(clause string) func(context.Context, *engine.T) {
	switch clause {
	case "desktop.input.clamp":
		return does([]*agentv1.DesktopInputRequest{pointer(40, 41, move, left)}, "motion to 40,41")
	case "desktop.input.text-unicode":
		return types("abc")
	case "desktop.input.key-shifted", "desktop.input.key-function", "desktop.input.chord":
		return presses("a", "a")
	}
	return nil
}

func ensureCases() []engine.Case {
	return []engine.Case{
		{
			ID: "desktop.ensure/channel-of-this-agent", Clause: "desktop.ensure", Needs: needs,
			Explain: "A viewer dials what the channel says; a part that is wrong leads to nobody's screen, or to somebody else's.",
			Run:     ensureChannel,
		},
		{
			ID: "desktop.ensure/display-of-its-real-size", Clause: "desktop.ensure", Needs: needs,
			Explain: "Clicks are in pixels of this size; a guessed one sends every click to the wrong place.",
			Run:     ensureDisplay,
		},
		{
			ID: "desktop.ensure/same-display-as-hello", Clause: "desktop.ensure", Needs: needs,
			Explain: "A machine has one screen; two names for it make a control plane believe in two.",
			Run:     ensureAsHello,
		},
		{
			ID: "desktop.ensure-idempotent/same-channel-again", Clause: "desktop.ensure-idempotent", Needs: needs,
			Explain: "Every page that opens asks for the desktop; each one that got a new channel would leave the others with a frozen picture.",
			Run:     ensureTwice,
		},
		{
			ID: "desktop.ensure-idempotent/another-size-changes-nothing", Clause: "desktop.ensure-idempotent", Needs: needs,
			Explain: "A second viewer with a smaller window must not cost the first one its picture.",
			Run:     ensureOtherSize,
		},
	}
}

func ensure(ctx context.Context, t *engine.T) *agentv1.DesktopEnsureResponse {
	return engine.Must[*agentv1.DesktopEnsureResponse](ctx, t, &agentv1.DesktopEnsureRequest{})
}

func ensureChannel(ctx context.Context, t *engine.T) {
	t.Screen(ctx)
	ch, inst := ensure(ctx, t).GetChannel(), t.Instance()
	t.Check(ch.GetChannelId() != "", "a channel_id", "none")
	engine.Equal(t, "the channel's kind", ch.GetKind(), agentv1.StreamKind_STREAM_KIND_DESKTOP)
	engine.Equal(t, "the channel's port", ch.GetPort(), 6080)
	engine.Same(t, "the agent's workspace in the channel", ch.GetWorkspaceId(), inst.WorkspaceID)
	engine.Same(t, "the agent's id in the channel", ch.GetAgentId(), inst.AgentID)
}

func ensureDisplay(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	width, height := s.Display.Size()
	d := ensure(ctx, t).GetDisplay()
	t.Check(d.GetId() != "", "the display's id", "none")
	engine.Equal(t, "the display's width", d.GetWidth(), uint32(width))
	engine.Equal(t, "the display's height", d.GetHeight(), uint32(height))
	engine.Equal(t, "the display, which is Xvfb's, virtual", d.GetVirtual(), true)
}

func ensureAsHello(ctx context.Context, t *engine.T) {
	t.Screen(ctx)
	d, hello := ensure(ctx, t).GetDisplay(), t.Instance().Hello().GetCapabilities().GetDisplay()
	t.Check(hello != nil, "the display in the Hello", "none")
	engine.Same(t, "the display's id as in the Hello", d.GetId(), hello.GetId())
	engine.Equal(t, "the Hello's width", hello.GetWidth(), d.GetWidth())
	engine.Equal(t, "the Hello's height", hello.GetHeight(), d.GetHeight())
}

func ensureTwice(ctx context.Context, t *engine.T) {
	t.Screen(ctx)
	first := ensure(ctx, t.Given()).GetChannel()
	engine.Same(t, "the same channel", ensure(ctx, t).GetChannel().GetChannelId(), first.GetChannelId())
}

func ensureOtherSize(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	first := ensure(ctx, t.Given()).GetChannel()
	again := engine.Must[*agentv1.DesktopEnsureResponse](ctx, t, &agentv1.DesktopEnsureRequest{Width: 320, Height: 200})
	engine.Same(t, "the same channel", again.GetChannel().GetChannelId(), first.GetChannelId())
	// A virtual screen may take the size that was asked for, but a screenshot
	// and the display must agree.
	shot := screenshot(ctx, t.Given())
	engine.Equal(t, "the screenshot's width", shot.GetWidth(), again.GetDisplay().GetWidth())
	width, _ := s.Display.Size()
	t.Check(again.GetDisplay().GetWidth() == uint32(width) || again.GetDisplay().GetWidth() == 320,
		"the screen's own size or the one asked for", "a width of %d", again.GetDisplay().GetWidth())
}

// Events as requests.

func pointer(x, y int32, action agentv1.PointerAction, button agentv1.PointerButton) *agentv1.DesktopInputRequest {
	return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Pointer{
		Pointer: &agentv1.PointerEvent{X: x, Y: y, Action: action, Button: button},
	}}
}

func scroll(x, y, dx, dy int32) *agentv1.DesktopInputRequest {
	return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Scroll{
		Scroll: &agentv1.ScrollEvent{X: x, Y: y, DeltaX: dx, DeltaY: dy},
	}}
}

func key(name string, action agentv1.KeyAction) *agentv1.DesktopInputRequest {
	return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Key{
		Key: &agentv1.KeyEvent{Key: name, Action: action},
	}}
}

func text(s string) *agentv1.DesktopInputRequest {
	return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Key{
		Key: &agentv1.KeyEvent{Key: s, IsText: true},
	}}
}

// Where the pointer waits: in the middle, so that a cursor that is part of a
// picture hides no corner.
const (
	parkX = 320
	parkY = 200
)

// parked takes the screen with the pointer at a known place, and nothing seen.
func parked(ctx context.Context, t *engine.T) *engine.Screen {
	s := t.Screen(ctx)
	engine.Must[*agentv1.DesktopInputResponse](ctx, t.Given(), pointer(parkX, parkY, move, left))
	s.Seen(ctx)
	return s
}

// balance counts how many more presses than releases of keys there are.
func balance(events []witness.Event) int {
	n := 0
	for _, e := range events {
		switch e.Kind {
		case witness.KeyDown:
			n++
		case witness.KeyUp:
			n--
		}
	}
	return n
}

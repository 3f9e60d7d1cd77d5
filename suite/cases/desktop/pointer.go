package desktop

import (
	"context"

	"agentproof/fixtures/display/witness"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wait"
)

const (
	move   = agentv1.PointerAction_POINTER_ACTION_MOVE
	down   = agentv1.PointerAction_POINTER_ACTION_DOWN
	up     = agentv1.PointerAction_POINTER_ACTION_UP
	click  = agentv1.PointerAction_POINTER_ACTION_CLICK
	double = agentv1.PointerAction_POINTER_ACTION_DOUBLE_CLICK

	left   = agentv1.PointerButton_POINTER_BUTTON_LEFT
	right  = agentv1.PointerButton_POINTER_BUTTON_RIGHT
	middle = agentv1.PointerButton_POINTER_BUTTON_MIDDLE
)

// does sends pointer events and expects what the witness calls them.
func does(in []*agentv1.DesktopInputRequest, seen ...string) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		s := parked(ctx, t)
		for _, req := range in {
			s.Input(ctx, req)
		}
		s.ExpectSeen(ctx, seen...)
	}
}

func one(x, y int32, action agentv1.PointerAction, button agentv1.PointerButton) []*agentv1.DesktopInputRequest {
	return []*agentv1.DesktopInputRequest{pointer(x, y, action, button)}
}

func pointerCases() []engine.Case {
	const pointing, clamping = "desktop.input.pointer", "desktop.input.clamp"
	return []engine.Case{
		{
			ID: pointing + "/move-to-the-pixel", Clause: pointing, Needs: needs,
			Explain: "A click that is one pixel off misses small buttons; a position is absolute, not a step.",
			Run: does([]*agentv1.DesktopInputRequest{pointer(17, 23, move, left), pointer(401, 302, move, right)},
				"motion to 17,23", "motion to 401,302"),
		},
		{
			ID: pointing + "/no-action-is-a-move", Clause: pointing, Needs: needs,
			Explain: "The zero action presses nothing, whatever button stands beside it.",
			Run:     does(one(18, 24, 0, right), "motion to 18,24"),
		},
		{
			ID: pointing + "/corners", Clause: pointing, Needs: needs,
			Explain: "The first and the last pixel belong to the screen: menus and close buttons live there.",
			Run: does([]*agentv1.DesktopInputRequest{pointer(0, 0, move, left), pointer(647, 401, move, left)},
				"motion to 0,0", "motion to 647,401"),
		},
		{
			ID: pointing + "/click-left", Clause: pointing, Needs: needs,
			Explain: "The pointer goes there first, then the button goes down and up, once.",
			Run:     does(one(50, 60, click, left), "motion to 50,60", "button-down 1 at 50,60", "button-up 1 at 50,60"),
		},
		{
			ID: pointing + "/no-button-is-left", Clause: pointing, Needs: needs,
			Explain: "Clients that leave the button out mean the left one.",
			Run:     does(one(51, 61, click, 0), "motion to 51,61", "button-down 1 at 51,61", "button-up 1 at 51,61"),
		},
		{
			ID: pointing + "/click-right", Clause: pointing, Needs: needs,
			Explain: "The numbers of right and middle are swapped between this protocol and X; a context menu shows which is which.",
			Run:     does(one(52, 62, click, right), "motion to 52,62", "button-down 3 at 52,62", "button-up 3 at 52,62"),
		},
		{
			ID: pointing + "/click-middle", Clause: pointing, Needs: needs,
			Explain: "The middle button pastes and closes tabs; the right one does neither.",
			Run:     does(one(53, 63, click, middle), "motion to 53,63", "button-down 2 at 53,63", "button-up 2 at 53,63"),
		},
		{
			ID: pointing + "/double-click", Clause: pointing, Needs: needs,
			Explain: "Two presses at one place open a file; one selects it.",
			Run: does(one(54, 64, double, left), "motion to 54,64", "button-down 1 at 54,64", "button-up 1 at 54,64",
				"button-down 1 at 54,64", "button-up 1 at 54,64"),
		},
		{
			ID: pointing + "/double-click-right", Clause: pointing, Needs: needs,
			Explain: "A double click is of the button that was named.",
			Run: does(one(55, 65, double, right), "motion to 55,65", "button-down 3 at 55,65", "button-up 3 at 55,65",
				"button-down 3 at 55,65", "button-up 3 at 55,65"),
		},
		{
			ID: pointing + "/drag", Clause: pointing, Needs: needs,
			Explain: "DOWN holds until UP: windows and sliders are dragged with the button down in between.",
			Run:     drag,
		},
		{
			ID: pointing + "/up-moves-first", Clause: pointing, Needs: needs,
			Explain: "A drag ends where UP says, not where the pointer was before.",
			Run: does([]*agentv1.DesktopInputRequest{pointer(70, 80, down, middle), pointer(90, 100, up, middle)},
				"motion to 70,80", "button-down 2 at 70,80", "motion to 90,100", "button-up 2 at 90,100"),
		},
		{
			ID: pointing + "/hold-right", Clause: pointing, Needs: needs,
			Explain: "A menu that opens while the right button is held takes the entry where it is released.",
			Run: does([]*agentv1.DesktopInputRequest{pointer(71, 81, down, right), pointer(72, 82, up, right)},
				"motion to 71,81", "button-down 3 at 71,81", "motion to 72,82", "button-up 3 at 72,82"),
		},
		{
			ID: pointing + "/display-that-dies-and-returns", Clause: pointing, Needs: needs,
			Launch:  &engine.Launch{Display: true},
			Explain: "An agent that finds the new X server to look at, and still clicks on the old one, is of no use.",
			Run:     pointerReturns,
		},
		{
			ID: clamping + "/beyond-the-far-corner", Clause: clamping, Needs: needs,
			Explain: "A picture that was scaled up leads to positions beyond the edge; the nearest pixel is what was meant.",
			Run:     does(one(100_000, 70_000, move, left), "motion to 647,401"),
		},
		{
			ID: clamping + "/below-nought", Clause: clamping, Needs: needs,
			Explain: "A negative position must not wrap around to the far side.",
			Run:     does(one(-1, -100_000, move, left), "motion to 0,0"),
		},
		{
			ID: clamping + "/each-axis-by-itself", Clause: clamping, Needs: needs,
			Explain: "The nearest edge keeps the coordinate that was fine.",
			Run: does([]*agentv1.DesktopInputRequest{pointer(33, 402, click, left)},
				"motion to 33,401", "button-down 1 at 33,401", "button-up 1 at 33,401"),
		},
		{
			ID: clamping + "/scrolls-too", Clause: clamping, Needs: needs,
			Explain: "The wheel turns where the pointer is, and that is on the screen.",
			Run: does([]*agentv1.DesktopInputRequest{scroll(-5, 9000, 0, 1)},
				"motion to 0,401", "button-down 5 at 0,401", "button-up 5 at 0,401"),
		},
	}
}

func pointerReturns(ctx context.Context, t *engine.T) {
	s := parked(ctx, t)
	revive(ctx, t, s)
	back := wait.Until(ctx, t.Scale(returnLimit), func(ctx context.Context) bool {
		return t.Call(ctx, pointer(44, 45, move, left)).GetError() == nil
	})
	if t.Check(back, "a pointer that moves on the display that came back", "none in time") {
		s.ExpectSeen(ctx, "motion to 44,45")
	}
}

func drag(ctx context.Context, t *engine.T) {
	s := parked(ctx, t)
	s.Input(ctx, pointer(110, 120, down, left))
	s.Input(ctx, pointer(130, 140, move, left))
	s.ExpectSeen(ctx, "motion to 110,120", "button-down 1 at 110,120", "motion to 130,140")
	s.Input(ctx, pointer(150, 160, up, left))
	s.ExpectSeen(ctx, "motion to 150,160", "button-up 1 at 150,160")
}

func scrollCases() []engine.Case {
	const clause = "desktop.input.scroll"
	return []engine.Case{
		{
			ID: clause + "/down", Clause: clause, Needs: needs,
			Explain: "Positive y goes towards the end of the page, as in a browser.",
			Run:     scrolls(0, 3, witness.WheelDown, 3),
		},
		{
			ID: clause + "/up", Clause: clause, Needs: needs,
			Explain: "Negative y goes back towards the top.",
			Run:     scrolls(0, -2, witness.WheelUp, 2),
		},
		{
			ID: clause + "/right", Clause: clause, Needs: needs,
			Explain: "Libraries differ in the sign of the horizontal axis; here positive is right.",
			Run:     scrolls(4, 0, witness.WheelRight, 4),
		},
		{
			ID: clause + "/left", Clause: clause, Needs: needs,
			Explain: "Negative x is left.",
			Run:     scrolls(-1, 0, witness.WheelLeft, 1),
		},
		{
			ID: clause + "/at-most-thirty-two-down", Clause: clause, Needs: needs,
			Explain: "A number of pixels in the place of steps must not keep the screen busy for minutes.",
			Run:     scrolls(0, 1_000_000, witness.WheelDown, 32),
		},
		{
			ID: clause + "/at-most-thirty-two-left", Clause: clause, Needs: needs,
			Explain: "The bound holds for each axis and both directions.",
			Run:     scrolls(-33, 0, witness.WheelLeft, 32),
		},
		{
			ID: clause + "/both-axes", Clause: clause, Needs: needs,
			Explain: "A trackpad scrolls sideways and down at once; neither part is lost, and each has its own bound.",
			Run:     scrollBoth,
		},
	}
}

// scrolls expects a motion first and then steps of one wheel only.
func scrolls(dx, dy int32, wheel, steps int) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		s := parked(ctx, t)
		s.Input(ctx, scroll(210, 220, dx, dy))
		events := s.Seen(ctx)
		first := "nothing"
		if len(events) > 0 {
			first = events[0].String()
		}
		engine.Equal(t, "at first", first, "motion to 210,220")
		engine.Equal(t, "steps of that wheel", witness.Clicks(events, wheel), steps)
		t.Check(len(events) == 1+2*steps, "each step once, and nothing else", "%d events", len(events))
	}
}

func scrollBoth(ctx context.Context, t *engine.T) {
	s := parked(ctx, t)
	s.Input(ctx, scroll(211, 221, 40, -40))
	events := s.Seen(ctx)
	engine.Equal(t, "steps to the right", witness.Clicks(events, witness.WheelRight), 32)
	engine.Equal(t, "steps up", witness.Clicks(events, witness.WheelUp), 32)
}

package desktop

import (
	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func inputs() []fault.Mutant {
	return []fault.Mutant{
		wide(mutant("asks for a screen before consent", "desktop.input.consent/also-headless", "CONSENT_REQUIRED for a move",
			fault.Recode(consentRequired, unsupported))),
		wide(mutant("looks for an event before consent", "desktop.input.consent/also-headless", "CONSENT_REQUIRED for input without an event",
			eventless(agentv1.ErrorCode_ERROR_CODE_PROTOCOL))),
		wide(mutant("says to try again without consent", "desktop.input.consent/nothing-is-injected", "not retryable",
			fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if e := resp.GetError(); e.GetCode() == consentRequired {
					e.Retryable = true
				}
			}))),
		{Name: "refuses and acts", Case: "desktop.input.consent/nothing-is-injected", Says: "on the screen nothing",
			Config: func(cfg *agent.Config) { cfg.ScreenControl = true },
			Fault: fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if req.GetDesktopInput() != nil {
					resp.Result, resp.Error = nil, &agentv1.AgentError{Code: consentRequired}
				}
			})},
		mutant("takes no event for success", "desktop.input.no-event/typed-error", "a typed error for input without an event", eventless(0)),
		mutant("takes no event for a move", "desktop.input.no-event/typed-error", "on the screen nothing", movesFor(agentv1.ErrorCode_ERROR_CODE_PROTOCOL)),
		mutant("misses the last column", "desktop.input.pointer/corners", "motion to 647,401",
			pointers(func(p *agentv1.PointerEvent) { p.X = min(p.X, 646) })),
		wide(mutant("clicks twice", "desktop.input.pointer/click-left", "button-up 1 at 50,60",
			actions(agentv1.PointerAction_POINTER_ACTION_CLICK, agentv1.PointerAction_POINTER_ACTION_DOUBLE_CLICK))),
		mutant("takes no button for the middle one", "desktop.input.pointer/no-button-is-left", "button-down 1 at 51,61", clicks(0, 3)),
		wide(mutant("pastes with the right button", "desktop.input.pointer/click-middle", "button-down 2", clicks(3, 2))),
		mutant("double-clicks with the left button alone", "desktop.input.pointer/double-click-right", "button-down 3",
			pointers(func(p *agentv1.PointerEvent) {
				if p.Action == agentv1.PointerAction_POINTER_ACTION_DOUBLE_CLICK {
					p.Button = 0
				}
			})),
		wide(mutant("lets a dragged button go", "desktop.input.pointer/drag", "button-down 1 at 110,120; motion to 130,140",
			actions(agentv1.PointerAction_POINTER_ACTION_DOWN, agentv1.PointerAction_POINTER_ACTION_CLICK))),
		wide(mutant("drops the end of a drag", "desktop.input.pointer/drag", "motion to 150,160; button-up 1",
			actions(agentv1.PointerAction_POINTER_ACTION_UP, agentv1.PointerAction_POINTER_ACTION_MOVE))),
		wide(mutant("ends a drag elsewhere", "desktop.input.pointer/up-moves-first", "motion to 90,100",
			pointers(func(p *agentv1.PointerEvent) {
				if p.Action == agentv1.PointerAction_POINTER_ACTION_UP {
					p.X, p.Y = 70, 80
				}
			}))),
		wide(mutant("ignores positions beyond the screen", "desktop.input.clamp/beyond-the-far-corner", "motion to 647,401",
			pointers(func(p *agentv1.PointerEvent) {
				if p.X >= 1000 || p.Y >= 1000 {
					p.X, p.Y = 320, 200
				}
			}))),
		wide(mutant("takes the corner for an edge", "desktop.input.clamp/each-axis-by-itself", "motion to 33,401",
			pointers(func(p *agentv1.PointerEvent) {
				if p.Y >= 402 {
					p.X, p.Y = 647, 401
				}
			}))),
		wide(mutant("wraps positions around", "desktop.input.clamp/below-nought", "motion to 0,0",
			pointers(func(p *agentv1.PointerEvent) { p.X &= 0xff }))),
		wide(mutant("scrolls down alone", "desktop.input.scroll/up", "steps of that wheel",
			scrolls(func(s *agentv1.ScrollEvent) { s.DeltaY = max(s.DeltaY, -s.DeltaY) }))),
		wide(mutant("swaps right and left", "desktop.input.scroll/right", "steps of that wheel",
			scrolls(func(s *agentv1.ScrollEvent) { s.DeltaX = -s.DeltaX }))),
		wide(mutant("takes sideways for down", "desktop.input.scroll/left", "steps of that wheel",
			scrolls(func(s *agentv1.ScrollEvent) { s.DeltaX, s.DeltaY = 0, s.DeltaX }))),
		wide(mutant("scrolls to the left without a bound", "desktop.input.scroll/at-most-thirty-two-left", "steps of that wheel", twice)),
		wide(mutant("scrolls where the pointer is", "desktop.input.scroll/down", "want at first",
			scrolls(func(s *agentv1.ScrollEvent) { s.X, s.Y = 320, 200 }))),
		wide(mutant("moves on after scrolling", "desktop.input.scroll/down", "and nothing else", moves)),
		mutant("scrolls one axis at a time", "desktop.input.scroll/both-axes", "steps to the right",
			scrolls(func(s *agentv1.ScrollEvent) {
				if s.DeltaY != 0 {
					s.DeltaX = 0
				}
			})),
		mutant("loses the way up beside another", "desktop.input.scroll/both-axes", "steps up",
			scrolls(func(s *agentv1.ScrollEvent) {
				if s.DeltaX != 0 {
					s.DeltaY = 0
				}
			})),
	}
}

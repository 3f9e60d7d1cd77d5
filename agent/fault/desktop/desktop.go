// Package desktop holds agents that show a screen wrongly, or do something else to
// one than they were asked.
package desktop

import (
	"context"
	"slices"
	"strings"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	consentRequired = agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED
	unsupported     = agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED
	failedInOS      = agentv1.ErrorCode_ERROR_CODE_OS
)

// soon is the scale for what shows in nothing coming.
const soon = 0.2

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant {
	return slices.Concat(kinds(), screens(), parts(), details(), inputs(), keyboards())
}

func mutant(name, id, says string, does agent.Middleware) fault.Mutant {
	return fault.Mutant{Name: name, Case: id, Says: says, Fault: does}
}

// wide is a mutant whose fault shows in all of its clause.
func wide(m fault.Mutant) fault.Mutant {
	m.Also = append(m.Also, m.Clause()+"/*")
	return m
}

// input changes what the agent is asked to do to the screen.
func input(edit func(*agentv1.DesktopInputRequest)) agent.Middleware {
	return fault.Before(func(req *agentv1.ControlRequest) {
		if r := req.GetDesktopInput(); r != nil {
			edit(r)
		}
	})
}

func pointers(edit func(*agentv1.PointerEvent)) agent.Middleware {
	return input(func(r *agentv1.DesktopInputRequest) {
		if p := r.GetPointer(); p != nil {
			edit(p)
		}
	})
}

func scrolls(edit func(*agentv1.ScrollEvent)) agent.Middleware {
	return input(func(r *agentv1.DesktopInputRequest) {
		if s := r.GetScroll(); s != nil {
			edit(s)
		}
	})
}

func keys(edit func(*agentv1.KeyEvent)) agent.Middleware {
	return input(func(r *agentv1.DesktopInputRequest) {
		if k := r.GetKey(); k != nil {
			edit(k)
		}
	})
}

// idle answers input without doing anything.
func idle(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetDesktopInput() == nil {
			return next(ctx, req)
		}
		return &agentv1.ControlResponse{RequestId: req.GetRequestId(),
			Result: &agentv1.ControlResponse_DesktopInput{DesktopInput: &agentv1.DesktopInputResponse{}}}
	}
}

func kinds() []fault.Mutant {
	return []fault.Mutant{
		wide(mutant("swaps red and blue", "desktop.screenshot/every-pixel", "equal to the screen", shots(swapped))),
		mutant("tells a width of its own", "desktop.screenshot/whole-screen-in-its-size", "width",
			shots(func(r *agentv1.DesktopScreenshotResponse) { r.Width++ })),
		mutant("tells another port", "desktop.ensure/channel-of-this-agent", "port",
			fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if ch := resp.GetDesktopEnsure().GetChannel(); ch != nil {
					ch.Port = 6081
				}
			})),
		wide(mutant("is off by one", "desktop.input.pointer/move-to-the-pixel", "motion to 17,23",
			pointers(func(p *agentv1.PointerEvent) { p.X++ }))),
		mutant("clicks for a zero action", "desktop.input.pointer/no-action-is-a-move", "motion to 18,24",
			pointers(func(p *agentv1.PointerEvent) {
				if p.Action == 0 {
					p.Action = agentv1.PointerAction_POINTER_ACTION_CLICK
				}
			})),
		wide(mutant("clicks once for a double click", "desktop.input.pointer/double-click", "button-down 1",
			pointers(func(p *agentv1.PointerEvent) {
				if p.Action == agentv1.PointerAction_POINTER_ACTION_DOUBLE_CLICK {
					p.Action = agentv1.PointerAction_POINTER_ACTION_CLICK
				}
			}))),
		wide(mutant("swaps right and middle", "desktop.input.pointer/click-right", "button-down 3",
			pointers(func(p *agentv1.PointerEvent) {
				if p.Button == agentv1.PointerButton_POINTER_BUTTON_RIGHT {
					p.Button = agentv1.PointerButton_POINTER_BUTTON_MIDDLE
				}
			}))),
		wide(mutant("scrolls the other way", "desktop.input.scroll/down", "steps of that wheel",
			scrolls(func(s *agentv1.ScrollEvent) { s.DeltaY = -s.DeltaY }))),
		mutant("stops scrolling after ten", "desktop.input.scroll/at-most-thirty-two-down", "steps of that wheel",
			scrolls(func(s *agentv1.ScrollEvent) { s.DeltaY = min(s.DeltaY, 10) })),
		wide(mutant("types in small letters", "desktop.input.text/capitals", "typed",
			keys(func(k *agentv1.KeyEvent) { k.Key = strings.ToLower(k.Key) }))),
		wide(mutant("drops what is not ASCII", "desktop.input.text-unicode/beyond-the-first-plane", "typed",
			keys(func(k *agentv1.KeyEvent) {
				k.Key = strings.Map(func(r rune) rune {
					if r > '~' {
						return -1
					}
					return r
				}, k.Key)
			}))),
		mutant("releases what it should hold", "desktop.input.key/held-until-up", "h down and not up",
			keys(func(k *agentv1.KeyEvent) { k.Action = agentv1.KeyAction_KEY_ACTION_PRESS })),
		wide(mutant("forgets the modifiers of a chord", "desktop.input.chord/one-modifier", "modifiers",
			keys(func(k *agentv1.KeyEvent) { k.Key = strings.TrimPrefix(k.Key, "ctrl+") }))),
		wide(mutant("answers and does nothing", "desktop.input.key/editing-keys", "key-down Return", idle)),
		mutant("swallows unknown keys", "desktop.input.unknown-key/error-and-nothing-pressed", "typed error", idle),
		{Name: "takes no for an answer only in words", Case: "desktop.input.consent/nothing-is-injected", Says: "CONSENT_REQUIRED",
			Also:   []string{"desktop.input.consent/*"},
			Config: func(cfg *agent.Config) { cfg.ScreenControl = true }},
		{Name: "lets viewers in without consent", Case: "stream.desktop-input-consent/withheld", Says: "on the screen nothing",
			Config: func(cfg *agent.Config) { cfg.ScreenControl = true }},
	}
}

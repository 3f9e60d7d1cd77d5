//go:build linux

package desktop_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"os"
	"strings"
	"testing"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases/desktop"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

func mutant(name, id, says string, fault agent.Middleware) trial.Mutant {
	return trial.Mutant{Name: name, Case: id, Says: says, Fault: fault}
}

// input changes what the agent is asked to do to the screen.
func input(edit func(*agentv1.DesktopInputRequest)) agent.Middleware {
	return trial.Before(func(req *agentv1.ControlRequest) {
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

// swapped is the picture with red and blue exchanged.
func swapped(resp *agentv1.DesktopScreenshotResponse) {
	img, err := png.Decode(bytes.NewReader(resp.GetPng()))
	if err != nil {
		return
	}
	out := image.NewRGBA(img.Bounds())
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			copy(out.Pix[out.PixOffset(x, y):], []byte{byte(b >> 8), byte(g >> 8), byte(r >> 8), 0xff})
		}
	}
	var buf bytes.Buffer
	if png.Encode(&buf, out) == nil {
		resp.Png = buf.Bytes()
	}
}

func shots(edit func(*agentv1.DesktopScreenshotResponse)) agent.Middleware {
	return trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetDesktopScreenshot(); r != nil {
			edit(r)
		}
	})
}

func TestCasesNoticeDesktopsOfAnotherKind(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, desktop.Cases(), []trial.Mutant{
		mutant("swaps red and blue", "desktop.screenshot/every-pixel", "equal to the screen", shots(swapped)),
		mutant("tells a width of its own", "desktop.screenshot/whole-screen-in-its-size", "width",
			shots(func(r *agentv1.DesktopScreenshotResponse) { r.Width++ })),
		mutant("tells another port", "desktop.ensure/channel-of-this-agent", "port",
			trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if ch := resp.GetDesktopEnsure().GetChannel(); ch != nil {
					ch.Port = 6081
				}
			})),
		mutant("is off by one", "desktop.input.pointer/move-to-the-pixel", "motion to 17,23",
			pointers(func(p *agentv1.PointerEvent) { p.X++ })),
		mutant("clicks for a zero action", "desktop.input.pointer/no-action-is-a-move", "motion to 18,24",
			pointers(func(p *agentv1.PointerEvent) {
				if p.Action == 0 {
					p.Action = agentv1.PointerAction_POINTER_ACTION_CLICK
				}
			})),
		mutant("clicks once for a double click", "desktop.input.pointer/double-click", "button-down 1",
			pointers(func(p *agentv1.PointerEvent) {
				if p.Action == agentv1.PointerAction_POINTER_ACTION_DOUBLE_CLICK {
					p.Action = agentv1.PointerAction_POINTER_ACTION_CLICK
				}
			})),
		mutant("swaps right and middle", "desktop.input.pointer/click-right", "button-down 3",
			pointers(func(p *agentv1.PointerEvent) {
				if p.Button == agentv1.PointerButton_POINTER_BUTTON_RIGHT {
					p.Button = agentv1.PointerButton_POINTER_BUTTON_MIDDLE
				}
			})),
		mutant("scrolls the other way", "desktop.input.scroll/down", "steps of that wheel",
			scrolls(func(s *agentv1.ScrollEvent) { s.DeltaY = -s.DeltaY })),
		mutant("stops scrolling after ten", "desktop.input.scroll/at-most-thirty-two-down", "steps of that wheel",
			scrolls(func(s *agentv1.ScrollEvent) { s.DeltaY = min(s.DeltaY, 10) })),
		mutant("types in small letters", "desktop.input.text/capitals", "typed",
			keys(func(k *agentv1.KeyEvent) { k.Key = strings.ToLower(k.Key) })),
		mutant("drops what is not ASCII", "desktop.input.text-unicode/beyond-the-first-plane", "typed",
			keys(func(k *agentv1.KeyEvent) {
				k.Key = strings.Map(func(r rune) rune {
					if r > '~' {
						return -1
					}
					return r
				}, k.Key)
			})),
		mutant("releases what it should hold", "desktop.input.key/held-until-up", "h down and not up",
			keys(func(k *agentv1.KeyEvent) { k.Action = agentv1.KeyAction_KEY_ACTION_PRESS })),
		mutant("forgets the modifiers of a chord", "desktop.input.chord/one-modifier", "modifiers",
			keys(func(k *agentv1.KeyEvent) { k.Key = strings.TrimPrefix(k.Key, "ctrl+") })),
		mutant("answers and does nothing", "desktop.input.key/editing-keys", "key-down Return", idle),
		mutant("swallows unknown keys", "desktop.input.unknown-key/error-and-nothing-pressed", "typed error", idle),
		{Name: "takes no for an answer only in words", Case: "desktop.input.consent/nothing-is-injected", Says: "CONSENT_REQUIRED",
			Config: func(cfg *agent.Config) { cfg.ScreenControl = true }},
		{Name: "lets viewers in without consent", Case: "stream.desktop-input-consent/withheld", Says: "on the screen nothing",
			Config: func(cfg *agent.Config) { cfg.ScreenControl = true }},
	})
}

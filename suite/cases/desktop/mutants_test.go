//go:build linux

package desktop_test

import (
	"strings"
	"testing"

	"agentproof/agent"
	"agentproof/internal/streamtap"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases/desktop"
)

const (
	consentRequired = agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED
	unsupported     = agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED
	failedInOS      = agentv1.ErrorCode_ERROR_CODE_OS
)

func TestCasesNoticeScreensThatAreShownWrongly(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, desktop.Cases(), []trial.Mutant{
		mutant("guesses the display's size", "desktop.ensure/display-of-its-real-size", "the display's height",
			ensures(func(_ *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) { r.Display.Height = 600 })),
		mutant("names its display anew", "desktop.ensure/same-display-as-hello", "the display's id as in the Hello",
			ensures(func(_ *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) { r.Display.Id += ".1" })),
		mutant("opens a channel for everybody", "desktop.ensure-idempotent/same-channel-again", "the same channel", newChannels(false)),
		mutant("opens a channel for every size", "desktop.ensure-idempotent/another-size-changes-nothing", "the same channel", newChannels(true)),
		mutant("shows its first picture for ever", "desktop.screenshot/shows-what-changed", "equal to the screen", firstPicture()),
		mutant("shows the display that died", "desktop.screenshot/display-that-dies-and-returns", "equal to the screen", firstPicture()),
		{Name: "does not get over its display's death", Case: "desktop.screenshot/display-that-dies-and-returns", Says: "of the display that came back",
			Scale: 0.1, Fault: failsAfter(1, func(r *agentv1.ControlRequest) bool { return r.GetDesktopScreenshot() != nil })},
		mutant("shows a picture of nothing", "desktop.none/display-that-died", "UNSUPPORTED for desktop_screenshot", keepsPicture()),
		mutant("asks for consent to look", "desktop.screenshot/needs-no-consent", "CONSENT_REQUIRED",
			refuses(consentRequired, func(r *agentv1.ControlRequest) bool { return r.GetDesktopScreenshot() != nil })),
		mutant("forgets the native size", "desktop.screenshot-fits/shrunk-with-its-native-size", "native_width",
			shots(func(r *agentv1.DesktopScreenshotResponse) { r.NativeWidth = 0 })),
		mutant("has time for one picture", "desktop.screenshot/several-at-once", "a result", oneAtATime()),
		mutant("says not found for no display", "desktop.none/operations-are-unsupported", "UNSUPPORTED for desktop_ensure",
			trial.Recode(unsupported, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)),
		{Name: "claims a desktop without a display", Case: "desktop.none/hello-says-so", Says: "the capability desktop",
			Config: func(cfg *agent.Config) { cfg.Wire.Out = claims(func(c *agentv1.Capabilities) { c.Desktop = true }) }},
		{Name: "sends one picture for all", Case: "stream.desktop-frames/whole-pictures", Says: "a frame of what the screen shows now",
			Scale: 0.1, Config: trial.Tapped(t, frames(func(n int, data []byte) []byte {
				if n > 0 {
					return nil
				}
				return data
			}))},
		{Name: "sends the half of pictures", Case: "stream.desktop-frames/whole-pictures", Says: "a PNG that decodes",
			Config: trial.Tapped(t, frames(func(_ int, data []byte) []byte { return data[:len(data)/2] }))},
		{Name: "waits for something to move", Case: "stream.desktop-first-frame/within-five-seconds", Says: "a frame within 5 s",
			Config: trial.Tapped(t, frames(func(int, []byte) []byte { return nil }))},
		{Name: "injects nothing from the stream", Case: "stream.desktop-input-consent/given", Says: "a right click, the key k",
			Scale: 0.1, Config: trial.Tapped(t, streamtap.Tap{Open: dropsInput})},
	})
}

func TestCasesNoticeWrongFactsAboutScreens(t *testing.T) {
	t.Parallel()
	channel := func(edit func(*agentv1.StreamChannel)) agent.Middleware {
		return ensures(func(_ *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) { edit(r.GetChannel()) })
	}
	display := func(edit func(*agentv1.Display)) agent.Middleware {
		return ensures(func(_ *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) { edit(r.GetDisplay()) })
	}
	hello := func(name, says string, edit func(*agentv1.Capabilities)) trial.Mutant {
		return trial.Mutant{Name: name, Case: "desktop.ensure/same-display-as-hello", Says: says,
			Config: func(cfg *agent.Config) { cfg.Wire.Out = claims(edit) }}
	}
	const ensure, size, fits = "desktop.ensure/channel-of-this-agent", "desktop.screenshot/whole-screen-in-its-size", "desktop.screenshot-fits/shrunk-with-its-native-size"
	const real = "desktop.ensure/display-of-its-real-size"
	trial.Noticed(t, desktop.Cases(), []trial.Mutant{
		mutant("names no channel", ensure, "a channel_id", channel(func(c *agentv1.StreamChannel) { c.ChannelId = "" })),
		mutant("calls the desktop a terminal", ensure, "the channel's kind", channel(func(c *agentv1.StreamChannel) { c.Kind = agentv1.StreamKind_STREAM_KIND_PTY })),
		mutant("opens the channel in no workspace", ensure, "the agent's workspace", channel(func(c *agentv1.StreamChannel) { c.WorkspaceId = "" })),
		mutant("opens the channel for no agent", ensure, "the agent's id", channel(func(c *agentv1.StreamChannel) { c.AgentId = "" })),
		mutant("names no display", real, "the display's id", display(func(d *agentv1.Display) { d.Id = "" })),
		mutant("guesses the display's width", real, "the display's width", display(func(d *agentv1.Display) { d.Width = 1280 })),
		mutant("takes a virtual display for a real one", real, "virtual", display(func(d *agentv1.Display) { d.Virtual = false })),
		hello("says nothing of its display", "the display in the Hello", func(c *agentv1.Capabilities) { c.Display = nil }),
		hello("announces a narrower display", "the Hello's width", func(c *agentv1.Capabilities) { c.Display.Width-- }),
		hello("announces a lower display", "the Hello's height", func(c *agentv1.Capabilities) { c.Display.Height-- }),
		mutant("measures the display in points", "desktop.ensure-idempotent/another-size-changes-nothing", "the screenshot's width",
			display(func(d *agentv1.Display) { d.Width /= 2 })),
		mutant("tells a height of its own", size, "want height", shots(func(r *agentv1.DesktopScreenshotResponse) { r.Height-- })),
		mutant("crops the picture", size, "the PNG's size", shots(cropped)),
		mutant("tells another native width", size, "native_width", shots(func(r *agentv1.DesktopScreenshotResponse) { r.NativeWidth = 1 })),
		mutant("tells another native height", size, "native_height", shots(func(r *agentv1.DesktopScreenshotResponse) { r.NativeHeight = 1 })),
		mutant("shows each of a crowd a picture of its own", "desktop.screenshot/several-at-once", "each of the pictures equal", shots(swapped)),
		mutant("tells the size before it shrank", fits, "the PNG's own size", shots(func(r *agentv1.DesktopScreenshotResponse) {
			r.Width, r.Height = r.NativeWidth, r.NativeHeight
		})),
		mutant("forgets the native height", fits, "native_height", shots(func(r *agentv1.DesktopScreenshotResponse) { r.NativeHeight = 0 })),
		{Name: "begins with what it showed before", Case: "stream.desktop-first-frame/within-five-seconds", Says: "the screen in the first frame",
			Config: trial.Tapped(t, frames(func(_ int, data []byte) []byte {
				r := &agentv1.DesktopScreenshotResponse{Png: data}
				swapped(r)
				return r.Png
			}))},
		{Name: "shows the second viewer the first one's screen", Case: "stream.desktop-frames/two-viewers-in-turn", Says: "a frame of what the screen shows now",
			Scale: 0.1, Config: trial.Tapped(t, frames(func(n int, data []byte) []byte {
				if n > 0 {
					return nil
				}
				return data
			}))},
		mutant("gives out the channel that ended", "stream.close-ends-terminal/desktop-pump", "a channel of its own", firstChannel()),
	})
}

func TestCasesNoticeInputThatGoesWrong(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, desktop.Cases(), []trial.Mutant{
		mutant("asks for a screen before consent", "desktop.input.consent/also-headless", "CONSENT_REQUIRED for a move",
			trial.Recode(consentRequired, unsupported)),
		mutant("looks for an event before consent", "desktop.input.consent/also-headless", "CONSENT_REQUIRED for input without an event",
			eventless(agentv1.ErrorCode_ERROR_CODE_PROTOCOL)),
		mutant("says to try again without consent", "desktop.input.consent/nothing-is-injected", "not retryable",
			trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if e := resp.GetError(); e.GetCode() == consentRequired {
					e.Retryable = true
				}
			})),
		{Name: "refuses and acts", Case: "desktop.input.consent/nothing-is-injected", Says: "on the screen nothing",
			Config: func(cfg *agent.Config) { cfg.ScreenControl = true },
			Fault: trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if req.GetDesktopInput() != nil {
					resp.Result, resp.Error = nil, &agentv1.AgentError{Code: consentRequired}
				}
			})},
		mutant("takes no event for success", "desktop.input.no-event/typed-error", "a typed error for input without an event", eventless(0)),
		mutant("takes no event for a move", "desktop.input.no-event/typed-error", "on the screen nothing", movesFor(agentv1.ErrorCode_ERROR_CODE_PROTOCOL)),
		mutant("misses the last column", "desktop.input.pointer/corners", "motion to 647,401",
			pointers(func(p *agentv1.PointerEvent) { p.X = min(p.X, 646) })),
		mutant("clicks twice", "desktop.input.pointer/click-left", "button-up 1 at 50,60",
			actions(agentv1.PointerAction_POINTER_ACTION_CLICK, agentv1.PointerAction_POINTER_ACTION_DOUBLE_CLICK)),
		mutant("takes no button for the middle one", "desktop.input.pointer/no-button-is-left", "button-down 1 at 51,61", clicks(0, 3)),
		mutant("pastes with the right button", "desktop.input.pointer/click-middle", "button-down 2", clicks(3, 2)),
		mutant("double-clicks with the left button alone", "desktop.input.pointer/double-click-right", "button-down 3",
			pointers(func(p *agentv1.PointerEvent) {
				if p.Action == agentv1.PointerAction_POINTER_ACTION_DOUBLE_CLICK {
					p.Button = 0
				}
			})),
		mutant("lets a dragged button go", "desktop.input.pointer/drag", "button-down 1 at 110,120; motion to 130,140",
			actions(agentv1.PointerAction_POINTER_ACTION_DOWN, agentv1.PointerAction_POINTER_ACTION_CLICK)),
		mutant("drops the end of a drag", "desktop.input.pointer/drag", "motion to 150,160; button-up 1",
			actions(agentv1.PointerAction_POINTER_ACTION_UP, agentv1.PointerAction_POINTER_ACTION_MOVE)),
		mutant("ends a drag elsewhere", "desktop.input.pointer/up-moves-first", "motion to 90,100",
			pointers(func(p *agentv1.PointerEvent) {
				if p.Action == agentv1.PointerAction_POINTER_ACTION_UP {
					p.X, p.Y = 70, 80
				}
			})),
		mutant("holds the left button alone", "desktop.input.pointer/hold-right", "button-down 3 at 71,81", clicks(2, 0)),
		{Name: "points at the display that died", Case: "desktop.input.pointer/display-that-dies-and-returns", Says: "on the display that came back",
			Scale: 0.1, Fault: failsAfter(1, func(r *agentv1.ControlRequest) bool { return r.GetDesktopInput() != nil })},
		{Name: "says that it points at a new display", Case: "desktop.input.pointer/display-that-dies-and-returns", Says: "motion to 44,45",
			Fault: pointers(func(p *agentv1.PointerEvent) { p.X = min(p.X, 320) / 320 * 320 })},
		mutant("wraps positions around", "desktop.input.clamp/below-nought", "motion to 0,0",
			pointers(func(p *agentv1.PointerEvent) { p.X &= 0xff })),
		mutant("turns the wheel where it was asked to, off the screen", "desktop.input.clamp/scrolls-too", "motion to 0,401",
			scrolls(func(s *agentv1.ScrollEvent) { s.X, s.Y = 320, 200 })),
		mutant("scrolls down alone", "desktop.input.scroll/up", "steps of that wheel",
			scrolls(func(s *agentv1.ScrollEvent) { s.DeltaY = max(s.DeltaY, -s.DeltaY) })),
		mutant("swaps right and left", "desktop.input.scroll/right", "steps of that wheel",
			scrolls(func(s *agentv1.ScrollEvent) { s.DeltaX = -s.DeltaX })),
		mutant("takes sideways for down", "desktop.input.scroll/left", "steps of that wheel",
			scrolls(func(s *agentv1.ScrollEvent) { s.DeltaX, s.DeltaY = 0, s.DeltaX })),
		mutant("scrolls to the left without a bound", "desktop.input.scroll/at-most-thirty-two-left", "steps of that wheel", twice),
		mutant("scrolls where the pointer is", "desktop.input.scroll/down", "the pointer to move there first",
			scrolls(func(s *agentv1.ScrollEvent) { s.X, s.Y = 320, 200 })),
		mutant("moves on after scrolling", "desktop.input.scroll/down", "and nothing else", moves),
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
	})
}

func TestCasesNoticeKeysThatAreMixedUp(t *testing.T) {
	t.Parallel()
	replaced := func(old, with string) agent.Middleware {
		return keys(func(k *agentv1.KeyEvent) { k.Key = strings.ReplaceAll(k.Key, old, with) })
	}
	action := func(from, to agentv1.KeyAction) agent.Middleware {
		return keys(func(k *agentv1.KeyEvent) {
			if k.Action == from && !k.IsText {
				k.Action = to
			}
		})
	}
	trial.Noticed(t, desktop.Cases(), []trial.Mutant{
		mutant("types on a British keyboard", "desktop.input.text/punctuation", "typed", replaced(`"`, "@")),
		mutant("types a letter twice only once", "desktop.input.text/digits-and-repeated-letters", "typed", replaced("bb", "b")),
		mutant("cuts long texts", "desktop.input.text/long-text-whole", "typed",
			keys(func(k *agentv1.KeyEvent) { k.Key = k.Key[:min(len(k.Key), 256)] })),
		mutant("presses Enter for its name in a text", "desktop.input.text/names-of-keys-are-text", "typed", replaced("Enter", "\n")),
		mutant("holds Shift after a text", "desktop.input.text/capitals", "every key released", holdsShift),
		mutant("drops foreign letters", "desktop.input.text-unicode/letters-of-other-alphabets", "typed", replaced("ж", "")),
		mutant("runs out of spare keys", "desktop.input.text-unicode/more-characters-than-spare-keys", "typed", replaced("э", "а")),
		mutant("types Linefeed for Enter", "desktop.input.text-unicode/newline-and-tab", "key-down Return", replaced("\n", "\t")),
		{Name: "keeps the keys that it borrowed", Case: "desktop.input.text-unicode/keymap-unchanged", Says: "the keyboard map",
			Scale: 0.1, Config: keepsKeys},
		mutant("swaps the arrows", "desktop.input.key/arrows", "key-down Left", replaced("Left", "Right")),
		mutant("goes home for a page up", "desktop.input.key/paging-keys", "key-down Page_Up", replaced("PageUp", "Home")),
		mutant("types on a German keyboard", "desktop.input.key/characters", "key-down z", replaced("z", "y")),
		mutant("holds a key without an action", "desktop.input.key/no-action-is-a-press", "key-up q", action(0, 2)),
		mutant("ignores the case of names", "desktop.input.key/names-are-case-sensitive", "wrong case", replaced("ENTER", "Enter")),
		mutant("never lets a key go", "desktop.input.key/held-until-up", "h up", dropsUp),
		mutant("has no shifted keys", "desktop.input.key-shifted/capitals-and-signs", "typed",
			keys(func(k *agentv1.KeyEvent) { k.Key = strings.ToLower(k.Key) })),
		mutant("counts function keys from nought", "desktop.input.key-function/all-twelve", "key-down F12", replaced("F12", "F11")),
		mutant("forgets Shift in a chord", "desktop.input.chord/two-modifiers", "modifiers", replaced("shift+", "")),
		mutant("takes Alt for Ctrl", "desktop.input.chord/with-a-named-key", "modifiers", replaced("alt+", "ctrl+")),
	})
}

//go:build linux

package desktop_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/streamtap"
	"agentproof/internal/trial"
	"agentproof/internal/xconn"
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
			Config: func(cfg *agent.Config) { cfg.Wire.Out = claimsDesktop }},
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

// ensures changes what is said of the channel and the display.
func ensures(edit func(*agentv1.ControlRequest, *agentv1.DesktopEnsureResponse)) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetDesktopEnsure(); r != nil {
			edit(req, r)
		}
	})
}

// newChannels gives each desktop_ensure, or each that asks for a size, a
// channel of another name.
func newChannels(sized bool) agent.Middleware {
	var n atomic.Int64
	return ensures(func(req *agentv1.ControlRequest, r *agentv1.DesktopEnsureResponse) {
		if !sized || req.GetDesktopEnsure().GetWidth() > 0 {
			r.Channel.ChannelId += fmt.Sprint("-", n.Add(1))
		}
	})
}

func firstPicture() agent.Middleware {
	var mu sync.Mutex
	var first []byte
	return shots(func(r *agentv1.DesktopScreenshotResponse) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = bytes.Clone(r.GetPng())
		}
		r.Png = first
	})
}

// keepsPicture answers with its last picture where it has none.
func keepsPicture() agent.Middleware {
	var last atomic.Pointer[agentv1.DesktopScreenshotResponse]
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		switch {
		case req.GetDesktopScreenshot() == nil:
		case resp.GetDesktopScreenshot() != nil:
			last.Store(resp.GetDesktopScreenshot())
		case last.Load() != nil:
			resp.Error, resp.Result = nil, &agentv1.ControlResponse_DesktopScreenshot{DesktopScreenshot: last.Load()}
		}
	})
}

func refuses(code agentv1.ErrorCode, match func(*agentv1.ControlRequest) bool) agent.Middleware {
	return failsAs(code, 0, match)
}

// failsAfter lets a number of requests pass and fails the others.
func failsAfter(n int64, match func(*agentv1.ControlRequest) bool) agent.Middleware {
	return failsAs(failedInOS, n, match)
}

func failsAs(code agentv1.ErrorCode, after int64, match func(*agentv1.ControlRequest) bool) agent.Middleware {
	var n atomic.Int64
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if match(req) && n.Add(1) > after {
			resp.Result, resp.Error = nil, &agentv1.AgentError{Code: code}
		}
	})
}

// oneAtATime refuses a screenshot while another is being taken, and takes its
// time over the first.
func oneAtATime() agent.Middleware {
	var busy atomic.Bool
	second := make(chan struct{}, 1)
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if req.GetDesktopScreenshot() == nil {
				return next(ctx, req)
			}
			if !busy.CompareAndSwap(false, true) {
				select {
				case second <- struct{}{}:
				default:
				}
				return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: &agentv1.AgentError{Code: failedInOS}}
			}
			defer busy.Store(false)
			limit := time.NewTimer(5 * time.Second)
			defer limit.Stop()
			select {
			case <-second:
			case <-limit.C:
			}
			return next(ctx, req)
		}
	}
}

// claimsDesktop lets every Hello claim one.
func claimsDesktop(next agent.PublishFunc) agent.PublishFunc {
	return func(subject string, data []byte) error {
		hello := &agentv1.Hello{}
		if strings.HasSuffix(subject, ".hello") && proto.Unmarshal(data, hello) == nil {
			hello.Capabilities.Desktop = true
			if changed, err := proto.Marshal(hello); err == nil {
				data = changed
			}
		}
		return next(subject, data)
	}
}

// frames changes the pictures of the stream, which it counts; nil drops one.
func frames(edit func(n int, data []byte) []byte) streamtap.Tap {
	return streamtap.Tap{Open: trial.Output(func() func([]byte) []byte {
		n := -1
		return func(data []byte) []byte {
			n++
			return edit(n, data)
		}
	})}
}

// dropsInput keeps what viewers do from the agent.
func dropsInput() streamtap.Edits {
	return streamtap.Edits{ToAgent: trial.Messages(func(m proto.Message) []proto.Message {
		if _, ok := m.(*agentv1.DesktopInput); ok {
			return nil
		}
		return []proto.Message{m}
	})}
}

// eventless answers input without an event itself, whatever consent there is:
// with an error, or for 0 with success.
func eventless(code agentv1.ErrorCode) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		switch r := req.GetDesktopInput(); {
		case r == nil || r.Event != nil:
		case code != 0:
			resp.Error.Code = code
		default:
			resp.Error, resp.Result = nil, &agentv1.ControlResponse_DesktopInput{DesktopInput: &agentv1.DesktopInputResponse{}}
		}
	})
}

// movesFor moves the pointer for input without an event, and answers with an
// error all the same.
func movesFor(code agentv1.ErrorCode) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			r := req.GetDesktopInput()
			if r == nil || r.Event != nil {
				return next(ctx, req)
			}
			r.Event = &agentv1.DesktopInputRequest_Pointer{Pointer: &agentv1.PointerEvent{X: 1, Y: 1}}
			next(ctx, req)
			return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: &agentv1.AgentError{Code: code}}
		}
	}
}

// actions takes one action for another.
func actions(from, to agentv1.PointerAction) agent.Middleware {
	return pointers(func(p *agentv1.PointerEvent) {
		if p.Action == from {
			p.Action = to
		}
	})
}

// clicks takes one button for another.
func clicks(from, to agentv1.PointerButton) agent.Middleware {
	return pointers(func(p *agentv1.PointerEvent) {
		if p.Button == from {
			p.Button = to
		}
	})
}

// again does something more after every input that match.
func again(match func(*agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			resp := next(ctx, req)
			if more := match(req.GetDesktopInput()); more != nil {
				next(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: more}})
			}
			return resp
		}
	}
}

func twice(next agent.Handler) agent.Handler {
	return again(func(r *agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest {
		if r.GetScroll() == nil {
			return nil
		}
		return r
	})(next)
}

func moves(next agent.Handler) agent.Handler {
	return again(func(r *agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest {
		if r.GetScroll() == nil {
			return nil
		}
		return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Pointer{Pointer: &agentv1.PointerEvent{X: 3, Y: 3}}}
	})(next)
}

func holdsShift(next agent.Handler) agent.Handler {
	return again(func(r *agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest {
		if !r.GetKey().GetIsText() {
			return nil
		}
		return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Key{
			Key: &agentv1.KeyEvent{Key: "shift", Action: agentv1.KeyAction_KEY_ACTION_DOWN},
		}}
	})(next)
}

// dropsUp says that it released a key.
func dropsUp(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetDesktopInput().GetKey().GetAction() != agentv1.KeyAction_KEY_ACTION_UP {
			return next(ctx, req)
		}
		return idle(next)(ctx, req)
	}
}

// keepsKeys leaves a letter on a key that had none.
func keepsKeys(cfg *agent.Config) {
	environ := cfg.Environ
	cfg.Middleware = append(cfg.Middleware, trial.After(func(req *agentv1.ControlRequest, _ *agentv1.ControlResponse) {
		if !req.GetDesktopInput().GetKey().GetIsText() {
			return
		}
		c, err := xconn.Dial(context.Background(), xconn.OptionsFrom(environ))
		if err != nil {
			return
		}
		defer c.Close()
		_ = xproto.ChangeKeyboardMappingChecked(c.Conn, 1, c.Setup.MaxKeycode, 1, []xproto.Keysym{'x'}).Check()
	}))
}

//go:build !robotgo

package desktop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"agentproof/agent/desktop"
	"agentproof/agent/internal/operr"
	"agentproof/fixtures/display"
	"agentproof/fixtures/display/displaytest"
	"agentproof/fixtures/display/witness"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestMain(m *testing.M) {
	if was, err := witness.Child(); was {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait for something that takes milliseconds.
const patience = time.Minute

// small is for tests to which the screen's size does not matter.
var small = display.Config{Width: 320, Height: 200}

// A stage is a display with a witness on it and a desktop before it.
type stage struct {
	testing.TB
	display *display.Display
	witness *witness.Witness
	desktop *desktop.Desktop
}

func newStage(tb testing.TB, screen display.Config, cfg desktop.Config) *stage {
	tb.Helper()
	d := displaytest.Start(tb, screen)
	w := displaytest.Witness(tb, d)
	cfg.Environ = d.Env()
	return &stage{tb, d, w, newDesktop(tb, cfg)}
}

func newDesktop(tb testing.TB, cfg desktop.Config) *desktop.Desktop {
	tb.Helper()
	cfg.WorkspaceID, cfg.AgentID = "ws", "agent"
	cfg.Logger = slog.New(slog.NewTextHandler(tb.Output(), nil))
	d := desktop.New(cfg)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := d.Shutdown(ctx); err != nil {
			tb.Error(err)
		}
	})
	return d
}

func (s *stage) input(req *agentv1.DesktopInputRequest) {
	s.Helper()
	if _, err := s.desktop.Input(s.Context(), req); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) screenshot() *agentv1.DesktopScreenshotResponse {
	s.Helper()
	resp, err := s.desktop.Screenshot(s.Context(), &agentv1.DesktopScreenshotRequest{})
	if err != nil {
		s.Fatal(err)
	}
	return resp
}

// seen is what reached the witness while do ran.
func (s *stage) seen(do func()) []witness.Event {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	if err := s.witness.Sync(ctx); err != nil {
		s.Fatal(err)
	}
	mark := s.witness.Log().Len()
	do()
	if err := s.witness.Sync(ctx); err != nil {
		s.Fatal(err)
	}
	return s.witness.Log().Since(mark)
}

func key(k *agentv1.KeyEvent) *agentv1.DesktopInputRequest {
	return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Key{Key: k}}
}

func text(s string) *agentv1.DesktopInputRequest { return key(&agentv1.KeyEvent{Key: s, IsText: true}) }

func pointer(p *agentv1.PointerEvent) *agentv1.DesktopInputRequest {
	return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Pointer{Pointer: p}}
}

func scroll(s *agentv1.ScrollEvent) *agentv1.DesktopInputRequest {
	return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Scroll{Scroll: s}}
}

// shows tells whether a PNG is exactly the pattern.
func shows(tb testing.TB, picture []byte, p witness.Pattern, width, height int) bool {
	tb.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		tb.Fatalf("decode: %v", err)
	}
	if size := img.Bounds().Size(); size.X != width || size.Y != height {
		tb.Fatalf("the picture has %v pixels, want %d×%d", size, width, height)
	}
	for y := range height {
		for x := range width {
			r, g, b, _ := img.At(x, y).RGBA()
			if c := p.At(x, y); uint8(r>>8) != c.R || uint8(g>>8) != c.G || uint8(b>>8) != c.B {
				return false
			}
		}
	}
	return true
}

func wantCode(tb testing.TB, err error, code agentv1.ErrorCode) {
	tb.Helper()
	if e, ok := errors.AsType[*operr.Error](err); !ok || e.Code != code || e.Message == "" {
		tb.Errorf("err = %v, want %v", err, code)
	}
}

func TestAScreenshotShowsTheScreen(t *testing.T) {
	t.Parallel()
	for name, screen := range map[string]display.Config{
		"of few colours":               {Width: 200, Height: 100},
		"of many colours":              {Width: 1024, Height: 768},
		"of a shape that no tile fits": {Width: 333, Height: 77},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, screen, desktop.Config{})
			for p := range witness.Pattern(3) {
				if err := s.witness.Paint(p); err != nil {
					t.Fatal(err)
				}
				resp := s.screenshot()
				if !shows(t, resp.GetPng(), p, screen.Width, screen.Height) {
					t.Errorf("pattern %d looks different", p)
				}
				if int(resp.GetWidth()) != screen.Width || int(resp.GetHeight()) != screen.Height ||
					resp.GetNativeWidth() != 0 || resp.GetNativeHeight() != 0 {
					t.Errorf("it is said to be %d×%d of %d×%d", resp.GetWidth(), resp.GetHeight(),
						resp.GetNativeWidth(), resp.GetNativeHeight())
				}
			}
		})
	}
}

func TestAScreenshotFitsIntoTheReply(t *testing.T) {
	t.Parallel()
	const limit = 10_000
	s := newStage(t, display.Config{Width: 1280, Height: 800}, desktop.Config{MaxPayload: func() int { return limit }})
	resp := s.screenshot()
	reply := &agentv1.ControlResponse{
		RequestId: strings.Repeat("x", 1000),
		Result:    &agentv1.ControlResponse_DesktopScreenshot{DesktopScreenshot: resp},
	}
	if size := proto.Size(reply); size > limit {
		t.Errorf("the reply takes %d bytes", size)
	}
	if resp.GetNativeWidth() != 1280 || resp.GetNativeHeight() != 800 || resp.GetWidth() >= 1280 {
		t.Errorf("%d×%d of %d×%d", resp.GetWidth(), resp.GetHeight(), resp.GetNativeWidth(), resp.GetNativeHeight())
	}
	cfg, err := png.DecodeConfig(bytes.NewReader(resp.GetPng()))
	if err != nil || cfg.Width != int(resp.GetWidth()) || cfg.Height != int(resp.GetHeight()) {
		t.Errorf("the picture is %d×%d, %v; said to be %d×%d", cfg.Width, cfg.Height, err, resp.GetWidth(), resp.GetHeight())
	}
}

func TestScreenshotsAreTakenSideBySide(t *testing.T) {
	t.Parallel()
	s := newStage(t, small, desktop.Config{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				resp, err := s.desktop.Screenshot(t.Context(), nil)
				if err != nil || !shows(t, resp.GetPng(), 0, small.Width, small.Height) {
					t.Errorf("a screenshot differs (%v)", err)
				}
			}
		})
	}
	wg.Wait()
}

func TestInputReachesTheScreen(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   *agentv1.DesktopInputRequest
		want string // the events, in order
	}{
		"an action of 0 moves": {
			pointer(&agentv1.PointerEvent{X: 7, Y: 8}), "motion to 7,8",
		},
		"a move ignores the button": {
			pointer(&agentv1.PointerEvent{X: 7, Y: 8, Action: agentv1.PointerAction_POINTER_ACTION_MOVE, Button: 2}), "motion to 7,8",
		},
		"a click with the button 0": {
			pointer(&agentv1.PointerEvent{X: 7, Y: 8, Action: agentv1.PointerAction_POINTER_ACTION_CLICK}),
			"motion to 7,8, button-down 1 at 7,8, button-up 1 at 7,8",
		},
		"a middle button going down": {
			pointer(&agentv1.PointerEvent{X: 7, Y: 8, Action: agentv1.PointerAction_POINTER_ACTION_DOWN,
				Button: agentv1.PointerButton_POINTER_BUTTON_MIDDLE}),
			"motion to 7,8, button-down 2 at 7,8",
		},
		"a double click on the right, out of the screen": {
			pointer(&agentv1.PointerEvent{X: -7, Y: 1000, Action: agentv1.PointerAction_POINTER_ACTION_DOUBLE_CLICK,
				Button: agentv1.PointerButton_POINTER_BUTTON_RIGHT}),
			"motion to 0,199, button-down 3 at 0,199, button-up 3 at 0,199, button-down 3 at 0,199, button-up 3 at 0,199",
		},
		"a scroll": {
			scroll(&agentv1.ScrollEvent{X: 7, Y: 8, DeltaX: 1, DeltaY: -1}),
			"motion to 7,8, button-down 4 at 7,8, button-up 4 at 7,8, button-down 7 at 7,8, button-up 7 at 7,8",
		},
		"text":                          {text("a\r\nB"), "a\nB"},
		"text whatever its action says": {key(&agentv1.KeyEvent{Key: "x", IsText: true, Action: agentv1.KeyAction_KEY_ACTION_UP}), "x"},
		"a key":                         {key(&agentv1.KeyEvent{Key: "Enter"}), "key-down Return, key-up Return"},
		"a key going down":              {key(&agentv1.KeyEvent{Key: "F5", Action: agentv1.KeyAction_KEY_ACTION_DOWN}), "key-down F5"},
		"a chord": {key(&agentv1.KeyEvent{Key: "ctrl+c", Action: agentv1.KeyAction_KEY_ACTION_PRESS}),
			"key-down Control_L, key-down c, key-up c, key-up Control_L"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, small, desktop.Config{})
			events := s.seen(func() { s.input(tc.in) })
			var got []string
			for _, e := range events {
				got = append(got, e.String())
			}
			if strings.Join(got, ", ") != tc.want && witness.Text(events) != tc.want {
				t.Errorf("saw %v, want %s", events, tc.want)
			}
		})
	}
}

func TestInputThatSaysNothingRightIsRefusedAndDoesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, small, desktop.Config{})
	tests := map[string]*agentv1.DesktopInputRequest{
		"no event":              {},
		"an empty pointer":      {Event: &agentv1.DesktopInputRequest_Pointer{}},
		"an action of 9":        pointer(&agentv1.PointerEvent{X: 1, Y: 1, Action: 9}),
		"a button of 9":         pointer(&agentv1.PointerEvent{X: 1, Y: 1, Action: 4, Button: 9}),
		"no key":                key(&agentv1.KeyEvent{}),
		"an unknown key":        key(&agentv1.KeyEvent{Key: "Hyperspace"}),
		"an unknown chord":      key(&agentv1.KeyEvent{Key: "ctrl+hyperspace"}),
		"a key action of 9":     key(&agentv1.KeyEvent{Key: "a", Action: 9}),
		"text with an escape":   text("visible\x1b[31m"),
		"text with a NUL":       text("a\x00"),
		"text that is deletion": text("\x7f"),
	}
	events := s.seen(func() {
		for name, req := range tests {
			t.Run(name, func(t *testing.T) {
				_, err := s.desktop.Input(t.Context(), req)
				wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_PROTOCOL)
				if err != nil && (strings.Contains(err.Error(), "visible") || strings.Contains(err.Error(), "yperspace")) {
					t.Errorf("the input shows in %q", err)
				}
			})
		}
	})
	if len(events) > 0 {
		t.Errorf("saw %v", events)
	}
}

func TestWithoutADisplayEverythingIsUnsupported(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"none is named": {}, "none is there": {"DISPLAY=:29999"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesktop(t, desktop.Config{Environ: environ})
			if shown, why := d.Status(t.Context()); shown != nil || !strings.Contains(why, "DISPLAY") && !strings.Contains(why, "29999") {
				t.Errorf("status: %v, %q", shown, why)
			}
			_, err := d.Ensure(t.Context(), &agentv1.DesktopEnsureRequest{})
			wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED)
			_, err = d.Screenshot(t.Context(), &agentv1.DesktopScreenshotRequest{})
			wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED)
			_, err = d.Input(t.Context(), text("x"))
			wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED)
		})
	}
}

func TestADisplayMayComeAndGo(t *testing.T) {
	t.Parallel()
	s := newStage(t, small, desktop.Config{})
	if shown, why := s.desktop.Status(t.Context()); shown.GetWidth() != 320 || shown.GetHeight() != 200 ||
		!shown.GetVirtual() || shown.GetId() != s.display.Name() {
		t.Fatalf("status: %v, %q", shown, why)
	}
	s.display.Kill()
	if shown, why := s.desktop.Status(t.Context()); shown != nil || why == "" {
		t.Errorf("without a display: %v, %q", shown, why)
	}
	_, err := s.desktop.Screenshot(t.Context(), nil)
	wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED)
	if err := s.display.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.witness = displaytest.Witness(t, s.display)
	if !shows(t, s.screenshot().GetPng(), 0, 320, 200) {
		t.Error("the screen looks different")
	}
	if got := witness.Text(s.seen(func() { s.input(text("again")) })); got != "again" {
		t.Errorf("typed %q", got)
	}
}

func TestAnOperationThatWasGivenUpIsNotCarriedOut(t *testing.T) {
	t.Parallel()
	s := newStage(t, small, desktop.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	long := strings.Repeat("漢字かな", 100)
	events := s.seen(func() {
		if _, err := s.desktop.Input(ctx, text(long)); !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v, want %v", err, context.Canceled)
		}
	})
	if got := witness.Text(events); len(got) >= len(long) {
		t.Errorf("all was typed")
	}
	if got := witness.Text(s.seen(func() { s.input(text("next")) })); got != "next" {
		t.Errorf("typed %q", got)
	}
}

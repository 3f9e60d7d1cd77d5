//go:build cgo && robotgo

package native_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-vgo/robotgo"
	"go.uber.org/goleak"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/agent/desktop/internal/keys"
	"agentproof/agent/desktop/internal/native"
	"agentproof/agent/desktop/screenpng"
	"agentproof/fixtures/display"
	"agentproof/fixtures/display/witness"
)

// patience bounds every wait for something that takes milliseconds.
const patience = time.Minute

// loserEnv makes the test binary a process that loses its display.
const loserEnv = "AGENTPROOF_NATIVE_LOSER"

// The libraries know one display in a process, so all tests share one, and
// none runs beside another. The witness has a process of its own: capturing
// changes tables that its connection reads.
var (
	screen = display.Config{Width: 640, Height: 400}
	events *witness.Log
	hand   *native.Backend
)

func TestMain(m *testing.M) {
	if was, err := witness.Child(); was {
		os.Exit(report(err))
	}
	if os.Getenv(loserEnv) != "" {
		os.Exit(report(loserRole()))
	}
	stop, err := begin()
	if errors.Is(err, display.ErrNotInstalled) && os.Getenv("CI") == "" {
		fmt.Println("skipped:", err)
		return
	}
	if err != nil {
		os.Exit(report(err))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		stop()
		os.Exit(code)
	}), goleak.IgnoreCurrent())
}

func report(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// begin shows a display with a witness, and puts the backend before it.
func begin() (stop func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d, err := display.Start(ctx, screen)
	if err != nil {
		return nil, err
	}
	useDisplay(d)
	w, err := witness.Spawn(ctx, os.Environ())
	if err != nil {
		return nil, err
	}
	events = w.Log()
	hand = native.New(os.Environ(), slog.New(slog.DiscardHandler))
	return func() {
		// Exiting closes it again, under the race detector, and that must not
		// find its server gone.
		robotgo.CloseMainDisplay()
		_ = w.Close()
		_ = d.Stop()
	}, nil
}

// useDisplay makes d the display of this process.
func useDisplay(d *display.Display) {
	for _, entry := range d.Env() {
		name, value, _ := strings.Cut(entry, "=")
		os.Setenv(name, value)
	}
	os.Unsetenv("XDG_SESSION_TYPE") // or screenshots are asked of Wayland
}

func inject(t *testing.T, in backend.Input) {
	t.Helper()
	if err := hand.Inject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

var markers int

// seen is what reached the witness while do ran: what came between two moves
// to a place that no test moves to.
func seen(t *testing.T, do func()) []witness.Event {
	t.Helper()
	marker := func() int {
		markers++
		x, y := 600+markers%40, 399
		mark := events.Len()
		inject(t, backend.Pointer{X: x, Y: y})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err := events.Wait(ctx, mark, func(e []witness.Event) bool {
			return len(e) > 0 && e[len(e)-1].Kind == witness.Motion && e[len(e)-1].X == x && e[len(e)-1].Y == y
		})
		if err != nil {
			t.Fatal(err)
		}
		return events.Len()
	}
	from := marker()
	do()
	to := marker()
	return events.Since(from)[:to-from-1]
}

func chord(t *testing.T, name string) keys.Chord {
	t.Helper()
	c, err := keys.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func describe(events []witness.Event) string {
	var out []string
	for _, e := range events {
		out = append(out, e.String())
	}
	return strings.Join(out, ", ")
}

func TestTheDisplayIsToldAsItIs(t *testing.T) {
	got, err := hand.Probe(t.Context())
	want := backend.Display{ID: os.Getenv("DISPLAY"), Width: screen.Width, Height: screen.Height, Virtual: true}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestTheScreenIsCapturedPixelForPixel(t *testing.T) {
	err := hand.Capture(t.Context(), func(img screenpng.Image) error {
		if img.Width != screen.Width || img.Height != screen.Height {
			t.Fatalf("captured %d×%d", img.Width, img.Height)
		}
		for y := range img.Height {
			for x := range img.Width {
				pix, want := img.Pix[y*img.Stride+4*x:], witness.Pattern(0).At(x, y)
				if pix[0] != want.B || pix[1] != want.G || pix[2] != want.R {
					t.Fatalf("at %d,%d: % x (blue, green, red), want %v", x, y, pix[:3], want)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if changed, err := hand.Changed(t.Context()); err != nil || !changed {
		t.Errorf("changed: %v, %v", changed, err)
	}
}

func TestPointerInputArrives(t *testing.T) {
	tests := map[string]struct {
		in   []backend.Input
		want string
	}{
		"a move":             {[]backend.Input{backend.Pointer{X: 10, Y: 20}}, "motion to 10,20"},
		"beyond the screen":  {[]backend.Input{backend.Pointer{X: 1 << 20, Y: -1}}, "motion to 639,0"},
		"a click":            {[]backend.Input{backend.Pointer{X: 1, Y: 2, Action: backend.Press}}, "motion to 1,2, button-down 1 at 1,2, button-up 1 at 1,2"},
		"on the right":       {[]backend.Input{backend.Pointer{X: 1, Y: 3, Action: backend.Press, Button: backend.Right}}, "motion to 1,3, button-down 3 at 1,3, button-up 3 at 1,3"},
		"a middle double":    {[]backend.Input{backend.Pointer{X: 1, Y: 4, Action: backend.DoublePress, Button: backend.Middle}}, "motion to 1,4, button-down 2 at 1,4, button-up 2 at 1,4, button-down 2 at 1,4, button-up 2 at 1,4"},
		"a drag":             {[]backend.Input{backend.Pointer{X: 1, Y: 5, Action: backend.Down}, backend.Pointer{X: 9, Y: 9}, backend.Pointer{X: 9, Y: 8, Action: backend.Up}}, "motion to 1,5, button-down 1 at 1,5, motion to 9,9, motion to 9,8, button-up 1 at 9,8"},
		"a scroll down":      {[]backend.Input{backend.Scroll{X: 3, Y: 3, DY: 1}}, "motion to 3,3, button-down 5 at 3,3, button-up 5 at 3,3"},
		"up and to the left": {[]backend.Input{backend.Scroll{X: 3, Y: 4, DY: -1, DX: -1}}, "motion to 3,4, button-down 6 at 3,4, button-up 6 at 3,4, button-down 4 at 3,4, button-up 4 at 3,4"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := describe(seen(t, func() {
				for _, in := range tc.in {
					inject(t, in)
				}
			}))
			if got != tc.want {
				t.Errorf("saw %s, want %s", got, tc.want)
			}
		})
	}
	t.Run("a scroll further than the cap", func(t *testing.T) {
		got := seen(t, func() { inject(t, backend.Scroll{X: 3, Y: 5, DX: 1 << 30, DY: 1 << 30}) })
		if down, right := witness.Clicks(got, witness.WheelDown), witness.Clicks(got, witness.WheelRight); down != 32 || right != 32 {
			t.Errorf("%d steps down and %d to the right", down, right)
		}
	})
}

func TestTextIsTypedExactly(t *testing.T) {
	var ascii strings.Builder
	for r := ' '; r <= '~'; r++ {
		ascii.WriteRune(r)
	}
	for name, text := range map[string]string{
		"all of ASCII": ascii.String(), "lines and columns": "Hello,\tWorld!\n", "nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			if got := witness.Text(seen(t, func() { inject(t, backend.Text(text)) })); got != text {
				t.Errorf("typed %q, want %q", got, text)
			}
		})
	}
}

func TestWhatCannotBeTypedIsRefusedWhole(t *testing.T) {
	got := seen(t, func() {
		for _, in := range []backend.Input{backend.Text("abc漢"), backend.Key{Chord: chord(t, "漢"), Action: backend.Press}} {
			if err := hand.Inject(t.Context(), in); err == nil {
				t.Errorf("%v was injected", in)
			}
		}
	})
	if len(got) > 0 {
		t.Errorf("saw %v", got)
	}
}

func TestKeysArriveAsWhatTheyAreCalled(t *testing.T) {
	tests := map[string]string{
		"Enter": "Return", "Tab": "Tab", "Escape": "Escape", "Backspace": "BackSpace", "Delete": "Delete", "Space": " ",
		"ArrowLeft": "Left", "ArrowRight": "Right", "ArrowUp": "Up", "ArrowDown": "Down", "Home": "Home", "End": "End",
		"PageUp": "Page_Up", "PageDown": "Page_Down", "Insert": "Insert", "F1": "F1", "F12": "F12",
		"Shift": "Shift_L", "ctrl": "Control_L", "Alt": "Alt_L", "Meta": "Super_L",
		"a": "a", "A": "A", "!": "!", "/": "/", "?": "?", ";": ";", "\\": "\\", "`": "`", "'": "'", "\"": "\"",
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			got := describe(seen(t, func() { inject(t, backend.Key{Chord: chord(t, name), Action: backend.Press}) }))
			if !strings.Contains(got, "key-down "+want) || strings.Count(got, "key-down") > 2 {
				t.Errorf("saw %s, want %s", got, want)
			}
		})
	}
}

func TestChordsHoldTheirModifiers(t *testing.T) {
	tests := map[string]struct {
		keysym string
		state  int
	}{
		"ctrl+c":       {"c", witness.Control},
		"ctrl+shift+t": {"T", witness.Control | witness.Shift},
		"alt+F4":       {"F4", witness.Alt},
		"ctrl++":       {"+", witness.Control | witness.Shift},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			events := seen(t, func() { inject(t, backend.Key{Chord: chord(t, name), Action: backend.Press}) })
			for _, e := range events {
				if e.Kind == witness.KeyDown && e.Keysym.String() == tc.keysym && e.State == tc.state {
					return
				}
			}
			t.Errorf("saw %+v, want %s with state %#x", events, tc.keysym, tc.state)
		})
	}
	if got := witness.Text(seen(t, func() { inject(t, backend.Text("a")) })); got != "a" {
		t.Errorf("the next key typed %q", got)
	}
}

func TestHeldKeysAndButtonsAreLetGoOfAtTheEnd(t *testing.T) {
	b := native.New(os.Environ(), slog.New(slog.DiscardHandler))
	got := describe(seen(t, func() {
		for _, in := range []backend.Input{
			backend.Key{Chord: chord(t, "F5"), Action: backend.Down},
			backend.Key{Chord: chord(t, "F6"), Action: backend.Down},
			backend.Key{Chord: chord(t, "F6"), Action: backend.Up},
			backend.Pointer{X: 5, Y: 5, Action: backend.Down},
		} {
			if err := b.Inject(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}))
	const want = "key-down F5, key-down F6, key-up F6, motion to 5,5, button-down 1 at 5,5, button-up 1 at 5,5, key-up F5"
	if got != want {
		t.Errorf("saw %s, want %s", got, want)
	}
}

func TestAnotherDisplayIsNotUsed(t *testing.T) {
	for name, environ := range map[string][]string{"none is named": nil, "another one is": {"DISPLAY=:29999"}} {
		_, err := native.New(environ, slog.New(slog.DiscardHandler)).Probe(t.Context())
		if _, ok := errors.AsType[*backend.Unavailable](err); !ok {
			t.Errorf("%s: err = %v, want unavailable", name, err)
		}
	}
}

// TestAServerThatHasGoneDoesNotTakeTheAgentWithIt has a process of its own,
// since Xlib never gets over it.
func TestAServerThatHasGoneDoesNotTakeTheAgentWithIt(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), loserEnv+"=1")
	// How it exits says nothing: under the race detector, exiting runs the
	// library's own exit handler, and that does not get over it either.
	out, err := cmd.CombinedOutput()
	if !strings.Contains(string(out), survived) {
		t.Errorf("%v: %s", err, out)
	}
}

const survived = "the agent goes on without its X server"

func loserRole() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d, err := display.Start(ctx, screen)
	if err != nil {
		return err
	}
	defer d.Stop()
	useDisplay(d)
	b := native.New(os.Environ(), slog.New(slog.DiscardHandler))
	if err := b.Inject(ctx, backend.Text("x")); err != nil {
		return err
	}
	d.Kill()
	for _, state := range []string{"gone", "back"} {
		err := b.Inject(ctx, backend.Text("x"))
		if _, ok := errors.AsType[*backend.Unavailable](err); !ok {
			return fmt.Errorf("with the server %s: err = %v, want unavailable", state, err)
		}
		if err := d.Restart(ctx); err != nil {
			return err
		}
	}
	if err := b.Close(); err != nil {
		return err
	}
	fmt.Println(survived)
	return nil
}

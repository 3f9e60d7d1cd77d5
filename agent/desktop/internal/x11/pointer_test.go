package x11_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/fixtures/display/witness"
)

var ignoreDetails = cmpopts.IgnoreFields(witness.Event{}, "Millis", "Keycode", "State")

func at(kind witness.Kind, button, x, y int) witness.Event {
	return witness.Event{Kind: kind, Button: button, X: x, Y: y}
}

func click(button, x, y int) []witness.Event {
	return []witness.Event{at(witness.ButtonDown, button, x, y), at(witness.ButtonUp, button, x, y)}
}

func repeat(n int, events []witness.Event) (out []witness.Event) {
	for range n {
		out = append(out, events...)
	}
	return out
}

func TestPointerInputArrives(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   []backend.Input
		want []witness.Event
	}{
		"a move moves only": {
			[]backend.Input{backend.Pointer{X: 10, Y: 20}},
			[]witness.Event{at(witness.Motion, 0, 10, 20)},
		},
		"a click moves first": {
			[]backend.Input{backend.Pointer{X: 319, Y: 199, Action: backend.Press}},
			append([]witness.Event{at(witness.Motion, 0, 319, 199)}, click(witness.Left, 319, 199)...),
		},
		"a click with the right button": {
			[]backend.Input{backend.Pointer{X: 1, Y: 2, Action: backend.Press, Button: backend.Right}},
			append([]witness.Event{at(witness.Motion, 0, 1, 2)}, click(witness.Right, 1, 2)...),
		},
		"a double click": {
			[]backend.Input{backend.Pointer{X: 1, Y: 2, Action: backend.DoublePress, Button: backend.Middle}},
			append([]witness.Event{at(witness.Motion, 0, 1, 2)}, repeat(2, click(witness.Middle, 1, 2))...),
		},
		"a drag": {
			[]backend.Input{
				backend.Pointer{X: 1, Y: 2, Action: backend.Down},
				backend.Pointer{X: 30, Y: 40},
				backend.Pointer{X: 50, Y: 60, Action: backend.Up},
			},
			[]witness.Event{
				at(witness.Motion, 0, 1, 2), at(witness.ButtonDown, witness.Left, 1, 2),
				at(witness.Motion, 0, 30, 40),
				at(witness.Motion, 0, 50, 60), at(witness.ButtonUp, witness.Left, 50, 60),
			},
		},
		"points beyond the screen": {
			[]backend.Input{
				backend.Pointer{X: -1, Y: 1 << 30}, backend.Pointer{X: 320, Y: -1 << 30}, backend.Pointer{X: 1 << 16, Y: 200},
			},
			[]witness.Event{at(witness.Motion, 0, 0, 199), at(witness.Motion, 0, 319, 0), at(witness.Motion, 0, 319, 199)},
		},
		"a scroll down": {
			[]backend.Input{backend.Scroll{X: 5, Y: 6, DY: 3}},
			append([]witness.Event{at(witness.Motion, 0, 5, 6)}, repeat(3, click(witness.WheelDown, 5, 6))...),
		},
		"a scroll up and to the right": {
			[]backend.Input{backend.Scroll{X: 5, Y: 6, DY: -1, DX: 2}},
			append(append([]witness.Event{at(witness.Motion, 0, 5, 6)}, click(witness.WheelUp, 5, 6)...),
				repeat(2, click(witness.WheelRight, 5, 6))...),
		},
		"a scroll further than the cap": {
			[]backend.Input{backend.Scroll{X: 5, Y: 6, DX: -1 << 31, DY: 1<<31 - 1}},
			append(append([]witness.Event{at(witness.Motion, 0, 5, 6)}, repeat(32, click(witness.WheelDown, 5, 6))...),
				repeat(32, click(witness.WheelLeft, 5, 6))...),
		},
		"a scroll by nothing": {
			[]backend.Input{backend.Scroll{X: 5, Y: 6}},
			[]witness.Event{at(witness.Motion, 0, 5, 6)},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, small)
			got := s.seen(func() {
				for _, in := range tc.in {
					s.inject(in)
				}
			})
			if diff := cmp.Diff(tc.want, got, ignoreDetails); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestABackendThatIsClosedLetsGoOfEverything(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	other := open(t, s.display)
	s.inject(backend.Pointer{X: 1, Y: 2, Action: backend.Down, Button: backend.Right})
	s.press("Shift", backend.Down)
	s.press("漢", backend.Down)
	got := s.seen(func() {
		if err := s.backend.Close(); err != nil {
			t.Error(err)
		}
	})
	up := map[string]bool{}
	for _, e := range got {
		if e.Kind == witness.ButtonUp || e.Kind == witness.KeyUp {
			up[e.String()] = true
		}
	}
	for _, want := range []string{"button-up 3 at 1,2", "key-up Shift_L", "key-up 漢"} {
		if !up[want] {
			t.Errorf("%s is missing in %v", want, got)
		}
	}
	s.backend = other
	if got := witness.Text(s.seen(func() { s.press("a", backend.Press) })); got != "a" {
		t.Errorf("the next key typed %q", got)
	}
}

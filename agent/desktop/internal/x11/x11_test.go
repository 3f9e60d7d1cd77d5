package x11_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/agent/desktop/internal/keys"
	"agentproof/agent/desktop/internal/x11"
	"agentproof/agent/desktop/screenpng"
	"agentproof/fixtures/display"
	"agentproof/fixtures/display/displaytest"
	"agentproof/fixtures/display/witness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that takes milliseconds.
const patience = time.Minute

// A stage is a display with a witness on it and a backend before it.
type stage struct {
	testing.TB
	display *display.Display
	witness *witness.Witness
	backend *x11.Backend
}

func newStage(tb testing.TB, cfg display.Config) *stage {
	tb.Helper()
	d := displaytest.Start(tb, cfg)
	return &stage{tb, d, displaytest.Witness(tb, d), open(tb, d)}
}

func open(tb testing.TB, d *display.Display) *x11.Backend {
	tb.Helper()
	b := x11.New(d.Env(), slog.New(slog.NewTextHandler(tb.Output(), nil)))
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Error(err)
		}
	})
	return b
}

// small is for tests to which the screen's size does not matter.
var small = display.Config{Width: 320, Height: 200}

func (s *stage) inject(in backend.Input) {
	s.Helper()
	if err := s.backend.Inject(s.Context(), in); err != nil {
		s.Fatal(err)
	}
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

func (s *stage) press(name string, action backend.Action) {
	s.Helper()
	chord, err := keys.Parse(name)
	if err != nil {
		s.Fatal(err)
	}
	s.inject(backend.Key{Chord: chord, Action: action})
}

// pixels copies the screen.
func (s *stage) pixels() screenpng.Image {
	s.Helper()
	var img screenpng.Image
	err := s.backend.Capture(s.Context(), func(m screenpng.Image) error {
		img = m
		img.Pix = append([]byte(nil), m.Pix...)
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return img
}

// checkPattern compares every pixel with the witness's pattern, up to the loss
// that the screen's depth brings.
func checkPattern(tb testing.TB, img screenpng.Image, p witness.Pattern, tolerance int) {
	tb.Helper()
	differ := func(got, want uint8) bool {
		return int(got)-int(want) > tolerance || int(want)-int(got) > tolerance
	}
	for y := range img.Height {
		for x := range img.Width {
			pix, want := img.Pix[y*img.Stride+4*x:], p.At(x, y)
			if differ(pix[0], want.B) || differ(pix[1], want.G) || differ(pix[2], want.R) {
				tb.Fatalf("at %d,%d: % x (blue, green, red), want %v", x, y, pix[:3], want)
			}
		}
	}
}

func TestTheDisplayIsToldAsItIs(t *testing.T) {
	t.Parallel()
	d := displaytest.Start(t, display.Config{Width: 333, Height: 77})
	got, err := open(t, d).Probe(t.Context())
	want := backend.Display{ID: d.Name(), Width: 333, Height: 77, Virtual: true}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestWithoutADisplayEverythingIsUnavailable(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"none is named":              nil,
		"the name is wrong":          {"DISPLAY=x"},
		"no server is there":         {"DISPLAY=:29999"},
		"the name is of another box": {"DISPLAY=127.0.0.1:2"},
	}
	for name, environ := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := x11.New(environ, slog.New(slog.DiscardHandler))
			defer b.Close()
			_, probe := b.Probe(t.Context())
			_, changed := b.Changed(t.Context())
			for op, err := range map[string]error{
				"probe": probe, "changed": changed,
				"capture": b.Capture(t.Context(), func(screenpng.Image) error { return nil }),
				"inject":  b.Inject(t.Context(), backend.Text("x")),
			} {
				if u, ok := errors.AsType[*backend.Unavailable](err); !ok || u.Reason == "" {
					t.Errorf("%s: err = %v, want unavailable with a reason", op, err)
				}
			}
		})
	}
}

func TestADisplayThatComesBackIsUsedAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	checkPattern(t, s.pixels(), 0, 0)
	s.display.Kill()
	if _, err := s.backend.Probe(t.Context()); err == nil {
		t.Error("a display that was killed is still there")
	}
	if err := s.display.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.witness = displaytest.Witness(t, s.display)
	checkPattern(t, s.pixels(), 0, 0)
	if got := witness.Text(s.seen(func() { s.inject(backend.Text("Back!")) })); got != "Back!" {
		t.Errorf("typed %q", got)
	}
}

// TestADisplayThatWasReplacedIsNoFailure does not give the backend time to
// notice the death of the server.
func TestADisplayThatWasReplacedIsNoFailure(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	for range 5 {
		s.pixels()
		s.display.Kill()
		if err := s.display.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.backend.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAServerThatHangsIsGivenUpAndTriedAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	s.pixels()
	if err := s.display.Freeze(); err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"on the connection that there is", "on a new one"} {
		// The bound is five seconds for each wait.
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := s.backend.Capture(ctx, func(screenpng.Image) error { return nil })
		if err == nil || ctx.Err() != nil {
			t.Errorf("%s: err = %v", op, err)
		}
		cancel()
	}
	if err := s.display.Thaw(); err != nil {
		t.Fatal(err)
	}
	checkPattern(t, s.pixels(), 0, 0)
}

func TestAClosedBackendStaysClosed(t *testing.T) {
	t.Parallel()
	d := displaytest.Start(t, small)
	b := x11.New(d.Env(), slog.New(slog.DiscardHandler))
	if _, err := b.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Probe(t.Context()); err == nil {
		t.Error("it connected again")
	}
}

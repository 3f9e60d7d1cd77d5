package x11_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/agent/desktop/screenpng"
	"agentproof/fixtures/display"
	"agentproof/fixtures/display/displaytest"
	"agentproof/fixtures/display/witness"
)

func TestTheScreenIsCapturedPixelForPixel(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cfg       display.Config
		tolerance int
	}{
		"of the usual kind":         {display.Config{Width: 800, Height: 600}, 0},
		"of an odd size":            {display.Config{Width: 333, Height: 77}, 0},
		"with sixteen bits":         {display.Config{Width: 321, Height: 200, Depth: 16}, 7},
		"with fifteen bits":         {display.Config{Width: 320, Height: 200, Depth: 15}, 7},
		"with ten bits a hue":       {display.Config{Width: 320, Height: 200, Depth: 30}, 3},
		"of one pixel's width":      {display.Config{Width: 1, Height: 50}, 0},
		"that shares no memory":     {display.Config{Width: 800, Height: 600, Without: []string{"MIT-SHM"}}, 0},
		"whose outputs are unknown": {display.Config{Width: 320, Height: 200, Without: []string{"RANDR"}}, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, tc.cfg)
			for _, p := range []witness.Pattern{0, 7} {
				if err := s.witness.Paint(p); err != nil {
					t.Fatal(err)
				}
				img := s.pixels()
				if img.Width != tc.cfg.Width || img.Height != tc.cfg.Height {
					t.Fatalf("captured %d×%d", img.Width, img.Height)
				}
				checkPattern(t, img, p, tc.tolerance)
			}
		})
	}
}

func TestTheCallersErrorIsHandedOn(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	full := errors.New("full")
	if err := s.backend.Capture(t.Context(), func(screenpng.Image) error { return full }); !errors.Is(err, full) {
		t.Errorf("err = %v", err)
	}
}

// TestAPictureOutlivesItsServer holds a picture while the server dies and
// others notice.
func TestAPictureOutlivesItsServer(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	err := s.backend.Capture(t.Context(), func(img screenpng.Image) error {
		s.display.Kill()
		if _, err := s.backend.Probe(t.Context()); err == nil {
			t.Error("the display is still there")
		}
		checkPattern(t, img, 0, 0)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAChangeIsToldOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	changed := func() bool {
		t.Helper()
		c, err := s.backend.Changed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	// The news travels beside the replies: it is waited for.
	await := func() {
		t.Helper()
		for deadline := time.Now().Add(patience); !changed(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a change was never told")
			}
		}
	}
	if !changed() {
		t.Error("the first look finds nothing new")
	}
	for p := range witness.Pattern(10) {
		if err := s.witness.Paint(p + 1); err != nil {
			t.Fatal(err)
		}
		await()
		checkPattern(t, s.pixels(), p+1, 0)
	}
	s.pixels()
	if changed() {
		t.Error("the screen changed by being looked at")
	}
}

func TestWithoutDamageEveryLookMayFindAChange(t *testing.T) {
	t.Parallel()
	for _, missing := range []string{"DAMAGE", "XFIXES"} {
		d := displaytest.Start(t, display.Config{Width: 64, Height: 64, Without: []string{missing}})
		b := open(t, d)
		for range 3 {
			if changed, err := b.Changed(t.Context()); err != nil || !changed {
				t.Errorf("without %s: %v, %v", missing, changed, err)
			}
		}
	}
}

func TestWithoutXTESTThereIsNoDesktop(t *testing.T) {
	t.Parallel()
	d := displaytest.Start(t, display.Config{Width: 64, Height: 64, Without: []string{"XTEST"}})
	_, err := open(t, d).Probe(t.Context())
	if u, ok := errors.AsType[*backend.Unavailable](err); !ok || !strings.Contains(u.Reason, "XTEST") {
		t.Errorf("err = %v", err)
	}
}

func TestPicturesChangesAndSizesAreAskedForTogether(t *testing.T) {
	t.Parallel()
	s := newStage(t, small)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 50 {
			if _, err := s.backend.Changed(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for range 50 {
			if _, err := s.backend.Probe(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for range 50 {
		s.pixels()
	}
	wg.Wait()
}

func TestTwoScreensAreCapturedSideBySide(t *testing.T) {
	t.Parallel()
	a, b := newStage(t, small), newStage(t, small)
	if err := b.witness.Paint(1); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { _, _ = open(t, displaytest.Start(t, display.Config{Width: 16, Height: 16})).Probe(t.Context()) })
		checkPattern(t, a.pixels(), 0, 0)
		checkPattern(t, b.pixels(), 1, 0)
		wg.Wait()
	}
}

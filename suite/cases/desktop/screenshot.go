package desktop

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"time"

	"agentproof/fixtures/display/witness"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

// tightPayload is too small for a whole picture of the witness's pattern.
const tightPayload = 8 << 10

// returnLimit is for an agent to find a display that came back.
const returnLimit = 20 * time.Second

func screenshotCases() []engine.Case {
	return []engine.Case{
		{
			ID: "desktop.screenshot/every-pixel", Clause: "desktop.screenshot", Needs: needs,
			Explain: "A model reads small text off this picture: a shifted, scaled or recoloured one misleads it.",
			Run:     func(ctx context.Context, t *engine.T) { shows(ctx, t, t.Screen(ctx), 11) },
		},
		{
			ID: "desktop.screenshot/whole-screen-in-its-size", Clause: "desktop.screenshot", Needs: needs,
			Explain: "Clicks are computed from the picture's size; it must be that of the PNG and of the screen.",
			Run:     screenshotSize,
		},
		{
			ID: "desktop.screenshot/shows-what-changed", Clause: "desktop.screenshot", Needs: needs,
			Explain: "An agent that keeps its last picture for too long shows a screen that is no more.",
			Run: func(ctx context.Context, t *engine.T) {
				s := t.Screen(ctx)
				for _, p := range []witness.Pattern{12, 13, 14} {
					shows(ctx, t, s, p)
				}
			},
		},
		{
			ID: "desktop.screenshot/several-at-once", Clause: "desktop.screenshot", Needs: needs,
			Explain: "Several people and models look at one machine; pictures that share a buffer are torn, and some never come.",
			Run:     screenshotsAtOnce,
		},
		{
			ID: "desktop.screenshot/needs-no-consent", Clause: "desktop.screenshot", Needs: needs,
			Launch:  &engine.Launch{Display: true, NoScreenControl: true},
			Explain: "Looking is not touching: consent to control is about input alone.",
			Run:     func(ctx context.Context, t *engine.T) { shows(ctx, t, t.Screen(ctx), 15) },
		},
		{
			ID: "desktop.screenshot-fits/shrunk-with-its-native-size", Clause: "desktop.screenshot-fits", Needs: needs,
			Launch:  &engine.Launch{Display: true, MaxPayload: tightPayload},
			Explain: "A picture that the broker drops is none; a smaller one with the real size beside it still tells where to click.",
			Run:     screenshotFits,
		},
		{
			ID: "desktop.screenshot/display-that-dies-and-returns", Clause: "desktop.screenshot", Needs: needs,
			Launch:  &engine.Launch{Display: true},
			Explain: "X servers crash and log out; the agent outlives them and shows the next one.",
			Run:     displayReturns,
		},
	}
}

func screenshot(ctx context.Context, t *engine.T) *agentv1.DesktopScreenshotResponse {
	return engine.Must[*agentv1.DesktopScreenshotResponse](ctx, t, &agentv1.DesktopScreenshotRequest{})
}

// shows paints a pattern and expects it in a screenshot.
func shows(ctx context.Context, t *engine.T, s *engine.Screen, p witness.Pattern) {
	paint(t, s, p)
	img := decode(t, screenshot(ctx, t).GetPng())
	if img != nil {
		t.Check(is(img, s, p), "a picture equal to the screen in every pixel", "another")
	}
}

func paint(t *engine.T, s *engine.Screen, p witness.Pattern) {
	if err := s.Paint(p); err != nil {
		t.Harness(err)
	}
}

// decode is nil, and the case fails, for what is no PNG.
func decode(t *engine.T, data []byte) image.Image {
	img, err := png.Decode(bytes.NewReader(data))
	if !t.Check(err == nil, "a PNG that decodes", "one that does not") {
		t.Logf("%d bytes: %v", len(data), err)
		return nil
	}
	return img
}

// cursorReach is how far from the pointer a cursor may cover the picture: the
// specification leaves open whether it is shown.
const cursorReach = 48

// is compares a picture with the pattern in the size of the screen, except
// around the middle, where the pointer waits.
func is(img image.Image, s *engine.Screen, p witness.Pattern) bool {
	width, height := s.Display.Size()
	b := img.Bounds()
	if b.Dx() != width || b.Dy() != height {
		return false
	}
	for y := range height {
		for x := range width {
			if max(x-parkX, parkX-x) <= cursorReach && max(y-parkY, parkY-y) <= cursorReach {
				continue
			}
			want := p.At(x, y)
			r, g, b, a := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
			if uint8(r>>8) != want.R || uint8(g>>8) != want.G || uint8(b>>8) != want.B || a != 0xffff {
				return false
			}
		}
	}
	return true
}

func screenshotSize(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	width, height := s.Display.Size()
	shot := screenshot(ctx, t)
	engine.Equal(t, "width", shot.GetWidth(), uint32(width))
	engine.Equal(t, "height", shot.GetHeight(), uint32(height))
	if img := decode(t, shot.GetPng()); img != nil {
		engine.Equal(t, "the PNG's size", img.Bounds().Size(), image.Pt(width, height))
	}
	t.Check(shot.GetNativeWidth() == 0 || shot.GetNativeWidth() == uint32(width), "no native_width, or the same", "%d", shot.GetNativeWidth())
	t.Check(shot.GetNativeHeight() == 0 || shot.GetNativeHeight() == uint32(height), "no native_height, or the same", "%d", shot.GetNativeHeight())
}

func screenshotFits(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	paint(t, s, 16)
	width, height := s.Display.Size()
	shot := screenshot(ctx, t)
	img := decode(t, shot.GetPng())
	if img == nil {
		return
	}
	size := img.Bounds().Size()
	engine.Equal(t, "the PNG's own size in width and height,", image.Pt(int(shot.GetWidth()), int(shot.GetHeight())), size)
	if size == image.Pt(width, height) {
		t.Given().Fatalf("a picture too large for the payload", "one that fits")
	}
	t.Check(size.X < width && size.Y < height && size.X > 0, "a smaller picture", "one that is not")
	engine.Equal(t, "native_width", shot.GetNativeWidth(), uint32(width))
	engine.Equal(t, "native_height", shot.GetNativeHeight(), uint32(height))
}

func displayReturns(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	shows(ctx, t.Given(), s, 17)
	revive(ctx, t, s)
	paint(t, s, 18)
	back := wait.Until(ctx, t.Scale(returnLimit), func(ctx context.Context) bool {
		resp := t.Call(ctx, &agentv1.DesktopScreenshotRequest{})
		return resp.GetError() == nil && len(resp.GetDesktopScreenshot().GetPng()) > 0
	})
	if t.Check(back, "a screenshot of the display that came back", "none in time") {
		shows(ctx, t, s, 19)
	}
}

// revive lets the display die and come back, and looks at the new one.
func revive(ctx context.Context, t *engine.T, s *engine.Screen) {
	s.Display.Kill()
	<-s.Display.Done()
	t.Given().Ping(ctx, 0)
	if err := s.Display.Restart(ctx); err != nil {
		t.Harness(err)
	}
	s.Look(ctx)
}

const (
	// crowd is how many viewers ask at once, and crowdLimit what all their
	// pictures together may take.
	crowd      = 8
	crowdLimit = 20 * time.Second
)

func screenshotsAtOnce(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	paint(t, s, 20)
	var pending [crowd]*engine.Pending
	for i := range pending {
		pending[i] = t.Start(wire.NewRequest(&agentv1.DesktopScreenshotRequest{}))
	}
	for _, p := range pending {
		shot := engine.MustOf[*agentv1.DesktopScreenshotResponse](t, p.Response(ctx, t.Scale(crowdLimit)))
		if img := decode(t, shot.GetPng()); img != nil {
			t.Check(is(img, s, 20), "each of the pictures equal to the screen", "another")
		}
	}
}

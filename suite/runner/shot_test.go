package runner_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"agentproof/fixtures/display/witness"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/verdict"
	"agentproof/suite/wire"
)

// photographer is an agent that answers a screenshot with these bytes.
func photographer(picture []byte) answer {
	return func(req *agentv1.ControlRequest) [][]byte {
		resp := reply(req)
		if req.GetDesktopScreenshot() != nil {
			resp.Error = nil
			resp.Result = &agentv1.ControlResponse_DesktopScreenshot{DesktopScreenshot: &agentv1.DesktopScreenshotResponse{Png: picture}}
		}
		return [][]byte{encode(resp)}
	}
}

func picture(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 3, 2))
	img.Set(1, 1, color.White)
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// failing is a case that fails while the screen shows pattern 5, and leaves
// another behind.
func failing() engine.Case {
	return engine.Case{Needs: engine.Desktop, Run: func(ctx context.Context, t *engine.T) {
		s := t.Screen(ctx)
		t.Cleanup(func(context.Context) { _ = s.Paint(9) })
		if err := s.Paint(5); err != nil {
			t.Harness(err)
		}
		t.Fatalf("one", "two")
	}}
}

// tried runs the case; a machine without displays skips the test.
func tried(t *testing.T, do answer, c engine.Case) verdict.Result {
	t.Helper()
	c.ID = "ping.nonce/tried"
	opts := options(t, do, c)
	opts.TimeoutScale = 1 // a picture of some MiB takes its time
	res := run(t, opts).Results[0]
	if res.Status == verdict.Untestable {
		t.Skip(res.Reason)
	}
	return res
}

func TestAFailureOnTheScreenKeepsTheAgentsPictureOfIt(t *testing.T) {
	t.Parallel()
	want := picture(t)
	res := tried(t, photographer(want), failing())
	if res.Status != verdict.Fail || !bytes.Equal(res.Screenshot, want) {
		t.Errorf("%s with a screenshot of %d bytes, want a failure with the agent's of %d", res.Status, len(res.Screenshot), len(want))
	}
	if len(res.Exchanges)+len(res.Notes) > 0 {
		t.Errorf("the screenshot joined what the case did: %v, %q", res.Exchanges, res.Notes)
	}
}

func TestAnAgentThatGivesNoPictureGetsTheSuites(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		do  answer
		why string
	}{
		"an error":        {pong, "the agent has none"},
		"no PNG":          {photographer([]byte("GIF89a")), "the agent's is no PNG"},
		"nothing to keep": {photographer(append(picture(t), make([]byte, 5<<20)...)), "the agent's has 52"},
		"silence": {func(req *agentv1.ControlRequest) [][]byte {
			if req.GetDesktopScreenshot() != nil {
				return nil
			}
			return pong(req)
		}, wire.ErrNoReply.Error()},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := tried(t, tc.do, failing())
			if !strings.Contains(strings.Join(res.Notes, "\n"), "the suite's own: "+tc.why) {
				t.Errorf("notes %q, want why the screenshot is the suite's own: %s", res.Notes, tc.why)
			}
			got, err := png.Decode(bytes.NewReader(res.Screenshot))
			if err != nil {
				t.Fatal(err)
			}
			// What the cleanup painted would be another.
			want := witness.Pattern(5).Image(got.Bounds().Dx(), got.Bounds().Dy())
			if x, y, ok := difference(want, got); ok {
				t.Errorf("at %d,%d it is %v, want %v", x, y, got.At(x, y), want.At(x, y))
			}
		})
	}
}

// difference is where two pictures of one size are not the same, if anywhere.
func difference(a, b image.Image) (x, y int, differ bool) {
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			if color.RGBAModel.Convert(a.At(x, y)) != color.RGBAModel.Convert(b.At(x, y)) {
				return x, y, true
			}
		}
	}
	return 0, 0, false
}

func TestNoPictureIsTakenOfWhatNeedsNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]engine.Case{
		"a case that passes": {Needs: engine.Desktop, Run: func(ctx context.Context, t *engine.T) { t.Screen(ctx) }},
		"a case that looks at no screen": {Run: func(_ context.Context, t *engine.T) {
			t.Errorf("one", "two")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if res := tried(t, photographer(picture(t)), c); res.Screenshot != nil {
				t.Errorf("%s, and a screenshot of %d bytes", res.Status, len(res.Screenshot))
			}
		})
	}
}

package desktop

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"time"

	"agentproof/fixtures/display/witness"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
	"agentproof/suite/engine"
	"agentproof/suite/wait"
)

const (
	// firstFrame is the bound of stream.desktop-first-frame.
	firstFrame = 5 * time.Second
	// frameLimit is for a picture that is due within moments.
	frameLimit = 20 * time.Second
	// quietTime is how long a screen is watched on which nothing happens.
	quietTime = 3 * time.Second
)

func frameCases() []engine.Case {
	return []engine.Case{
		{
			ID: "stream.desktop-first-frame/within-five-seconds", Clause: "stream.desktop-first-frame", Needs: needs,
			Launch:  &engine.Launch{Display: true},
			Explain: "Who opens a desktop on which nothing moves must see it all the same.",
			Run:     firstComes,
		},
		{
			ID: "stream.desktop-frames/whole-pictures", Clause: "stream.desktop-frames", Needs: needs,
			Explain: "A viewer keeps no picture to patch: every frame must be one by itself, of the whole screen.",
			Run:     wholePictures,
		},
		{
			ID: "stream.desktop-frames/two-viewers-in-turn", Clause: "stream.desktop-frames", Needs: needs,
			Explain: "A page that is reloaded shows the screen of now, not what the one before it left.",
			Run:     viewersInTurn,
		},
		{
			ID: "stream.desktop-quiet/still-screen", Clause: "stream.desktop-quiet", Needs: needs, Idle: quietTime,
			Launch:  &engine.Launch{Display: true},
			Explain: "A still screen that is sent ten times a second costs somebody's battery and bandwidth.",
			Run:     quiet,
		},
		{
			ID: "stream.desktop-input-consent/given", Clause: "stream.desktop-input-consent", Needs: needs,
			Explain: "A person at a viewer moves the mouse over the stream, without a round trip through the control plane.",
			Run:     streamInput,
		},
		{
			ID: "stream.desktop-input-consent/withheld", Clause: "stream.desktop-input-consent", Needs: needs,
			Launch:  &engine.Launch{Display: true, NoScreenControl: true},
			Explain: "The stream is the second way in; an owner's no must hold there as well.",
			Run:     streamInputWithheld,
		},
		{
			ID: "stream.close-ends-terminal/desktop-pump", Clause: "stream.close-ends-terminal", Needs: needs,
			Launch:  &engine.Launch{Display: true},
			Explain: "A person who closes the desktop ends the capture with it; the next one gets a channel that lives.",
			Run:     closeEndsPump,
		},
	}
}

// watch attaches a viewer to the desktop. That it gets a picture at all is the
// matter of stream.desktop-first-frame.
func watch(ctx context.Context, t *engine.T) *stream.Viewer {
	given := t.Given()
	v := t.View(ctx, ensure(ctx, given).GetChannel(), nil)
	if frame(ctx, given, v, t.Scale(frameLimit)) == nil {
		given.Fatalf("a first frame", "none in time")
	}
	return v
}

// frame reads the next frame, nil if none comes in time.
func frame(ctx context.Context, t *engine.T, v *stream.Viewer, limit time.Duration) []byte {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f, err := v.Read(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil
	case err != nil:
		t.Fatalf("the stream to go on", "its end")
	}
	return f.Data
}

// awaitPattern reads frames, each of which must be a picture, until one shows
// the pattern.
func awaitPattern(ctx context.Context, t *engine.T, s *engine.Screen, v *stream.Viewer, p witness.Pattern) {
	for end := time.Now().Add(t.Scale(frameLimit)); ; {
		data := frame(ctx, t, v, max(0, time.Until(end)))
		if data == nil {
			t.Fatalf("a frame of what the screen shows now", "none in time")
		}
		img := decode(t, data)
		if img == nil || is(img, s, p) {
			return
		}
	}
}

func firstComes(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	paint(t, s, 31)
	ch := ensure(ctx, t.Given()).GetChannel()
	deadline := time.Now().Add(firstFrame)
	data := frame(ctx, t, t.View(ctx, ch, nil), time.Until(deadline))
	if t.Check(data != nil, "a frame within 5 s", "none") {
		if img := decode(t, data); img != nil {
			t.Check(is(img, s, 31), "the screen in the first frame", "another picture")
		}
	}
}

func wholePictures(ctx context.Context, t *engine.T) {
	s := parked(ctx, t)
	v := watch(ctx, t)
	for _, p := range []witness.Pattern{32, 33, 34} {
		paint(t, s, p)
		awaitPattern(ctx, t, s, v, p)
	}
}

func viewersInTurn(ctx context.Context, t *engine.T) {
	s := parked(ctx, t)
	for _, p := range []witness.Pattern{35, 36} {
		v := watch(ctx, t)
		paint(t, s, p)
		awaitPattern(ctx, t, s, v, p)
		v.Detach()
	}
}

func quiet(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	paint(t, s, 37)
	v := t.View(ctx, ensure(ctx, t.Given()).GetChannel(), nil)
	awaitPattern(ctx, t.Given(), s, v, 37)
	frames := 0
	for end := time.Now().Add(quietTime); frame(ctx, t, v, max(0, time.Until(end))) != nil; {
		frames++
	}
	t.Logf("%d frames in %v", frames, quietTime)
	switch {
	case frames <= 1:
		t.Record("nothing new while nothing changes")
	case frames <= 10*int(quietTime/time.Second):
		t.Record("frames of a still screen, at most 10 a second")
	default:
		t.Record("more than 10 frames a second")
	}
}

func streamInput(ctx context.Context, t *engine.T) {
	s := parked(ctx, t)
	v := watch(ctx, t)
	send(ctx, t, v)
	events, ok := s.Await(ctx, func(events []witness.Event) bool {
		return witness.Text(events) == "k" && balance(events) == 0 && witness.Clicks(events, witness.WheelDown) == 2
	})
	t.Logf("seen: %v", events)
	t.Check(ok && witness.Clicks(events, witness.Right) == 1, "a right click, the key k and two wheel steps", "others, or none")
}

// send sends one event of each kind.
func send(ctx context.Context, t *engine.T, v *stream.Viewer) {
	for _, in := range []*agentv1.DesktopInput{
		{Event: &agentv1.DesktopInput_Pointer{Pointer: pointer(240, 250, click, right).GetPointer()}},
		{Event: &agentv1.DesktopInput_Scroll{Scroll: scroll(240, 250, 0, 2).GetScroll()}},
		{Event: &agentv1.DesktopInput_Key{Key: key("k", press).GetKey()}},
	} {
		if err := v.SendInput(ctx, in); err != nil {
			t.Given().Fatalf("the viewer's input sent", "%v", err)
		}
	}
}

func streamInputWithheld(ctx context.Context, t *engine.T) {
	s := t.Screen(ctx)
	v := watch(ctx, t)
	send(ctx, t, v)
	// A frame of what was painted later shows that the stream went on meanwhile.
	for _, p := range []witness.Pattern{38, 39} {
		paint(t, s, p)
		for shown := false; !shown; {
			data := frame(ctx, t.Given(), v, frameLimit)
			if data == nil {
				t.Given().Fatalf("frames after the input", "none")
			}
			img, err := png.Decode(bytes.NewReader(data))
			shown = err == nil && is(img, s, p)
		}
	}
	t.Settle(ctx)
	s.ExpectSeen(ctx)
}

func closeEndsPump(ctx context.Context, t *engine.T) {
	t.Screen(ctx)
	ch := ensure(ctx, t.Given()).GetChannel()
	v := t.View(ctx, ch, nil)
	if err := v.Close(ctx, agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, "done"); err != nil {
		t.Given().Fatalf("the viewer's StreamClose sent", "%v", err)
	}
	next := wait.Until(ctx, 2*time.Second, func(ctx context.Context) bool {
		return ensure(ctx, t).GetChannel().GetChannelId() != ch.GetChannelId()
	})
	t.Check(next, "a channel of its own after the end of the one before", "the one that ended")
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"
	"github.com/kbinani/screenshot"
	"github.com/shirou/gopsutil/v4/process"

	"agentproof/agent/desktop/screenpng/scene"
	"agentproof/fixtures/display"
	"agentproof/fixtures/display/witness"
	"agentproof/internal/xconn"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/stream"
)

const (
	screenWidth, screenHeight = 1920, 1080
	// framesSpan is how long a viewed screen is watched.
	framesSpan = 3 * time.Second
	// mostFrames is what the specification allows a second.
	mostFrames = 10
	// busyChanges is how often a busy screen changes in a second.
	busyChanges = 15
	// stillShare is the part of a processor that a still screen may cost.
	stillShare = 0.01
)

// screen is the agent's display, and what is painted on it.
type screen struct {
	display *display.Display
	witness *witness.Witness
	// scenes are screens full of smooth text: so many that what a viewer missed
	// does not bring the picture back that it has.
	scenes [5][]byte
	shown  int
}

func openScreen(ctx context.Context) (*screen, error) {
	s := new(screen)
	var err error
	if s.display, err = display.Start(ctx, display.Config{Width: screenWidth, Height: screenHeight}); err != nil {
		return nil, err
	}
	if s.witness, err = witness.Open(ctx, s.display.Env()); err != nil {
		s.close()
		return nil, err
	}
	for i := range s.scenes {
		s.scenes[i] = scene.Terminal(screenWidth, screenHeight, true, uint64(i)).Pix
	}
	return s, s.change()
}

func (s *screen) close() {
	if s.witness != nil {
		s.witness.Close()
	}
	_ = s.display.Stop()
}

// change shows the next scene.
func (s *screen) change() error {
	s.shown = (s.shown + 1) % len(s.scenes)
	return s.witness.PaintPixels(s.scenes[s.shown])
}

// screenshots are pictures of a screen that has changed, over NATS, against
// what Go programs usually do: capture with kbinani's package and encode with
// image/png, on the spot. First their times, then their sizes.
func (b *bed) screenshots(ctx context.Context) ([]figure, error) {
	usual, err := startUsual(ctx, b.screen.display.Env())
	if err != nil {
		return nil, err
	}
	defer usual.close()
	var size, usualSize int
	shots, floors, err := inTurnsAfter(b.screen.change, 25,
		func() error {
			shot, err := b.session.Screenshot(ctx)
			size = len(shot.PNG)
			return err
		},
		func() (err error) {
			usualSize, err = usual.picture()
			return err
		})
	if err != nil {
		return nil, err
	}
	return []figure{
		{name: "screenshot 1920×1080 p50", unit: "ms", got: quantile(shots, 0.5) / 1e3, floor: quantile(floors, 0.5) / 1e3, aim: 0.1},
		{name: "its size", unit: "kB", got: float64(size) / 1e3, floor: float64(usualSize) / 1e3, aim: 1.3},
	}, nil
}

// usualEnv makes this program one that takes pictures as usual.
const usualEnv = "AGENTPROOF_BENCH_USUAL"

// usual is that program. It is a process of its own because kbinani's package
// writes tables that other connections of its process read.
type usual struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startUsual(ctx context.Context, environ []string) (*usual, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	u := &usual{cmd: exec.CommandContext(ctx, self)}
	u.cmd.Env = slices.Concat(os.Environ(), environ, []string{usualEnv + "=1", "XDG_SESSION_TYPE="}) // Wayland would be asked
	u.cmd.Stderr = os.Stderr
	in, err1 := u.cmd.StdinPipe()
	out, err2 := u.cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	u.in, u.out = in, bufio.NewReader(out)
	return u, u.cmd.Start()
}

// picture has a picture taken and returns its size.
func (u *usual) picture() (size int, err error) {
	if _, err := io.WriteString(u.in, "\n"); err != nil {
		return 0, err
	}
	line, err := u.out.ReadBytes('\n')
	if err != nil {
		return 0, fmt.Errorf("take a picture as usual: %w", err)
	}
	return size, json.Unmarshal(line, &size)
}

func (u *usual) close() {
	_ = u.in.Close()
	_ = u.cmd.Wait()
}

// takeUsual takes a picture for every line of in, and writes its size to out.
func takeUsual(in io.Reader, out io.Writer) error {
	var picture bytes.Buffer
	for lines := bufio.NewScanner(in); lines.Scan(); {
		img, err := screenshot.CaptureDisplay(0)
		if err != nil {
			return err
		}
		picture.Reset()
		if err := png.Encode(&picture, img); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, picture.Len()); err != nil {
			return err
		}
	}
	return nil
}

// keyPress is the time until a window has a key press, from the session on,
// against bare XTEST from the same process.
func (b *bed) keyPress(ctx context.Context) ([]figure, error) {
	c, err := xconn.Dial(ctx, xconn.OptionsFrom(b.screen.display.Env()))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, ok, err := c.Extension("XTEST"); err != nil || !ok {
		return nil, fmt.Errorf("the display has no XTEST: %w", err)
	}
	keymap, err := c.ReadKeymap()
	if err != nil {
		return nil, err
	}
	code, _ := keymap.Find('a')
	until := func(press func() error) func() error {
		return func() error {
			mark := b.screen.witness.Log().Len()
			if err := press(); err != nil {
				return err
			}
			_, err := b.screen.witness.Log().Wait(ctx, mark, func(events []witness.Event) bool {
				return len(events) > 0 && events[len(events)-1].Kind == witness.KeyUp
			})
			return err
		}
	}
	press := &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Key{Key: &agentv1.KeyEvent{Key: "a"}}}
	keys, floors, err := inTurns(1000,
		until(func() error { return b.session.DesktopInput(ctx, press) }),
		until(func() error {
			xtest.FakeInput(c.Conn, xproto.KeyPress, byte(code), 0, c.Screen.Root, 0, 0, 0)
			xtest.FakeInput(c.Conn, xproto.KeyRelease, byte(code), 0, c.Screen.Root, 0, 0, 0)
			return nil
		}))
	if err != nil {
		return nil, err
	}
	return []figure{{name: "key press p50", unit: "µs", got: quantile(keys, 0.5), floor: quantile(floors, 0.5)}}, nil
}

// viewDesktop attaches a viewer and waits for its first frame.
func (b *bed) viewDesktop(ctx context.Context) (*stream.Viewer, error) {
	endpoint, err := b.session.ResolveExposedPort(ctx, session.DesktopPort)
	if err != nil {
		return nil, err
	}
	token, err := viewerToken(session.DesktopPort)
	if err != nil {
		return nil, err
	}
	v, err := stream.Dial(ctx, endpoint.URL(), token, nil)
	if err != nil {
		return nil, err
	}
	if _, err := v.Read(ctx); err != nil {
		v.Detach()
		return nil, err
	}
	return v, nil
}

// frames is a viewer of a screen that changes all over all the time, against the
// changes that there were, or the most frames that there may be, and the part of a processor that all of this
// program uses while the screen is still.
func (b *bed) frames(ctx context.Context) ([]figure, error) {
	v, err := b.viewDesktop(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Detach()
	rate, changes, err := b.busyFrames(ctx, v)
	if err != nil {
		return nil, err
	}
	share, err := stillFrames(ctx)
	if err != nil {
		return nil, err
	}
	return []figure{
		{name: "frames of a busy screen", unit: "/s", got: rate, floor: min(changes, mostFrames), aim: 0.9, least: true},
		{name: "processor with a still screen", unit: "%", got: 100 * share, floor: 100 * stillShare, aim: 1},
	}, nil
}

// busyFrames counts frames and changes a second: a whole screen takes an X
// server a while to paint.
func (b *bed) busyFrames(ctx context.Context, v *stream.Viewer) (perSecond, changes float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, framesSpan)
	defer cancel()
	var painting error
	var wg sync.WaitGroup
	wg.Go(func() {
		ticks := time.NewTicker(time.Second / busyChanges)
		defer ticks.Stop()
		for painting == nil {
			select {
			case <-ticks.C:
				painting = b.screen.change()
				changes++
			case <-ctx.Done():
				return
			}
		}
	})
	n, start := 0, time.Now()
	for ; err == nil; n++ {
		_, err = v.Read(ctx)
	}
	wg.Wait()
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	span := time.Since(start).Seconds()
	return float64(n-1) / span, changes / span, errors.Join(err, painting)
}

func stillFrames(ctx context.Context) (share float64, err error) {
	self, err := process.NewProcessWithContext(ctx, int32(os.Getpid()))
	if err != nil {
		return 0, err
	}
	used := func() (seconds float64) {
		t, failed := self.TimesWithContext(ctx)
		if failed != nil {
			err = failed
			return 0
		}
		return t.User + t.System
	}
	// What was painted last is on its way still.
	if err := rest(ctx, time.Second); err != nil {
		return 0, err
	}
	before, start := used(), time.Now()
	if err := rest(ctx, framesSpan); err != nil {
		return 0, err
	}
	return (used() - before) / time.Since(start).Seconds(), err
}

// rest lets time pass.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

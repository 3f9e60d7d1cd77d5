//go:build cgo && robotgo

package desktop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-vgo/robotgo"
	"go.uber.org/goleak"

	"agentproof/agent/desktop"
	"agentproof/fixtures/display"
	"agentproof/fixtures/display/witness"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
	"agentproof/stream/producer"
)

// The native libraries know one display in a process, so all tests share one,
// and the witness has a process of its own. What is the same for every backend
// is tested with the X11 one.

const patience = time.Minute

var (
	screen = display.Config{Width: 640, Height: 400}
	events *witness.Log
)

func TestMain(m *testing.M) {
	if was, err := witness.Child(); was {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	stop, err := begin()
	if errors.Is(err, display.ErrNotInstalled) && os.Getenv("CI") == "" {
		fmt.Println("skipped:", err)
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent(), goleak.Cleanup(func(code int) {
		stop()
		os.Exit(code)
	}))
}

func begin() (stop func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d, err := display.Start(ctx, screen)
	if err != nil {
		return nil, err
	}
	for _, entry := range d.Env() {
		name, value, _ := strings.Cut(entry, "=")
		os.Setenv(name, value)
	}
	os.Unsetenv("XDG_SESSION_TYPE") // or screenshots are asked of Wayland
	w, err := witness.Spawn(ctx, os.Environ())
	if err != nil {
		return nil, err
	}
	events = w.Log()
	return func() {
		// Exiting closes it again, under the race detector, and that must not
		// find its server gone.
		robotgo.CloseMainDisplay()
		_ = w.Close()
		_ = d.Stop()
	}, nil
}

func newDesktop(t *testing.T, cfg desktop.Config) *desktop.Desktop {
	t.Helper()
	cfg.WorkspaceID, cfg.AgentID = "ws", "agent"
	d := desktop.New(cfg)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := d.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return d
}

func shows(t *testing.T, picture []byte, p witness.Pattern) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	for y := range screen.Height {
		for x := range screen.Width {
			r, g, b, _ := img.At(x, y).RGBA()
			if c := p.At(x, y); uint8(r>>8) != c.R || uint8(g>>8) != c.G || uint8(b>>8) != c.B {
				t.Fatalf("at %d,%d: %x %x %x, want %v", x, y, r>>8, g>>8, b>>8, c)
			}
		}
	}
}

func TestAScreenshotOfTheNativeBackendShowsTheScreen(t *testing.T) {
	d := newDesktop(t, desktop.Config{})
	resp, err := d.Screenshot(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.GetWidth() != 640 || resp.GetHeight() != 400 {
		t.Fatalf("%d×%d", resp.GetWidth(), resp.GetHeight())
	}
	shows(t, resp.GetPng(), 0)
}

func TestInputThroughTheNativeBackendReachesTheScreen(t *testing.T) {
	d := newDesktop(t, desktop.Config{})
	mark := events.Len()
	for _, in := range []*agentv1.DesktopInputRequest{
		{Event: &agentv1.DesktopInputRequest_Pointer{Pointer: &agentv1.PointerEvent{
			X: 5, Y: 6, Action: agentv1.PointerAction_POINTER_ACTION_DOUBLE_CLICK}}},
		{Event: &agentv1.DesktopInputRequest_Scroll{Scroll: &agentv1.ScrollEvent{X: 7, Y: 8, DeltaY: 40}}},
		{Event: &agentv1.DesktopInputRequest_Key{Key: &agentv1.KeyEvent{Key: "Hi (all)!\n", IsText: true}}},
		{Event: &agentv1.DesktopInputRequest_Key{Key: &agentv1.KeyEvent{Key: "F12"}}},
	} {
		if _, err := d.Input(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := events.Wait(ctx, mark, func(e []witness.Event) bool {
		return len(e) > 0 && e[len(e)-1].String() == "key-up F12"
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := witness.Text(got); text != "Hi (all)!\n" {
		t.Errorf("typed %q", text)
	}
	if n := witness.Clicks(got, witness.Left); n != 2 {
		t.Errorf("%d clicks", n)
	}
	if n := witness.Clicks(got, witness.WheelDown); n != 32 {
		t.Errorf("%d steps down", n)
	}
}

func TestFramesOfTheNativeBackendReachAViewer(t *testing.T) {
	r := relaytest.Start(t, relay.Config{})
	d := newDesktop(t, desktop.Config{Relay: producer.Config{
		RelayURL: r.URL(), Token: relaytest.ProducerToken(t, "ws", "agent")}})
	resp, err := d.Ensure(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	url, err := stream.ProducerURL(r.URL(), stream.RouteOf(resp.GetChannel()))
	if err != nil {
		t.Fatal(err)
	}
	v, err := stream.Dial(t.Context(), url, relaytest.ViewerToken(t, "ws", stream.DesktopPort, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Detach()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	f, err := v.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	shows(t, f.Data, 0)
}

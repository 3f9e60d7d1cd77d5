//go:build !robotgo

package desktop_test

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"
	"github.com/kbinani/screenshot"

	"agentproof/agent/desktop"
	"agentproof/fixtures/display"
	"agentproof/fixtures/display/displaytest"
	"agentproof/fixtures/display/witness"
	"agentproof/internal/xconn"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
)

// fullHD is the screen that figures are given for.
var fullHD = display.Config{Width: 1920, Height: 1080}

// BenchmarkScreenshot has what Go programs usually do first, then the desktop
// with a screen that has changed everywhere, and with one that has not.
func BenchmarkScreenshot(b *testing.B) {
	d := displaytest.Start(b, fullHD)
	b.Run("usual", func(b *testing.B) {
		for _, entry := range d.Env() {
			name, value, _ := bytes.Cut([]byte(entry), []byte("="))
			b.Setenv(string(name), string(value))
		}
		// It writes tables that open connections read: the witness is elsewhere.
		w, err := witness.Spawn(b.Context(), os.Environ())
		if err != nil {
			b.Fatal(err)
		}
		defer w.Close()
		var out bytes.Buffer
		for b.Loop() {
			img, err := screenshot.CaptureDisplay(0)
			if err != nil {
				b.Fatal(err)
			}
			out.Reset()
			if err := png.Encode(&out, img); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(out.Len()), "B/picture")
	})
	w := displaytest.Witness(b, d)
	s := &stage{b, d, w, newDesktop(b, desktop.Config{Environ: d.Env()})}
	b.Run("changed", func(b *testing.B) {
		size := 0
		for p := witness.Pattern(1); b.Loop(); p++ {
			b.StopTimer()
			if err := w.Paint(p); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			size = len(s.screenshot().GetPng())
		}
		b.ReportMetric(float64(size), "B/picture")
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			s.screenshot()
		}
	})
}

// BenchmarkInput is the time until the window has a key press, from the
// desktop and from bare XTEST.
func BenchmarkInput(b *testing.B) {
	s := newStage(b, small, desktop.Config{})
	pressed := func(events []witness.Event) bool {
		return len(events) > 0 && events[len(events)-1].Kind == witness.KeyUp
	}
	run := func(press func(b *testing.B)) func(b *testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				mark := s.witness.Log().Len()
				press(b)
				if _, err := s.witness.Log().Wait(b.Context(), mark, pressed); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	c, err := xconn.Dial(b.Context(), xconn.OptionsFrom(s.display.Env()))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if _, ok, err := c.Extension("XTEST"); err != nil || !ok {
		b.Fatalf("XTEST: %v, %v", ok, err)
	}
	keymap, err := c.ReadKeymap()
	if err != nil {
		b.Fatal(err)
	}
	code, _ := keymap.Find('a')
	b.Run("xtest", run(func(*testing.B) {
		xtest.FakeInput(c.Conn, xproto.KeyPress, byte(code), 0, c.Screen.Root, 0, 0, 0)
		xtest.FakeInput(c.Conn, xproto.KeyRelease, byte(code), 0, c.Screen.Root, 0, 0, 0)
	}))
	b.Run("key", run(func(b *testing.B) {
		if _, err := s.desktop.Input(b.Context(), key(&agentv1.KeyEvent{Key: "a"})); err != nil {
			b.Fatal(err)
		}
	}))
	b.Run("text", run(func(b *testing.B) {
		if _, err := s.desktop.Input(b.Context(), text("a")); err != nil {
			b.Fatal(err)
		}
	}))
}

// BenchmarkFrames is a viewer of a screen that changes all the time, and the
// processor's share that a viewed screen costs which does not change.
func BenchmarkFrames(b *testing.B) {
	const span = 3 * time.Second
	r := relaytest.Start(b, relay.Config{})
	s := newStage(b, fullHD, withRelay(b, r))
	v := view(b, r, s.ensure().GetChannel())
	read(b, v)
	b.Run("busy", func(b *testing.B) {
		ctx, cancel := context.WithTimeout(b.Context(), span)
		defer cancel()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			for p := witness.Pattern(1); ctx.Err() == nil; p++ {
				if err := s.witness.Paint(p); err != nil {
					b.Error(err)
					return
				}
			}
		})
		n, start := 0, time.Now()
		for ; ; n++ {
			if _, err := v.Read(ctx); err != nil {
				break
			}
		}
		b.ReportMetric(float64(n)/time.Since(start).Seconds(), "frames/s")
	})
	b.Run("still", func(b *testing.B) {
		before, start := processorTime(b), time.Now()
		<-time.After(span)
		b.ReportMetric(100*(processorTime(b)-before).Seconds()/time.Since(start).Seconds(), "%cpu")
	})
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

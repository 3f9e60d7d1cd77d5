//go:build unix && !darwin

package main

import (
	"bytes"
	"context"
	"errors"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"agentproof/fixtures/display"
	"agentproof/fixtures/display/witness"
	"agentproof/internal/xconn"
)

// needsXvfb skips a test where there is none.
func needsXvfb(tb testing.TB) {
	tb.Helper()
	if _, err := exec.LookPath("Xvfb"); err != nil && os.Getenv("CI") == "" {
		tb.Skip(display.ErrNotInstalled)
	}
}

// screenOf is the environment that the announcement gives for the display.
func (r *runner) screenOf(tb testing.TB, size string) []string {
	tb.Helper()
	environ, ok := strings.CutSuffix(r.told("display"), " ("+size+")")
	if !ok {
		tb.Fatalf("it announced the display %q, want one of %s", r.told("display"), size)
	}
	return strings.Fields(environ)
}

// desk is an agent with a virtual desktop, and a witness on it.
type desk struct {
	*runner
	w    *witness.Witness
	mark int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	needsXvfb(t)
	d := &desk{runner: start(t, nil, "--virtual-desktop=400x300", "--screen-control")}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var err error
	if d.w, err = witness.Open(ctx, d.screenOf(t, "400x300")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.w.Close)
	return d
}

// reach are the flags that name the agent.
func (d *desk) reach() []string { return d.call()[1:] }

// invoke runs one of the program's commands against the agent.
func (d *desk) invoke(t *testing.T, in, command string, args ...string) outcome {
	t.Helper()
	return invoke(t, strings.NewReader(in), slices.Concat([]string{command}, d.reach(), args)...)
}

// seen is what reached the screen since it was asked last.
func (d *desk) seen(t *testing.T) []witness.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := d.w.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	events := d.w.Log().Since(d.mark)
	d.mark += len(events)
	return events
}

func TestInputReachesTheScreen(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, tt := range []struct {
		name  string
		in    string
		args  []string
		typed string   // what the keys wrote
		has   []string // events in their order, others between them
	}{
		{name: "a text", args: []string{"type", "Hello,", "Wörld! 你"}, typed: "Hello, Wörld! 你"},
		{name: "standard input", in: "two\nlines", args: []string{"type"}, typed: "two\nlines"},
		{name: "keys in turn", args: []string{"key", "a", "Down", "Enter"}, has: []string{"key-down a", "key-up a", "key-down Down", "key-up Down", "key-down Return"}},
		{name: "a chord", args: []string{"key", "ctrl+c"}, has: []string{"key-down Control_L", "key-down c", "key-up Control_L"}},
		{name: "a key that is held", args: []string{"key", "--down", "h"}, has: []string{"key-down h"}},
		{name: "and let go", args: []string{"key", "--up", "h"}, has: []string{"key-up h"}},
		{name: "a move", args: []string{"move", "17", "23"}, has: []string{"motion to 17,23"}},
		{name: "a click", args: []string{"click", "100", "50"}, has: []string{"motion to 100,50", "button-down 1", "button-up 1"}},
		{name: "a right click", args: []string{"click", "--button", "right", "101", "50"}, has: []string{"button-down 3", "button-up 3"}},
		{name: "a double click", args: []string{"click", "--double", "102", "50"}, has: []string{"button-down 1", "button-up 1", "button-down 1", "button-up 1"}},
		{name: "the beginning of a drag", args: []string{"click", "--down", "10", "10"}, has: []string{"button-down 1"}},
		{name: "and its end", args: []string{"click", "--up", "60", "10"}, has: []string{"motion to 60,10", "button-up 1"}},
		{name: "the wheel", args: []string{"scroll", "200", "150", "--down", "2", "--left", "1"}, has: []string{"motion to 200,150", "button-down 5", "button-down 5", "button-down 6"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d.invoke(t, tt.in, tt.args[0], tt.args[1:]...).want(t, 0, "", "")
			events := d.seen(t)
			if got := witness.Text(events); got != tt.typed && tt.typed != "" {
				t.Errorf("typed %q, want %q", got, tt.typed)
			}
			missing := tt.has
			for _, e := range events {
				if len(missing) > 0 && strings.HasPrefix(e.String(), missing[0]) {
					missing = missing[1:]
				}
			}
			if len(missing) > 0 {
				t.Errorf("no %q, in order, among %v", missing, events)
			}
		})
	}
}

// shows checks that data is a PNG of what the witness paints.
func shows(t *testing.T, data []byte, p witness.Pattern) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != 400 || b.Dy() != 300 {
		t.Fatalf("the picture is %v", b)
	}
	for _, at := range [][2]int{{0, 0}, {399, 0}, {0, 299}, {399, 299}, {133, 77}} {
		if got, want := color.RGBAModel.Convert(img.At(at[0], at[1])), p.At(at[0], at[1]); got != want {
			t.Errorf("at %v it is %v, want %v", at, got, want)
		}
	}
}

func TestAScreenshotGoesWhereItShould(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := d.w.Paint(7); err != nil {
		t.Fatal(err)
	}
	t.Run("down a pipe", func(t *testing.T) {
		got := d.invoke(t, "", "screenshot")
		got.want(t, 0, "", "")
		shows(t, []byte(got.out), 7)
	})
	t.Run("into a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "screen.png")
		if got := d.invoke(t, "", "screenshot", "--out", file); got.code != 0 || got.out+got.err != "" {
			t.Errorf("exit code %d, it said %q", got.code, got.out+got.err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shows(t, data, 7)
	})
	t.Run("not into a directory that is not there", func(t *testing.T) {
		d.invoke(t, "", "screenshot", "--out", filepath.Join(t.TempDir(), "none", "screen.png")).want(t, 125, "", "fakeagent: screenshot: open ")
	})
	t.Run("onto a terminal that shows pictures", func(t *testing.T) {
		got := d.onTerminal(t, t.TempDir(), "KITTY_WINDOW_ID=1")
		if !strings.Contains(got, "\x1b_Ga=T,f=100,") {
			t.Errorf("the terminal got %.200q", got)
		}
	})
	t.Run("into new files on one that does not", func(t *testing.T) {
		dir := t.TempDir()
		for range 2 {
			name := strings.TrimSpace(d.onTerminal(t, dir, "", "--inline", "none"))
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			shows(t, data, 7)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
			t.Errorf("there are %v, want two files (%v)", files, err)
		}
	})
}

// onTerminal takes a screenshot in a terminal and returns what that was sent.
func (d *desk) onTerminal(t *testing.T, dir, environ string, args ...string) string {
	t.Helper()
	cmd := program(t, t.TempDir(), slices.Concat([]string{"screenshot"}, d.reach(), args)...)
	cmd.Env = append(cmd.Env, "TMUX=", "STY=", environ)
	cmd.Dir = dir
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	var out bytes.Buffer
	_, _ = out.ReadFrom(master) // ends with EIO, Linux's end of a terminal
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, out.String())
	}
	return out.String()
}

func TestAScreenNeedsConsentAndADisplay(t *testing.T) {
	t.Parallel()
	needsXvfb(t)
	t.Run("no consent", func(t *testing.T) {
		t.Parallel()
		s := start(t, nil, "--virtual-desktop")
		s.screenOf(t, "1280x800")
		args := append([]string{"click", "1", "1"}, s.call()[1:]...)
		invoke(t, nothing(), args...).want(t, 125, "", "its owner consents with 'fakeagent run --screen-control'")
	})
	t.Run("no display", func(t *testing.T) {
		t.Parallel()
		s := start(t, []string{"DISPLAY="}, "--screen-control")
		for _, command := range []string{"screenshot", "type x"} {
			args := append(strings.Fields(command), s.call()[1:]...)
			invoke(t, nothing(), args...).want(t, 125, "", "unsupported: ")
		}
	})
}

func TestCommandsAppearOnTheVirtualDesktop(t *testing.T) {
	t.Parallel()
	needsXvfb(t)
	s := start(t, []string{"DISPLAY=:1", "WAYLAND_DISPLAY=wayland-0"}, "--virtual-desktop")
	screen := s.screenOf(t, "1280x800")
	got := invoke(t, nothing(), append(s.call(), "exec", "echo DISPLAY=$DISPLAY XAUTHORITY=$XAUTHORITY$WAYLAND_DISPLAY")...)
	got.want(t, 0, strings.Join(screen, " ")+"\n", "")
}

func TestTheVirtualDesktopEndsWithTheAgent(t *testing.T) {
	t.Parallel()
	needsXvfb(t)
	for name, sig := range map[string]syscall.Signal{"that is stopped": syscall.SIGTERM, "that is killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil, "--virtual-desktop=64x64")
			o := xconn.OptionsFrom(s.screenOf(t, "64x64"))
			c, err := xconn.Dial(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			s.stop(t, sig)
			eventually(t, "the X server has gone", func() bool {
				select {
				case <-c.Done():
					return true
				default:
					return false
				}
			})
			if sig == syscall.SIGKILL {
				_ = os.Remove("/tmp/.X11-unix/X" + o.Display[1:]) // nobody else is left to
				_ = os.RemoveAll(filepath.Dir(o.Authority))
				return
			}
			if _, err := os.Stat(filepath.Dir(o.Authority)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("its cookie is still there (%v)", err)
			}
		})
	}
}

func TestAVirtualDesktopSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	s := begin(t, []string{"PATH=" + t.TempDir()}, "--virtual-desktop")
	eventually(t, "it gave up", func() bool {
		select {
		case <-s.ended:
			return true
		default:
			return false
		}
	})
	if code := s.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if said := s.log.String(); !strings.Contains(said, "install the package xvfb") || strings.Count(said, "\n") != 1 {
		t.Errorf("it said %q, want one sentence on what to install", said)
	}
}

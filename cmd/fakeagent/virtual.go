package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"agentproof/agent"
	"agentproof/fixtures/display"
)

// desktopSize is the size of --virtual-desktop where none is given.
const desktopSize = "1280x800"

// errOwnScreen is why --virtual-desktop is refused on some systems.
var errOwnScreen = errors.New("--virtual-desktop: agents on " + runtime.GOOS + " use the machine's own screen; leave it out")

// maxSide is the longest side of an X screen in pixels.
const maxSide = 32767

// parseSize reads WIDTHxHEIGHT.
func parseSize(text string) (display.Config, error) {
	w, h, _ := strings.Cut(text, "x")
	width, errWidth := strconv.Atoi(w)
	height, errHeight := strconv.Atoi(h)
	if errWidth != nil || errHeight != nil || min(width, height) < 1 || max(width, height) > maxSide {
		return display.Config{}, fmt.Errorf("--virtual-desktop %q: it takes a size in pixels such as %s, up to %dx%d", text, desktopSize, maxSide, maxSide)
	}
	return display.Config{Width: width, Height: height}, nil
}

// checkDesktop finds what is wrong with --virtual-desktop before anything is
// started.
func (f *runFlags) checkDesktop() error {
	if f.desktop == "" {
		return nil
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return errOwnScreen
	}
	_, err := parseSize(f.desktop)
	return err
}

// startDesktop gives the agent, and the commands that it runs, the screen of
// --virtual-desktop. stop ends it, which must come after the agent's end.
func (f *runFlags) startDesktop(ctx context.Context, cfg *agent.Config, r *reach) (stop func(), err error) {
	if f.desktop == "" {
		return func() {}, nil
	}
	size, err := parseSize(f.desktop)
	if err != nil {
		return nil, err
	}
	d, err := display.Start(ctx, size)
	if err != nil {
		return nil, fmt.Errorf("--virtual-desktop: %w", err)
	}
	if cfg.Environ == nil {
		cfg.Environ = os.Environ()
	}
	cfg.Environ = slices.Concat(withoutScreen(cfg.Environ), d.Env())
	r.Display = &screen{Environ: d.Env(), Width: size.Width, Height: size.Height}
	return func() {
		if err := d.Stop(); err != nil {
			cfg.Logger.Warn("the virtual desktop left something behind", "error", err)
		}
	}, nil
}

// withoutScreen is the environment without the user's own screen, on which
// programs that prefer it to an X display would appear.
func withoutScreen(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains([]string{"DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY"}, name)
	})
}

// screen is a virtual desktop, and what a program needs to appear on it.
type screen struct {
	Environ []string `json:"environ"`
	Width   int      `json:"width"`
	Height  int      `json:"height"`
}

func (s *screen) String() string {
	return fmt.Sprintf("%s (%dx%d)", strings.Join(s.Environ, " "), s.Width, s.Height)
}

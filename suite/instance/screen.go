package instance

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"runtime"
	"sync"

	"agentproof/fixtures/display"
	"agentproof/fixtures/display/witness"
)

// errOwnScreens is why agents on some systems get no display: they would show
// and move the screen of whoever runs the suite.
var errOwnScreens = errors.New("agents on " + runtime.GOOS + " use the machine's own screen, which the suite leaves alone")

// screenSize is unlike any default, so that an agent cannot guess it, and small,
// so that pictures are cheap.
var screenSize = display.Config{Width: 648, Height: 402}

// screen is the virtual display of one instance, and the witness on it.
type screen struct {
	display *display.Display
	why     error // why there is none, where one was wanted

	mu      sync.Mutex
	witness *witness.Witness // guarded by mu; nil before somebody looks
}

// startScreen starts a display. A machine that has none to offer is no error
// but an instance without one.
func startScreen(ctx context.Context) (*screen, error) {
	s := &screen{}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		s.why = errOwnScreens
		return s, nil
	}
	var err error
	s.display, err = display.Start(ctx, screenSize)
	if errors.Is(err, display.ErrNotInstalled) {
		s.why, err = display.ErrNotInstalled, nil
	}
	return s, err
}

// watch opens the witness, or a new one after the display was restarted.
func (s *screen) watch(ctx context.Context) (*witness.Witness, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.witness != nil {
		select {
		case <-s.witness.Done():
		default:
			return s.witness, s.witness.Focus()
		}
	}
	w, err := witness.Open(ctx, s.display.Env())
	if err != nil {
		return nil, err
	}
	s.witness = w
	return w, nil
}

func (s *screen) stop() {
	if s.witness != nil {
		s.witness.Close()
	}
	if s.display != nil {
		_ = s.display.Stop()
	}
}

// NoScreen says why a case that needs a desktop cannot have one, empty if it
// can.
func (i *Instance) NoScreen() string {
	switch {
	case i.Process == nil:
		return "the suite sees only the screens that it made: leave out --attach and give the agent's command after --"
	case i.screen == nil:
		return "the instance was started without a display"
	case i.screen.why != nil:
		return i.screen.why.Error()
	default:
		return ""
	}
}

// Display is the instance's display, nil for one that has none.
func (i *Instance) Display() *display.Display {
	if i.screen == nil {
		return nil
	}
	return i.screen.display
}

// Witness is the window that sees what happens on the screen: always the same
// one, until the display was restarted. Like Capture it is for instances of which
// NoScreen says nothing.
func (i *Instance) Witness(ctx context.Context) (*witness.Witness, error) { return i.screen.watch(ctx) }

// Capture is the screen as the X server has it, as a PNG; nil where nobody has
// asked for a Witness yet.
func (i *Instance) Capture() ([]byte, error) {
	i.screen.mu.Lock()
	w := i.screen.witness
	i.screen.mu.Unlock()
	if w == nil {
		return nil, nil
	}
	img, err := w.Capture()
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

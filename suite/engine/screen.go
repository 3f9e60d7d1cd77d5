package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"agentproof/fixtures/display"
	"agentproof/fixtures/display/witness"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// errOwnScreens is why agents on some systems get no display: they would show
// and move the screen of whoever runs the suite.
var errOwnScreens = errors.New("agents on " + runtime.GOOS + " use the machine's own screen, which the suite leaves alone")

// screenSize is unlike any default, so that an agent cannot guess it, and small,
// so that pictures are cheap.
var screenSize = display.Config{Width: 648, Height: 402}

// monitor is the virtual display of one instance, and the witness on it.
type monitor struct {
	display *display.Display
	why     error // why there is none, where one was wanted

	taken chan struct{} // holds a token while a case has the screen

	mu      sync.Mutex
	witness *witness.Witness // guarded by mu; nil before somebody looks
}

// startMonitor starts a display. A machine that has none to offer is no error
// but an instance without one.
func startMonitor(ctx context.Context) (*monitor, error) {
	m := &monitor{taken: make(chan struct{}, 1)}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		m.why = errOwnScreens
		return m, nil
	}
	var err error
	m.display, err = display.Start(ctx, screenSize)
	if errors.Is(err, display.ErrNotInstalled) {
		m.why, err = display.ErrNotInstalled, nil
	}
	return m, err
}

// watch opens the witness, or a new one after the display was restarted.
func (m *monitor) watch(ctx context.Context) (*witness.Witness, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.witness != nil {
		select {
		case <-m.witness.Done():
		default:
			return m.witness, m.witness.Focus()
		}
	}
	w, err := witness.Open(ctx, m.display.Env())
	if err != nil {
		return nil, err
	}
	m.witness = w
	return w, nil
}

func (m *monitor) stop() {
	if m.witness != nil {
		m.witness.Close()
	}
	if m.display != nil {
		_ = m.display.Stop()
	}
}

// noScreen says why a case that needs a desktop cannot have one, empty if it
// can.
func (i *Instance) noScreen() string {
	switch {
	case i.Process == nil:
		return "the suite sees only the screens that it made: leave out --attach and give the agent's command after --"
	case i.monitor == nil:
		return "the instance was started without a display"
	case i.monitor.why != nil:
		return i.monitor.why.Error()
	default:
		return ""
	}
}

// A Screen is the display of the agent under test, with a witness on it that
// tells what the agent really did. It belongs to the goroutine of its case.
type Screen struct {
	*witness.Witness
	Display *display.Display

	t    *T
	mark int
}

// Screen takes the screen of the case's instance until the case ends: others
// that want it wait. Without one the case is untestable.
func (t *T) Screen(ctx context.Context) *Screen {
	if why := t.inst.noScreen(); why != "" {
		t.Untestable("%s", why)
	}
	m := t.inst.monitor
	select {
	case m.taken <- struct{}{}:
	case <-ctx.Done():
		t.Harness(fmt.Errorf("wait for the screen: %w", context.Cause(ctx)))
	}
	t.Cleanup(func(context.Context) { <-m.taken })
	s := &Screen{Display: m.display, t: t}
	s.Look(ctx)
	return s
}

// Look opens the witness anew where the display was restarted, and forgets
// what it saw.
func (s *Screen) Look(ctx context.Context) {
	w, err := s.t.inst.monitor.watch(ctx)
	if err != nil {
		s.t.Harness(err)
	}
	if w != s.Witness {
		s.Witness, s.mark = w, 0 // its log is a new one
	}
	s.Seen(ctx)
}

// Seen is what reached the screen since it was asked last, or since the screen
// was taken. It is complete for all that the agent has replied to.
func (s *Screen) Seen(ctx context.Context) []witness.Event {
	if err := s.Sync(ctx); err != nil {
		s.t.Harness(err)
	}
	events := s.Log().Since(s.mark)
	s.mark += len(events)
	return events
}

// Await waits for what has no reply, until enough says that it came, and tells
// whether it did. What was seen stays for Seen.
func (s *Screen) Await(ctx context.Context, enough func([]witness.Event) bool) ([]witness.Event, bool) {
	ctx, cancel := context.WithTimeout(ctx, s.t.Scale(opLimit))
	defer cancel()
	events, err := s.Log().Wait(ctx, s.mark, enough)
	return events, err == nil
}

// Input sends an event that the agent must carry out.
func (s *Screen) Input(ctx context.Context, in *agentv1.DesktopInputRequest) {
	Must[*agentv1.DesktopInputResponse](ctx, s.t, in)
}

// ExpectSeen checks what reached the screen, in the words of the witness.
func (s *Screen) ExpectSeen(ctx context.Context, events ...string) []witness.Event {
	got := s.Seen(ctx)
	words := make([]string, len(got))
	for i, e := range got {
		words[i] = e.String()
	}
	s.t.Check(strings.Join(words, "; ") == strings.Join(events, "; "),
		"on the screen "+list(events), "%s", list(words))
	return got
}

func list(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, "; ")
}

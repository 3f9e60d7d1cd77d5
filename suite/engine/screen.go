package engine

import (
	"context"
	"strings"
	"time"

	"agentproof/fixtures/display"
	"agentproof/fixtures/display/witness"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/verdict"
	"agentproof/suite/wire"
)

// A Screen is the display of the agent under test, with a witness on it that
// tells what the agent really did. It belongs to the goroutine of its case.
type Screen struct {
	*witness.Witness
	Display *display.Display

	t    *T
	mark int
}

// Screen is the screen of the case's instance. Without one the case is
// untestable.
func (t *T) Screen(ctx context.Context) *Screen {
	if why := t.inst.NoScreen(); why != "" {
		t.Untestable("%s", why)
	}
	s := &Screen{Display: t.inst.Display(), t: t}
	s.Look(ctx)
	return s
}

// Look opens the witness anew where the display was restarted, and forgets
// what it saw.
func (s *Screen) Look(ctx context.Context) {
	w, err := s.t.inst.Witness(ctx)
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
	ctx, cancel := context.WithTimeout(ctx, s.t.Scale(wire.OpLimit))
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

// shotLimit bounds the wait for a picture, which an agent takes in
// milliseconds: a failure must not cost more time than the case did.
const shotLimit = 5 * time.Second

// photograph keeps what the screen shows when a case that looks at it has
// failed, before the cleanups change it: as the agent sees it, or else as the
// suite does. Without either the failure has to do without a picture.
func (t *T) photograph(ctx context.Context) {
	if t.kase.Needs&Desktop == 0 || verdict.Blocked.Outweighs(t.verdict()) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.Scale(shotLimit))
	defer cancel()
	shot, err := t.inst.Screenshot(ctx, t.Scale(shotLimit))
	if err != nil {
		if shot, _ = t.inst.Capture(); shot == nil {
			return
		}
		t.Logf("the screenshot is the suite's own: %v", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.screenshot = shot
}

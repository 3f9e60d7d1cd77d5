package monitor

import (
	"strings"
	"sync"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/wire"
)

// Watchdog judges what an agent does by itself. Its fields are set before it is
// used, and it is safe for concurrent use after that.
type Watchdog struct {
	// Base is the agent's subject base, and Agent its id.
	Base, Agent string
	// Disturbed counts what may cost the agent's messages or the runner's
	// sight of them: outages, cut connections. Gaps across one mean nothing.
	Disturbed func() int
	// Gaps is whether a gap in the heartbeats can be judged at all: whether
	// the agent's connection is the run's own.
	Gaps bool

	mu        sync.Mutex // guards the fields below
	found     []Finding
	seq       uint64 // of the last heartbeat; 0 after a Hello and at the start
	greeted   bool   // a Hello came, and no heartbeat since
	uptime    uint64
	calm      int // Disturbed at the last heartbeat or Hello
	heartbeat bool
}

// Find keeps a finding once.
func (w *Watchdog) Find(f Finding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keep(f)
}

func (w *Watchdog) keep(f Finding) {
	for _, known := range w.found {
		if known == f {
			return
		}
	}
	w.found = append(w.found, f)
}

// Findings are those so far.
func (w *Watchdog) Findings() []Finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Finding(nil), w.found...)
}

// Announced judges a Hello or an event.
func (w *Watchdog) Announced(a wire.Announcement) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case a.Err != nil:
		w.keep(Broke("lifecycle.hello", "announcements that decode", "one that does not"))
	case a.Hello != nil:
		w.greeted, w.seq, w.uptime, w.heartbeat = true, 0, 0, false
		w.calm = w.Disturbed()
	case a.Event != nil:
		if a.Event.GetAgentId() != w.Agent {
			w.keep(Broke("lifecycle.event-agent-id", "events with the agent's own id", "one with another"))
		}
		if h := a.Event.GetHeartbeat(); h != nil {
			w.beat(h)
		}
	}
}

// beat judges a heartbeat by the one before.
func (w *Watchdog) beat(h *agentv1.Heartbeat) {
	disturbed := w.Disturbed()
	calm := disturbed == w.calm
	w.calm = disturbed
	switch {
	case w.greeted && calm && w.Gaps && h.GetSeq() != 1:
		w.keep(Broke("lifecycle.heartbeat-seq", "seq 1 in the first heartbeat after a Hello", "another"))
	case w.heartbeat && calm && h.GetSeq() <= w.seq:
		w.keep(Broke("lifecycle.heartbeat-seq", "a seq that grows by 1 from heartbeat to heartbeat", "one that does not grow"))
	case w.heartbeat && calm && w.Gaps && h.GetSeq() != w.seq+1:
		w.keep(Broke("lifecycle.heartbeat-seq", "a seq that grows by 1 from heartbeat to heartbeat", "a gap"))
	}
	if w.heartbeat && calm && h.GetUptimeMs() < w.uptime {
		w.keep(Broke("lifecycle.heartbeat-uptime", "an uptime that never decreases", "one that does"))
	}
	w.greeted, w.heartbeat, w.seq, w.uptime = false, true, h.GetSeq(), h.GetUptimeMs()
}

// Published judges a message under the workspace's subjects, as a broker's
// observer sees it. The runner's own name their case.
// It tells whether the message is the agent's and nobody asked for it.
func (w *Watchdog) Published(subject string, named bool) bool {
	if named || subject == w.Base+".hello" || subject == w.Base+".events" {
		return false
	}
	got := strings.ReplaceAll(subject, w.Base, "<base>")
	w.Find(Broke("subject.scope", "messages on <base>.hello and <base>.events only, beside replies", "one on "+got))
	return true
}

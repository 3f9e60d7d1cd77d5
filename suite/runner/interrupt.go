package runner

import (
	"errors"
	"slices"

	"agentproof/suite/engine"
	"agentproof/suite/verdict"
)

// ErrInterrupted is returned by Run when its context ended, together with the
// report of the cases that had ended before.
var ErrInterrupted = errors.New("the run was interrupted")

// abandon ends a case without a verdict: the end of the run's context looks to
// a case like a fault of the agent.
func (r *runner) abandon(c *engine.Case) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running = slices.DeleteFunc(r.running, func(id string) bool { return id == c.ID })
	r.progress(nil)
}

// interrupt accounts for the cases that have no verdict.
func (r *runner) interrupt() {
	for _, c := range r.selected {
		if res := r.results[c.ID]; res.Status == "" {
			res.Status, res.Reason = verdict.Interrupted, "the run was interrupted before the case had ended"
		}
	}
}

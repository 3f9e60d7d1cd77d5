package agent

import (
	"context"
	"sync"
)

// inflight counts running operations and bounds them.
type inflight struct {
	limit int

	mu   sync.Mutex // guards the fields below
	n    int
	idle chan struct{} // non-nil while somebody waits; closed at n == 0
}

func newInflight(limit int) inflight { return inflight{limit: limit} }

// enter reports whether one more may run.
func (f *inflight) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n >= f.limit {
		return false
	}
	f.n++
	return true
}

func (f *inflight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n--; f.n == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// wait returns when nothing runs or ctx ends.
func (f *inflight) wait(ctx context.Context) error {
	f.mu.Lock()
	if f.n == 0 {
		f.mu.Unlock()
		return nil
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	idle := f.idle
	f.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

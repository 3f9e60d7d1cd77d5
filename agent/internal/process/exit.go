package process

import (
	"context"
	"errors"
	"time"
)

// errTimeout says that a command outlived its limit.
var errTimeout = errors.New("the command timed out")

// quickExit is how long a command is left alone before its output is read in
// the background: most end sooner, and what they wrote waits in the pipes. A
// command that has filled them by then loses little.
const quickExit = 2 * time.Millisecond

// await returns nil when the command has exited, errTimeout when timeout, if
// there is one, has passed since its start, or the cause of ctx.
func (p *running) await(ctx context.Context, timeout time.Duration) error {
	p.watch()
	reading := time.AfterFunc(quickExit, p.output.watch)
	defer reading.Stop()
	var limit <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(time.Until(p.started.Add(timeout)))
		defer timer.Stop()
		limit = timer.C
	}
	var err error
	select {
	case <-p.exited:
	case <-limit:
		err = errTimeout
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if p.hasExited() {
		return nil
	}
	return err
}

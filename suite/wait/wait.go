// Package wait lets time pass: a certain one, or what it takes until something
// is so.
package wait

import (
	"context"
	"time"
)

// For lets time pass, for cases about what happens meanwhile; such a case says
// so in Idle. It returns early when ctx ends.
func For(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pollEvery is short against every bound of the specification, and long
// enough not to load the agent that it watches.
const pollEvery = 50 * time.Millisecond

// Until asks cond again and again until it holds, and tells whether it did so
// within the time. The bound is the specification's, so it is not scaled.
func Until(ctx context.Context, within time.Duration, cond func(context.Context) bool) bool {
	deadline := time.Now().Add(within)
	for {
		if cond(ctx) {
			return true
		}
		if !time.Now().Before(deadline) || ctx.Err() != nil {
			return false
		}
		For(ctx, pollEvery)
	}
}

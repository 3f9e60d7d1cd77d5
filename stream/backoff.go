package stream

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff says how long to wait between attempts to reach a relay. A zero
// field takes the default of who uses it.
type Backoff struct {
	Min, Max time.Duration
}

// WithDefaults fills the zero fields.
func (b Backoff) WithDefaults(low, high time.Duration) Backoff {
	if b.Min <= 0 {
		b.Min = low
	}
	if b.Max <= 0 {
		b.Max = high
	}
	b.Max = max(b.Max, b.Min)
	return b
}

// Delay is the wait after so many failed attempts in a row, counted from 0: at
// least Min, at most Max, in a window that doubles each time, and random
// within it so that a relay's return does not meet all its peers at once.
func (b Backoff) Delay(attempt int) time.Duration {
	window := b.Max
	if attempt < 30 {
		window = min(b.Max, b.Min<<(attempt+1))
	}
	if window <= b.Min {
		return b.Min
	}
	return b.Min + rand.N(window-b.Min+1)
}

// Sleep waits the delay after so many failed attempts, or returns early with
// ctx's error.
func (b Backoff) Sleep(ctx context.Context, attempt int) error {
	t := time.NewTimer(b.Delay(attempt))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

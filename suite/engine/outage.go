package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Restore brings a stopped broker back. Agents get in after the runner's own
// connection, so that no announcement of theirs is missed.
func (i *Instance) Restore(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, restoreLimit)
	defer cancel()
	return i.Broker.RestartFor(func() error {
		for {
			// What was subscribed before the outage is subscribed again when the
			// server has seen all that the connection sent so far. One that has
			// not noticed yet that it was lost fails, and is asked again.
			err := nats.ErrConnectionClosed
			if i.wire.nc.IsConnected() {
				err = i.wire.nc.FlushWithContext(ctx)
			}
			if !errors.Is(err, nats.ErrConnectionClosed) || i.wire.nc.IsClosed() {
				return err
			}
			if ctx.Err() != nil {
				return fmt.Errorf("connect to the broker again: %w", context.Cause(ctx))
			}
			pause(ctx, 5*time.Millisecond)
		}
	})
}

// restoreLimit is below the time that the broker gives a client that waits to
// be let in.
const restoreLimit = 8 * time.Second

// natsOptions is what a connection of the control plane needs beside a URL.
func (i *Instance) natsOptions() []nats.Option {
	if i.Broker == nil || i.Broker.CAFile() == "" {
		return nil
	}
	return []nats.Option{nats.RootCAs(i.Broker.CAFile())}
}

// outageLimit is how long a run waits for an attached agent to be reachable
// again, which is what lifecycle.reconnect gives the agent and some more.
const outageLimit = 60 * time.Second

// awaitBroker waits until the agent of an attached run can be reached, and
// returns how often the connection to its broker was lost so far. Agents that
// the run started have brokers of their own, whose outages are cases' doing.
func (r *runner) awaitBroker(ctx context.Context) (drops int) {
	if r.opts.Subject.Attached == nil || r.shared == nil {
		return 0
	}
	w := r.shared.wire
	if w.nc.IsConnected() {
		return int(w.drops.Load())
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.scale(outageLimit))
	defer cancel()
	Eventually(ctx, r.opts.scale(outageLimit), func(ctx context.Context) bool {
		return w.nc.IsConnected() && r.shared.ping(ctx, time.Second) == nil
	})
	return int(w.drops.Load())
}

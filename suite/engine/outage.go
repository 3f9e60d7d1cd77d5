package engine

import (
	"context"
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
		for !i.wire.nc.IsConnected() {
			if ctx.Err() != nil {
				return fmt.Errorf("connect to the broker again: %w", context.Cause(ctx))
			}
			pause(ctx, 5*time.Millisecond)
		}
		// What was subscribed before the outage is subscribed again when the
		// server has seen all that the connection sent so far.
		return i.wire.nc.FlushWithContext(ctx)
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

package instance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

// AwaitReady waits until the agent has said Hello and answers a ping.
func (i *Instance) AwaitReady(ctx context.Context) error {
	died := i.done()
	hello, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-died:
			cancel(errEnded)
		case <-hello.Done():
		}
	}()
	if i.Process != nil {
		if _, _, err := i.Watch.Await(hello, 0, wire.IsHello); err != nil {
			return i.notReady("its Hello", err)
		}
	}
	var last error
	for hello.Err() == nil {
		err := i.Ping(hello, 2*time.Second)
		if err == nil {
			i.remember()
			return nil
		}
		if hello.Err() == nil || last == nil {
			last = err // the end of the wait explains nothing
		}
		if errors.Is(err, wire.ErrNoResponder) {
			wait.For(hello, 20*time.Millisecond)
		}
	}
	return i.notReady("its answer to a ping", errors.Join(context.Cause(hello), last))
}

var errEnded = errors.New("the agent ended")

func (i *Instance) notReady(awaited string, err error) error {
	if errors.Is(err, errEnded) {
		return fmt.Errorf("the agent ended with status %d before %s came", i.Process.ExitCode(), awaited)
	}
	return fmt.Errorf("waited for %s: %w", awaited, err)
}

// within bounds ctx by a limit that its cause names.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("none came within %v", limit))
}

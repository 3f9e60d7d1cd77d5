package runner

import (
	"context"
	"time"

	"agentproof/suite/instance"
	"agentproof/suite/wait"
)

// outageLimit is how long a run waits for an attached agent to be reachable
// again, which is what lifecycle.reconnect gives the agent and some more.
const outageLimit = 60 * time.Second

// awaitBroker waits until an attached agent can be reached, and returns how often
// the connection to its broker was lost so far; 0 for agents that the run started,
// which have brokers of their own, whose outages are cases' doing.
func (r *runner) awaitBroker(ctx context.Context, inst *instance.Instance) (drops int) {
	if r.opts.Subject.Attached == nil {
		return 0
	}
	if inst.Connected() {
		return inst.Drops()
	}
	ctx, cancel := context.WithTimeout(ctx, r.set.Scale(outageLimit))
	defer cancel()
	wait.Until(ctx, r.set.Scale(outageLimit), func(ctx context.Context) bool {
		return inst.Connected() && inst.Ping(ctx, time.Second) == nil
	})
	return inst.Drops()
}

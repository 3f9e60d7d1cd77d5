package runner

import (
	"context"
	"time"

	"agentproof/suite/wait"
)

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
	if r.shared.Connected() {
		return r.shared.Drops()
	}
	ctx, cancel := context.WithTimeout(ctx, r.set.Scale(outageLimit))
	defer cancel()
	wait.Until(ctx, r.set.Scale(outageLimit), func(ctx context.Context) bool {
		return r.shared.Connected() && r.shared.Ping(ctx, time.Second) == nil
	})
	return r.shared.Drops()
}

// Package lifecycle holds the cases about how an agent announces itself, shows
// that it lives, comes back after an outage, and says goodbye.
package lifecycle

import (
	"context"
	"slices"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

const (
	// outage is what an agent must notice (lifecycle.hello), and a little more.
	outage = 3200 * time.Millisecond
	// returnLimit is twice what lifecycle.reconnect grants, for cases that judge
	// what an agent does when it is back, not when.
	returnLimit = 30 * time.Second
	// interval is the time between two heartbeats.
	interval = 5 * time.Second
)

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return slices.Concat(
		helloCases(),
		returnCases(),
		heartbeatCases(),
		outageCases(),
		goodbyeCases(),
		stopCases(),
		survivalCases(),
		reconnectCases(),
	)
}

// awaitNext waits for an announcement after the mark; ok is false when none
// comes in time.
func awaitNext(ctx context.Context, t *engine.T, mark int, limit time.Duration, match func(wire.Announcement) bool) (a wire.Announcement, next int, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	a, next, err := t.Instance().Watch.Await(ctx, mark, match)
	return a, next, err == nil
}

// lose takes the broker away for a time and brings it back.
func lose(ctx context.Context, t *engine.T, d time.Duration) {
	inst := t.Instance()
	inst.Broker.Stop()
	wait.For(ctx, d)
	if err := inst.Restore(ctx); err != nil {
		t.Harness(err)
	}
}

// kick cuts the agent's connection at the broker, which stays.
func kick(t *engine.T) {
	inst := t.Instance()
	if inst.Broker.Kick(inst.Token) == 0 {
		t.Given().Fatalf("a connection to cut", "none")
	}
}

// serves reports whether the agent answers a ping within the time. It gives up
// on one that has ended.
func serves(ctx context.Context, t *engine.T, within time.Duration) bool {
	answered := false
	wait.Until(ctx, within, func(ctx context.Context) bool {
		_, err := t.Start(wire.NewRequest(&agentv1.PingRequest{})).Try(ctx, time.Second)
		answered = err == nil
		return answered || t.Instance().Ended()
	})
	return answered
}

// isBack is serves for a case that is about something else.
func isBack(ctx context.Context, t *engine.T) {
	if !serves(ctx, t, t.Scale(returnLimit)) {
		t.Given().Fatalf("an agent that comes back", "none")
	}
}

// count is how many announcements match.
func count(all []wire.Announcement, match func(wire.Announcement) bool) int {
	n := 0
	for _, a := range all {
		if match(a) {
			n++
		}
	}
	return n
}

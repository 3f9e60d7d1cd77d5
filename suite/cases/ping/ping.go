// Package ping holds the cases about the agent's answer to a ping.
package ping

import (
	"context"
	"math"

	"agentproof/suite/engine"
)

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return []engine.Case{
		{
			ID:      "ping.nonce/echoed",
			Clause:  "ping.nonce",
			Explain: "The nonce ties an answer to its question; a control plane that probes twice must know which probe was answered.",
			Try:     "fakeagent call ping --nonce 42",
			Run:     nonceEchoed,
		},
		{
			ID:      "ping.nonce/full-range",
			Clause:  "ping.nonce",
			Explain: "A nonce is any uint64; an agent that passes it through a float or a signed number changes the large ones.",
			Run:     nonceFullRange,
		},
		{
			ID:      "ping.monotonic/never-decreases",
			Clause:  "ping.monotonic",
			Explain: "Only a clock that never steps back tells a control plane that the agent it talks to did not restart.",
			Run:     monotonic,
		},
	}
}

func nonceEchoed(ctx context.Context, t *engine.T) {
	engine.Equal(t, "the nonce", t.Ping(ctx, 42).GetNonce(), 42)
}

func nonceFullRange(ctx context.Context, t *engine.T) {
	for _, nonce := range []uint64{0, 1, 1<<53 + 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
		engine.Equal(t, "the nonce", t.Ping(ctx, nonce).GetNonce(), nonce)
	}
}

func monotonic(ctx context.Context, t *engine.T) {
	last := uint64(0)
	for range 50 {
		now := t.Ping(ctx, 0).GetAgentMonotonicMs()
		if !t.Check(now >= last, "an agent_monotonic_ms that never decreases", "one that went back") {
			return
		}
		last = now
	}
}

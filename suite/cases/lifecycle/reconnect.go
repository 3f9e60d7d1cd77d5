package lifecycle

import (
	"context"
	"time"

	"agentproof/suite/engine"
	"agentproof/suite/wait"
)

const (
	// serveWithin is what the clause grants after the broker's return.
	serveWithin = 15 * time.Second
	// longOutage is the clause's own.
	longOutage = 30 * time.Second
	// lockedOut is time for several attempts with a token that is refused;
	// client libraries give up after the second.
	lockedOut = 6 * time.Second
)

// reconnectCases are about an agent that comes back by itself.
func reconnectCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "lifecycle.reconnect/broker-away-for-half-a-minute",
			Clause:  "lifecycle.reconnect",
			Explain: "A broker's upgrade takes that long; afterwards nobody wants to visit every machine.",
			Try:     "stop the broker, start it again after 30 s, and fakeagent call ping",
			Launch:  &engine.Launch{},
			Idle:    longOutage + serveWithin,
			Run:     longAway,
		},
		{
			ID:      "lifecycle.reconnect/token-refused-for-a-while",
			Clause:  "lifecycle.reconnect",
			Explain: "Tokens are rotated, and auth services go down; a refusal today says nothing about tomorrow.",
			Try:     "revoke the token at the broker, admit it again later, and fakeagent call ping",
			Launch:  &engine.Launch{},
			Idle:    lockedOut + serveWithin,
			Run:     refusedAWhile,
		},
		{
			ID:      "lifecycle.reconnect/broker-away-at-the-start",
			Clause:  "lifecycle.reconnect",
			Explain: "After a power failure the machines are often up before their broker.",
			Try:     "start the agent before its broker",
			Launch:  &engine.Launch{BrokerDown: true},
			Idle:    outage + serveWithin,
			Run:     awayAtStart,
		},
		{
			ID:      "lifecycle.reconnect/token-refused-at-the-start",
			Clause:  "lifecycle.reconnect",
			Explain: "A machine may be enrolled a moment before its token is known everywhere.",
			Launch:  &engine.Launch{Unadmitted: true},
			Idle:    lockedOut + serveWithin,
			Run:     refusedAtStart,
		},
		{
			ID:      "lifecycle.reconnect/operations-after-it",
			Clause:  "lifecycle.reconnect",
			Explain: "An agent that is connected again but runs nothing any more is worse than one that is gone.",
			Launch:  &engine.Launch{},
			Idle:    outage + serveWithin,
			Run:     operatesAfter,
		},
	}
}

// servesAgain judges the time from now to the first ping that is answered.
func servesAgain(ctx context.Context, t *engine.T, since string) {
	if t.Instance().Ended() {
		t.Fatalf("an agent that never gives up", "one that ended")
	}
	start := time.Now()
	ok := serves(ctx, t, serveWithin)
	t.Logf("it took %v", time.Since(start))
	switch {
	case t.Instance().Ended():
		t.Fatalf("an agent that never gives up", "one that ended")
	case !ok:
		t.Fatalf("an agent that serves within 15 s "+since, "none")
	}
}

func longAway(ctx context.Context, t *engine.T) {
	lose(ctx, t, longOutage)
	servesAgain(ctx, t, "of the broker's return")
}

func refusedAWhile(ctx context.Context, t *engine.T) {
	inst := t.Instance()
	inst.Broker.Revoke(inst.Token)
	wait.For(ctx, lockedOut)
	inst.Admit()
	servesAgain(ctx, t, "of its token's admission")
}

func awayAtStart(ctx context.Context, t *engine.T) {
	wait.For(ctx, outage)
	if err := t.Instance().Restore(ctx); err != nil {
		t.Harness(err)
	}
	servesAgain(ctx, t, "of the broker's appearance")
}

func refusedAtStart(ctx context.Context, t *engine.T) {
	wait.For(ctx, lockedOut)
	t.Instance().Admit()
	servesAgain(ctx, t, "of its token's admission")
}

func operatesAfter(ctx context.Context, t *engine.T) {
	name := t.File(ctx, "before", "x")
	operates(ctx, t.Given(), name)
	lose(ctx, t, outage)
	servesAgain(ctx, t, "of the broker's return")
	operates(ctx, t, name)
}

// operates judges a read and a command of an agent.
func operates(ctx context.Context, t *engine.T, name string) {
	engine.EqualBytes(t, "what was written before the outage", t.Read(ctx, name), []byte("x"))
	engine.Equal(t, "the exit code of a command", t.Run(ctx, "exit", "3").GetExitCode(), 3)
}

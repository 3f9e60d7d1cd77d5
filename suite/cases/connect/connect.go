// Package connect holds the cases about how the agent reaches its broker.
package connect

import (
	"context"
	"time"

	"agentproof/suite/engine"
	"agentproof/suite/wait"
)

const (
	// readyLimit is far above what an agent needs to connect, and low enough
	// that a subject which never does is told soon.
	readyLimit = 20 * time.Second

	// oddBearer holds what means something in a URL, so that an agent which
	// puts its bearer into one is found out.
	oddBearer = "ogn_a/b+c@d:e%41?f#g&h=="
)

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return []engine.Case{
		{
			ID:      "connect.token/verbatim",
			Clause:  "connect.token",
			Explain: "A bearer is any text; an agent that carries it inside a URL, or as a user name, is locked out by some of them.",
			Try:     "fakeagent run --nats nats://BROKER --token 'a/b+c@d:e%41==' --workspace WS --agent AGENT",
			Launch:  &engine.Launch{Token: oddBearer, Unawaited: true},
			Run:     tokenVerbatim,
		},
		{
			ID:      "connect.token/on-every-connection",
			Clause:  "connect.token",
			Explain: "Sockets are cut all day long; an agent that presents its bearer only the first time is lost after the first cut.",
			Launch:  &engine.Launch{},
			Run:     tokenAgain,
		},
		{
			ID:      "connect.urls/nats",
			Clause:  "connect.urls",
			Explain: "Plain NATS is what a control plane on the same network offers.",
			Try:     "fakeagent run --nats nats://BROKER --token TOKEN --workspace WS --agent AGENT",
			Launch:  &engine.Launch{Transport: "nats", Unawaited: true},
			Run:     reaches("nats"),
		},
		{
			ID:      "connect.urls/tls",
			Clause:  "connect.urls",
			Explain: "Across the internet the bearer must not travel in the clear. The broker's certificate is for 127.0.0.1 and comes from a CA of the suite's own, which no system trusts: the agent finds it as PEM at $AGENTPROOF_CA_FILE, and as ca.pem beside its credentials.json.",
			Try:     "AGENTPROOF_CA_FILE=CA.pem fakeagent run --nats tls://BROKER --token TOKEN --workspace WS --agent AGENT",
			Launch:  &engine.Launch{Transport: "tls", Unawaited: true},
			Run:     reaches("tls"),
		},
		{
			ID:      "connect.urls/ws",
			Clause:  "connect.urls",
			Explain: "Where only HTTP leaves the building, a websocket is the way to the broker.",
			Try:     "fakeagent run --nats ws://BROKER --token TOKEN --workspace WS --agent AGENT",
			Launch:  &engine.Launch{Transport: "ws", Unawaited: true},
			Run:     reaches("ws"),
		},
		{
			ID:      "connect.urls/wss",
			Clause:  "connect.urls",
			Explain: "Company proxies let little through but TLS to an HTTP port. The CA to trust is the one of tls URLs: as PEM at $AGENTPROOF_CA_FILE, and as ca.pem beside the agent's credentials.json.",
			Try:     "AGENTPROOF_CA_FILE=CA.pem fakeagent run --nats wss://BROKER --token TOKEN --workspace WS --agent AGENT",
			Launch:  &engine.Launch{Transport: "wss", Unawaited: true},
			Run:     reaches("wss"),
		},
		{
			ID:      "connect.urls/next-after-a-dead-one",
			Clause:  "connect.urls",
			Explain: "Several URLs are there so that one broker may be down; an agent that tries only the first gains nothing from them.",
			Try:     "fakeagent run --nats nats://127.0.0.1:1 --nats nats://BROKER --token TOKEN --workspace WS --agent AGENT",
			Launch:  &engine.Launch{DeadURLFirst: true, Unawaited: true},
			Run:     reaches("the second of two nats URLs"),
		},
		{
			ID:      "connect.urls/next-after-a-dead-websocket",
			Clause:  "connect.urls",
			Explain: "Websocket URLs are a list like any other: the next one counts when the first is dead.",
			Try:     "fakeagent run --nats ws://127.0.0.1:1 --nats ws://BROKER --token TOKEN --workspace WS --agent AGENT",
			Launch:  &engine.Launch{Transport: "ws", DeadURLFirst: true, Unawaited: true},
			Run:     reaches("the second of two ws URLs"),
		},
	}
}

// becomesReady tells whether the agent announces itself and answers.
func becomesReady(ctx context.Context, t *engine.T) bool {
	ctx, cancel := context.WithTimeout(ctx, t.Scale(readyLimit))
	defer cancel()
	err := t.Instance().AwaitReady(ctx)
	if err != nil {
		t.Logf("%v", err)
	}
	return err == nil
}

func tokenVerbatim(ctx context.Context, t *engine.T) {
	inst := t.Instance()
	ready := false
	wait.Until(ctx, t.Scale(readyLimit), func(ctx context.Context) bool {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		ready = inst.AwaitReady(ctx) == nil
		return ready || inst.Broker.Rejected() > 0
	})
	switch {
	case inst.Broker.Rejected() > 0:
		t.Errorf("the bearer as CONNECT's auth_token", "another token, or none")
	case !ready:
		t.Errorf("an agent that connects with its bearer", "none that got in")
	}
}

func tokenAgain(ctx context.Context, t *engine.T) {
	inst := t.Instance()
	before := inst.Broker.Rejected()
	if inst.Broker.Kick(inst.Token) == 0 {
		t.Given().Fatalf("a connection to cut that used the bearer", "none")
	}
	back := becomesReady(ctx, t)
	if inst.Broker.Rejected() > before {
		t.Fatalf("the same bearer on the next connection", "another token, or none")
	}
	t.Given().Check(back, "an agent that comes back after a cut", "none")
}

// reaches judges whether the agent becomes ready over what its launch offers.
func reaches(way string) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		if becomesReady(ctx, t) {
			return
		}
		if t.Instance().Broker.CAFile() != "" {
			way += ", by a certificate of the CA in $AGENTPROOF_CA_FILE"
		}
		t.Errorf("a Hello, and an answer to a ping, over "+way, "none")
	}
}

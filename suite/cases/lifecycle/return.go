package lifecycle

import (
	"context"

	"google.golang.org/protobuf/proto"

	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// returnCases are about the Hello of an agent that was cut off.
func returnCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "lifecycle.hello/once-after-an-outage",
			Clause:  "lifecycle.hello",
			Explain: "After an outage the control plane does not know who is still there; each machine must say so, once.",
			Try:     "stop the broker for some seconds and start it again",
			Launch:  &engine.Launch{},
			Idle:    outage + interval,
			Run:     onceAfterOutage,
		},
		{
			ID:      "lifecycle.hello/complete-after-an-outage",
			Clause:  "lifecycle.hello",
			Explain: "A control plane that restarted with its broker knows nothing but what the second Hello says.",
			Launch:  &engine.Launch{},
			Idle:    outage,
			Run:     completeAfterOutage,
		},
		{
			ID:      "lifecycle.hello-on-kick/after-a-cut",
			Clause:  "lifecycle.hello-on-kick",
			Explain: "What was in flight when the socket was cut is lost; only the Hello tells the other side that it was.",
			Try:     "nats subscribe agent.WS.AGENT.hello; cut the agent's connection at the broker",
			Launch:  &engine.Launch{},
			Run:     helloAfterCut,
		},
		{
			ID:      "lifecycle.hello-after-subscribe/after-an-outage",
			Clause:  "lifecycle.hello-after-subscribe",
			Explain: "A whole fleet comes back at once after an outage, and all of it is spoken to at once.",
			Launch:  &engine.Launch{},
			Idle:    outage,
			Run:     respondsAfterOutage,
		},
	}
}

func onceAfterOutage(ctx context.Context, t *engine.T) {
	watch := t.Instance().Watch
	mark := watch.Mark()
	lose(ctx, t, outage)
	isBack(ctx, t)
	_, _, ok := awaitNext(ctx, t, mark, t.Scale(returnLimit), wire.IsHello)
	if !t.Check(ok, "a Hello after an outage", "none") {
		return
	}
	// By the second heartbeat a returned agent has settled.
	for next := mark; count(watch.Since(mark), wire.IsHeartbeat) < 2; {
		if _, next, ok = awaitNext(ctx, t, next, t.Scale(returnLimit), wire.IsHeartbeat); !ok {
			t.Given().Fatalf("a heartbeat", "none")
		}
	}
	engine.Equal(t, "Hellos after an outage:", count(watch.Since(mark), wire.IsHello), 1)
}

func completeAfterOutage(ctx context.Context, t *engine.T) {
	first := hello(t)
	mark := t.Instance().Watch.Mark()
	lose(ctx, t, outage)
	a, _, ok := awaitNext(ctx, t, mark, t.Scale(returnLimit), wire.IsHello)
	if !ok {
		t.Given().Fatalf("a Hello after an outage", "none")
	}
	// The rest of the machine's figures may have changed meanwhile.
	second := a.Hello
	same := func(what string, is bool) {
		t.Check(is, "the same "+what+" in the Hello after an outage", "another one")
	}
	same("agent_id", second.GetAgentId() == first.GetAgentId())
	same("workspace_id", second.GetWorkspaceId() == first.GetWorkspaceId())
	same("workspace_root", second.GetWorkspaceRoot() == first.GetWorkspaceRoot())
	same("os", second.GetOs() == first.GetOs())
	same("arch", second.GetArch() == first.GetArch())
	same("agent_version", second.GetAgentVersion() == first.GetAgentVersion())
	same("machine_name", second.GetMachineName() == first.GetMachineName())
	same("set of capabilities", proto.Equal(second.GetCapabilities(), first.GetCapabilities()))
}

func helloAfterCut(ctx context.Context, t *engine.T) {
	mark := t.Instance().Watch.Mark()
	kick(t)
	isBack(ctx, t)
	// It serves again already, so a Hello that is due was due before.
	_, _, ok := awaitNext(ctx, t, mark, interval, wire.IsHello)
	t.Check(ok, "a Hello after the socket was cut", "none")
}

func respondsAfterOutage(ctx context.Context, t *engine.T) {
	mark := t.Instance().Watch.Mark()
	lose(ctx, t, outage)
	respondsAtOnce(ctx, t, mark)
}

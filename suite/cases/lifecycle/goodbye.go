package lifecycle

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

const (
	// stopWithin is what lifecycle.stop-order grants.
	stopWithin = 10 * time.Second
	// exitLimit is how long an agent that does not stop is waited for where the
	// time is not what is judged.
	exitLimit = 3 * stopWithin
	// deliveryLimit is for messages that the broker already has.
	deliveryLimit = 2 * time.Second
)

// goodbyeCases are about the last word of an agent.
func goodbyeCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "lifecycle.goodbye/on-sigterm",
			Clause:  "lifecycle.goodbye",
			Explain: "SIGTERM is how service managers stop an agent; without a goodbye the machine counts as crashed.",
			Try:     "nats subscribe agent.WS.AGENT.events; kill the agent",
			Launch:  &engine.Launch{},
			Run:     goodbye(syscall.SIGTERM),
		},
		{
			ID:      "lifecycle.goodbye/on-sigint",
			Clause:  "lifecycle.goodbye",
			Explain: "Ctrl-C is how its user stops an agent, who expects the machine to disappear at once.",
			Launch:  &engine.Launch{},
			Run:     goodbye(os.Interrupt),
		},
		{
			ID:      "lifecycle.goodbye/exit-status",
			Clause:  "lifecycle.goodbye",
			Explain: "A service manager starts a program again that ended with an error, although somebody stopped it.",
			Launch:  &engine.Launch{},
			Run:     exitStatus,
		},
		{
			ID:      "lifecycle.goodbye/only-once",
			Clause:  "lifecycle.goodbye",
			Explain: "A second goodbye could be that of the machine's next life.",
			Launch:  &engine.Launch{},
			Run:     onlyOneGoodbye,
		},
		{
			ID:      "lifecycle.event-agent-id/goodbye",
			Clause:  "lifecycle.event-agent-id",
			Explain: "A goodbye under another machine's name takes that one off.",
			Launch:  &engine.Launch{},
			Run:     goodbyeAgentID,
		},
		{
			ID:      "lifecycle.goodbye-under-load/commands-running",
			Clause:  "lifecycle.goodbye-under-load",
			Explain: "Agents are stopped while they work; an agent that waits for a long build is killed before it says goodbye.",
			Try:     "fakeagent call exec 'sleep 60' & stop the agent, and look at agent.WS.AGENT.events",
			Launch:  &engine.Launch{},
			Run:     goodbyeUnderLoad(polite),
		},
		{
			ID:      "lifecycle.goodbye-under-load/commands-that-ignore-signals",
			Clause:  "lifecycle.goodbye-under-load",
			Explain: "One process that ignores SIGTERM must not turn an agent's stop into a crash.",
			Launch:  &engine.Launch{},
			Run:     goodbyeUnderLoad(stubborn),
		},
	}
}

// signal sends the agent a signal and returns the mark before it.
func signal(t *engine.T, sig os.Signal) (mark int) {
	mark = t.Instance().Watch.Mark()
	if err := t.Instance().Process.Signal(sig); err != nil {
		t.Harness(fmt.Errorf("send the agent %v: %w", sig, err))
	}
	return mark
}

// exit waits for the agent's end and returns its status.
func exit(ctx context.Context, t *engine.T) int {
	ctx, cancel := context.WithTimeout(ctx, t.Scale(exitLimit))
	defer cancel()
	code, err := t.Instance().AwaitExit(ctx)
	if err != nil {
		t.Fatalf("an agent that exits on a signal", "one that goes on")
	}
	return code
}

// lastWord is the goodbye of an agent that has exited.
func lastWord(ctx context.Context, t *engine.T, mark int) (wire.Announcement, bool) {
	a, _, ok := awaitNext(ctx, t, mark, deliveryLimit, wire.IsGoodbye)
	return a, ok
}

// checkGoodbye judges that an agent which was signalled after the mark says
// goodbye with a reason and exits 0.
func checkGoodbye(ctx context.Context, t *engine.T, mark int) {
	code := exit(ctx, t)
	if a, ok := lastWord(ctx, t, mark); t.Check(ok, "a goodbye before the exit", "none on <base>.events") {
		switch reason := a.Event.GetGoingOffline().GetReason(); reason {
		case agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_USER_STOP,
			agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_UPDATE,
			agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_HOST_SHUTDOWN:
		default:
			t.Errorf("a goodbye with the reason USER_STOP, UPDATE or HOST_SHUTDOWN", "%v", reason)
		}
	}
	engine.Equal(t, "exit status", code, 0)
}

func goodbye(sig os.Signal) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) { checkGoodbye(ctx, t, signal(t, sig)) }
}

// exitStatus stops an agent that something went wrong in before.
func exitStatus(ctx context.Context, t *engine.T) {
	provoke(ctx, t)
	signal(t, syscall.SIGTERM)
	engine.Equal(t, "exit status", exit(ctx, t), 0)
}

func onlyOneGoodbye(ctx context.Context, t *engine.T) {
	heard := listen(t)
	signal(t, syscall.SIGTERM)
	exit(ctx, t)
	n := 0
	for _, msg := range heard.all(ctx) {
		if isGoodbye(t, msg) {
			n++
		}
	}
	engine.Equal(t, "goodbyes:", n, 1)
}

func goodbyeAgentID(ctx context.Context, t *engine.T) {
	mark := signal(t, syscall.SIGTERM)
	exit(ctx, t)
	a, ok := lastWord(ctx, t, mark)
	if !ok {
		t.Given().Fatalf("a goodbye", "none on <base>.events")
	}
	engine.Same(t, "the agent's own agent_id on the goodbye", a.Event.GetAgentId(), t.Instance().AgentID)
}

func goodbyeUnderLoad(manner string) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		load(ctx, t, manner, manner, manner)
		checkGoodbye(ctx, t, signal(t, syscall.SIGTERM))
	}
}

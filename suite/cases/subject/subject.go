// Package subject holds the cases about the NATS subjects that the agent
// serves and the ones that it keeps away from.
package subject

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/instance"
	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

const (
	// outage is long enough for the agent to notice (lifecycle.hello).
	outage = 3200 * time.Millisecond
	// returnLimit is twice what lifecycle.reconnect grants: when an agent comes
	// back is not judged here.
	returnLimit = 30 * time.Second
	// exitLimit is far above the 10 s of lifecycle.stop-order.
	exitLimit = 30 * time.Second
)

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return []engine.Case{
		{
			ID:      "subject.rpc/one-reply-to-a-result",
			Clause:  "subject.rpc",
			Explain: "A second reply reaches nobody, or worse, whoever reuses the inbox; it also betrays work done twice.",
			Try:     "nats request agent.WS.AGENT.rpc '' --replies 2",
			Run:     oneReplyToAResult,
		},
		{
			ID:      "subject.rpc/one-reply-to-an-error",
			Clause:  "subject.rpc",
			Explain: "Error paths like to report a failure where it happens and again where it is caught.",
			Run:     oneReplyToAnError,
		},
		{
			ID:      "subject.rpc/one-execution",
			Clause:  "subject.rpc",
			Explain: "A request that runs twice appends twice and pays twice, even when only one reply shows.",
			Try:     "fakeagent call write --append notes.txt x; fakeagent call read notes.txt",
			Run:     oneExecution,
		},
		{
			ID:      "subject.rpc/no-other-subject",
			Clause:  "subject.rpc",
			Explain: "Who listens beside its own subject executes what was meant for a neighbour, or for nobody.",
			Try:     "nats request agent.WS.AGENT.request ''",
			Run:     noOtherSubject,
		},
		{
			ID:      "subject.rpc/gone-when-stopped",
			Clause:  "subject.rpc",
			Explain: "The subscription is the registry of machines: no responder is how a control plane knows that one is off.",
			Try:     "stop the agent; nats request agent.WS.AGENT.rpc '' answers 503",
			Launch:  &engine.Launch{},
			Run:     goneWhenStopped,
		},
		{
			ID:      "subject.single-responder/after-a-cut",
			Clause:  "subject.single-responder",
			Explain: "Subscribing again on a connection that restores its subscriptions by itself makes every later request run twice.",
			Launch:  &engine.Launch{},
			Run:     singleAfterACut,
		},
		{
			ID:      "subject.single-responder/after-an-outage",
			Clause:  "subject.single-responder",
			Explain: "After a broker's restart an agent must be there once: neither a second connection nor a second subscription.",
			Try:     "restart the broker; nats request agent.WS.AGENT.rpc '' --replies 2",
			Launch:  &engine.Launch{},
			Idle:    outage,
			Run:     singleAfterAnOutage,
		},
		{
			ID:      "subject.no-reply-subject/not-executed",
			Clause:  "subject.no-reply-subject",
			Explain: "Nobody could learn what became of such a request, so it must not change a machine.",
			Try:     "nats publish agent.WS.AGENT.rpc REQUEST, and look whether anything changed",
			Run:     withoutReplySubject,
		},
		{
			ID:      "subject.scope/every-operation",
			Clause:  "subject.scope",
			Explain: "Brokers grant a machine its workspace and the inboxes, no more; an agent that needs anything else breaks there.",
			Launch:  &engine.Launch{},
			Run:     scope,
		},
	}
}

func oneReplyToAResult(ctx context.Context, t *engine.T) {
	t.Ping(ctx, 1)
	t.Call(ctx, &agentv1.FsStatRequest{Path: t.Dir(ctx)})
	t.Call(ctx, &agentv1.ExecRequest{Command: t.Helper(ctx, "exit", "0"), Cwd: t.Dir(ctx), TimeoutMs: 10_000})
	t.Settle(ctx) // the engine reports every second reply
}

// oneReplyToAnError judges that errors are told, and once. Which they are is
// another clause's matter.
func oneReplyToAnError(ctx context.Context, t *engine.T) {
	for _, req := range []*agentv1.ControlRequest{
		wire.NewRequest(&agentv1.FsReadRequest{Path: t.Path(ctx, "missing")}),
		wire.NewRequest(&agentv1.ExecRequest{Cwd: t.Dir(ctx)}),
		{},
	} {
		if resp := t.Do(ctx, req); resp.GetError() == nil {
			t.Given().Errorf("an error", "%s", engine.Outcome(resp))
		}
	}
	if _, err := t.SendRaw(ctx, []byte{0xff}, nil, t.Scale(20*time.Second)); err != nil {
		t.Fatalf("a reply to bytes that do not decode", "silence")
	}
	t.Settle(ctx)
}

// appends makes an operation that leaves a trace each time it runs, and counts
// the traces.
func appends(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "traces")
	engine.Must[*agentv1.FsWriteResponse](ctx, t.Given(), &agentv1.FsWriteRequest{Path: name, Content: []byte("x"), Append: true})
	t.Settle(ctx)
	traces, _ := t.Look(ctx, name)
	if len(traces) == 0 {
		t.Given().Fatalf("an append that leaves a trace", "none")
	}
	engine.EqualBytes(t, "the trace of one execution", traces, []byte("x"))
}

func oneExecution(ctx context.Context, t *engine.T) { appends(ctx, t) }

// foreign lists subjects that are not the agent's rpc subject but look like it.
func foreign(inst *instance.Instance) []string {
	ws := "agent." + inst.WorkspaceID
	return []string{
		inst.Base + ".rpc.more",
		inst.Base + ".RPC",
		inst.Base + ".request",
		inst.Base,
		inst.Base + "x.rpc",
		ws + ".rpc",
		"agent.x" + inst.WorkspaceID + "." + inst.AgentID + ".rpc",
	}
}

func noOtherSubject(ctx context.Context, t *engine.T) {
	nc := t.Dial()
	inbox := nc.NewInbox()
	subjects := foreign(t.Instance())
	replies := make(chan *nats.Msg, 10*len(subjects))
	if _, err := nc.ChanSubscribe(inbox, replies); err != nil {
		t.Harness(fmt.Errorf("subscribe to replies: %w", err))
	}
	for i, subject := range subjects {
		if err := nc.PublishRequest(subject, inbox, write(t, t.Path(ctx, fmt.Sprintf("foreign-%d", i)))); err != nil {
			t.Harness(fmt.Errorf("publish on %s: %w", subject, err))
		}
	}
	flush(ctx, t, nc)
	t.Settle(ctx)
	flush(ctx, t, nc)
	for range len(replies) {
		// The broker itself answers where nobody listens.
		t.Check((<-replies).Header.Get("Status") == "503", "no reply on any subject but the agent's rpc", "one")
	}
	for i := range subjects {
		_, there := t.Look(ctx, t.Path(ctx, fmt.Sprintf("foreign-%d", i)))
		t.Check(!there, "nothing executed from a subject that is not the agent's rpc", "a file written")
	}
}

// flush returns when the broker has taken what nc sent, and nc has received
// what the broker had for it.
func flush(ctx context.Context, t *engine.T, nc *engine.Conn) {
	if err := nc.FlushWithContext(ctx); err != nil {
		t.Harness(fmt.Errorf("flush: %w", err))
	}
}

// write is an encoded request that creates a file.
func write(t *engine.T, name string) []byte {
	data, err := proto.Marshal(wire.NewRequest(&agentv1.FsWriteRequest{Path: name, Content: []byte("x"), CreateParents: true}))
	if err != nil {
		t.Harness(fmt.Errorf("encode a request: %w", err))
	}
	return data
}

func goneWhenStopped(ctx context.Context, t *engine.T) {
	t.Given().Ping(ctx, 1)
	stop(ctx, t)
	// The broker learns of the end from the closed socket.
	gone := wait.Until(ctx, 2*time.Second, func(ctx context.Context) bool {
		_, err := t.SendRaw(ctx, write(t, "left.txt"), nil, time.Second)
		return errors.Is(err, wire.ErrNoResponder)
	})
	t.Check(gone, "no responder on the subject of an agent that stopped", "a subscription that lives on")
}

// stop ends the agent as its user would.
func stop(ctx context.Context, t *engine.T) {
	inst := t.Instance()
	if err := inst.Process.Signal(os.Interrupt); err != nil {
		t.Harness(fmt.Errorf("stop the agent: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, t.Scale(exitLimit))
	defer cancel()
	if _, err := inst.AwaitExit(ctx); err != nil {
		t.Given().Fatalf("an agent that stops", "one that goes on")
	}
}

func singleAfterACut(ctx context.Context, t *engine.T) {
	inst := t.Instance()
	// Twice, since a subscription that is restored and made again doubles
	// every time.
	for range 2 {
		if inst.Broker.Kick(inst.Token) == 0 {
			t.Given().Fatalf("a connection to cut", "none")
		}
		awaitReturn(ctx, t)
	}
	appends(ctx, t)
}

func singleAfterAnOutage(ctx context.Context, t *engine.T) {
	inst := t.Instance()
	inst.Broker.Stop()
	wait.For(ctx, outage)
	if err := inst.Restore(ctx); err != nil {
		t.Harness(err)
	}
	awaitReturn(ctx, t)
	appends(ctx, t)
}

func awaitReturn(ctx context.Context, t *engine.T) {
	ctx, cancel := context.WithTimeout(ctx, t.Scale(returnLimit))
	defer cancel()
	if err := t.Instance().AwaitReady(ctx); err != nil {
		t.Logf("%v", err)
		t.Given().Fatalf("an agent that comes back", "none")
	}
}

func withoutReplySubject(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "written")
	nc := t.Dial()
	if err := nc.Publish(t.Instance().Base+".rpc", write(t, name)); err != nil {
		t.Harness(fmt.Errorf("publish a request without a reply subject: %w", err))
	}
	flush(ctx, t, nc)
	t.Settle(ctx)
	_, there := t.Look(ctx, name)
	t.Check(!there, "nothing executed for a request without a reply subject", "a file written")
}

// scope tries all operations, and the goodbye, behind a broker that grants the
// agent its workspace and the inboxes; an instance of the pool has no other rights
// either, but what it was refused could not be put down to one case.
func scope(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "file")
	for _, op := range []proto.Message{
		&agentv1.PingRequest{},
		&agentv1.ExecRequest{Command: t.Helper(ctx, "exit", "0"), Cwd: t.Dir(ctx), TimeoutMs: 10_000},
		&agentv1.FsWriteRequest{Path: name, Content: []byte("x")},
		&agentv1.FsReadRequest{Path: name},
		&agentv1.FsListRequest{Path: t.Dir(ctx)},
		&agentv1.FsMkdirRequest{Path: t.Path(ctx, "dir")},
		&agentv1.FsMoveRequest{From: name, To: t.Path(ctx, "moved")},
		&agentv1.FsStatRequest{Path: name},
		&agentv1.FsRemoveRequest{Path: t.Path(ctx, "moved")},
		&agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_RAW, Args: []string{"version"}, Cwd: t.Dir(ctx)},
		&agentv1.MetricsRequest{},
		&agentv1.PtyOpenRequest{Command: t.Helper(ctx, "exit", "0"), Cwd: t.Dir(ctx)},
		&agentv1.PtyWriteRequest{PtyId: "none"},
		&agentv1.PtyResizeRequest{PtyId: "none", Cols: 80, Rows: 24},
		&agentv1.PtyCloseRequest{PtyId: "none"},
		&agentv1.DesktopEnsureRequest{},
		&agentv1.DesktopScreenshotRequest{},
		&agentv1.DesktopInputRequest{},
	} {
		t.Call(ctx, op) // whether it is offered at all is another case's matter
	}
	inst := t.Instance()
	if _, _, err := inst.Watch.Await(ctx, 0, wire.IsHeartbeat); err != nil {
		t.Given().Fatalf("a heartbeat", "none")
	}
	stop(ctx, t)
	if refused := inst.Broker.Violations(); len(refused) > 0 {
		t.Logf("the broker refused: %q", refused)
		t.Errorf("only subjects under agent.<ws>.> and _INBOX.> over a whole life", "others, which the broker refused")
	}
}

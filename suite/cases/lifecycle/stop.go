package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/transcript"
	"agentproof/suite/wire"
)

// deadWithin is how soon after the agent's end its processes must be gone, as
// after a timeout (exec.timeout-kills-group).
const deadWithin = "2s"

// stopCases are about everything that comes before the goodbye.
func stopCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "lifecycle.stop-kills-children/command-and-children",
			Clause:  "lifecycle.stop-kills-children",
			Explain: "A server that outlives its agent keeps its port, and the next agent cannot start it again.",
			Launch:  &engine.Launch{},
			Run:     killsFamily("child", "child+ignore-term", "setpgid"),
		},
		{
			ID:      "lifecycle.stop-kills-children/setsid",
			Clause:  "lifecycle.stop-kills-children",
			Explain: "Tools that daemonize their workers leave them behind when only the process group is ended.",
			Try:     "fakeagent call exec 'setsid sleep 600 & sleep 600' & stop the agent; pgrep sleep",
			Launch:  &engine.Launch{},
			Run:     killsFamily("setsid", "setsid+orphan"),
		},
		{
			ID:      "lifecycle.stop-order/within-ten-seconds",
			Clause:  "lifecycle.stop-order",
			Explain: "Service managers kill what does not stop in time, and machines are shut down without waiting for more.",
			Try:     `fakeagent call exec 'trap "" TERM; sleep 60' & stop the agent, and count`,
			Launch:  &engine.Launch{},
			Idle:    stopWithin,
			Run:     stopsInTime,
		},
		{
			ID:      "lifecycle.stop-order/goodbye-is-last",
			Clause:  "lifecycle.stop-order",
			Explain: "After the goodbye the machine is off to everybody; a reply that comes later finds nobody who waits.",
			Launch:  &engine.Launch{},
			Run:     goodbyeIsLast,
		},
		{
			ID:      "lifecycle.stop-order/refuses-new-work",
			Clause:  "lifecycle.stop-order",
			Explain: "Work that is taken while the agent stops is cut off half done.",
			Launch:  &engine.Launch{},
			Run:     refusesNewWork,
		},
		{
			ID:      "lifecycle.stop-order/without-a-broker",
			Clause:  "lifecycle.stop-order",
			Explain: "Who cannot say goodbye must still go: an agent that waits for its broker is killed.",
			Launch:  &engine.Launch{},
			Idle:    stopWithin,
			Run:     stopsWithoutBroker,
		},
		{
			ID:      "lifecycle.draining/all-but-ping",
			Clause:  "lifecycle.draining",
			Explain: "Between the first sign and the goodbye a caller can rely on being told to go elsewhere.",
			Launch:  &engine.Launch{},
			Run:     drains,
		},
	}
}

// killsFamily looks at the processes through a second agent: the first is gone.
func killsFamily(kinds ...string) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		second := t.Beside(ctx, &engine.Launch{})
		tree := family(ctx, t, kinds...)
		signal(t, syscall.SIGTERM)
		exit(ctx, t)
		left := engine.Probe[helper.Processes](ctx, second, append([]string{"alive", "--until-dead", deadWithin}, tree.Refs()...)...)
		for i, p := range left.Processes {
			if !p.Alive {
				continue
			}
			what := "the command"
			if i > 0 {
				what = "its descendant of kind " + tree.Descendants[i-1].Kind
			}
			t.Errorf("no process of a running command 2 s after the agent's end", "%s: %s", what, helper.Processes{Processes: []helper.Process{p}}.Running())
		}
	}
}

func stopsInTime(ctx context.Context, t *engine.T) {
	load(ctx, t, false)
	load(ctx, t, true)
	exitsInTime(ctx, t)
}

func exitsInTime(ctx context.Context, t *engine.T) {
	start := time.Now()
	signal(t, syscall.SIGTERM)
	exit(ctx, t)
	took := time.Since(start)
	t.Logf("the agent took %v to stop", took)
	t.Check(took <= stopWithin, "an exit within 10 s", "a later one")
}

func stopsWithoutBroker(ctx context.Context, t *engine.T) {
	load(ctx, t, false)
	t.Instance().Broker.Stop()
	exitsInTime(ctx, t)
	engine.Equal(t, "exit status", t.Instance().Process.ExitCode(), 0)
}

// goodbyeIsLast keeps the agent busy until its end, so that there is something
// to come after the goodbye.
func goodbyeIsLast(ctx context.Context, t *engine.T) {
	load(ctx, t, false)
	load(ctx, t, true)
	heard := listen(t)
	signal(t, syscall.SIGTERM)
	for !t.Instance().Ended() && ctx.Err() == nil {
		_, _ = t.Start(wire.NewRequest(&agentv1.PingRequest{})).Try(ctx, 10*time.Millisecond)
		t.Start(wire.NewRequest(&agentv1.FsStatRequest{}))
	}
	exit(ctx, t)
	msgs := heard.all(ctx)
	at := slices.IndexFunc(msgs, func(msg *nats.Msg) bool { return isGoodbye(t, msg) })
	if at < 0 {
		t.Given().Fatalf("a goodbye", "none")
	}
	for _, msg := range msgs[at+1:] {
		// The broker itself answers what comes after the agent's end.
		if msg.Header.Get("Status") != "503" {
			what, content := described(t, msg)
			t.Logf("on %s: %s", msg.Subject, content)
			t.Fatalf("nothing from the agent after its goodbye", "%s", what)
		}
	}
}

// described names a message of the agent's and renders what is in it. The name
// is the same in every run.
func described(t *engine.T, msg *nats.Msg) (what, content string) {
	base := t.Instance().Base
	limits := transcript.Limits{Bytes: 120, Items: 20}
	switch msg.Subject {
	case base + ".hello":
		return "a Hello", string(transcript.Render(msg.Data, &agentv1.Hello{}, limits).JSON)
	case base + ".events":
		event := &agentv1.AgentEvent{}
		content = string(transcript.Render(msg.Data, event, limits).JSON)
		switch {
		case event.GetHeartbeat() != nil:
			return "a heartbeat", content
		case event.GetGoingOffline() != nil:
			return "another goodbye", content
		default:
			return "an event", content
		}
	default:
		return "a reply to a request", string(transcript.Render(msg.Data, &agentv1.ControlResponse{}, limits).JSON)
	}
}

// refusesNewWork writes files until the agent is gone. Which of the writes were
// carried out a second agent sees.
func refusesNewWork(ctx context.Context, t *engine.T) {
	second := t.Beside(ctx, &engine.Launch{})
	load(ctx, t, true)
	mark := signal(t, syscall.SIGTERM)
	var refused []string
	for i := 0; !t.Instance().Ended() && ctx.Err() == nil; i++ {
		stopping := leaving(t, mark)
		name := t.Abs(ctx, t.Path(ctx, fmt.Sprintf("late-%d", i)))
		resp, err := t.Start(wire.NewRequest(&agentv1.FsWriteRequest{Path: name, Content: []byte("x")})).Try(ctx, time.Second)
		if err != nil || resp.GetError() != nil {
			refused = append(refused, name)
			continue
		}
		t.Check(!stopping, "no new work once the agent has said that it stops", "a file written")
	}
	exit(ctx, t)
	for _, name := range refused {
		if !t.Check(!second.Given().Exists(ctx, name), "no trace of work that was refused during a stop", "a file written") {
			return
		}
	}
}

// leaving tells whether the agent has said since the mark that it stops.
func leaving(t *engine.T, mark int) bool {
	return slices.ContainsFunc(t.Instance().Watch.Since(mark), func(a wire.Announcement) bool {
		return wire.IsGoodbye(a) || a.Event.GetHeartbeat().GetDraining()
	})
}

// drainedOperations is what a draining agent is asked in turn.
func drainedOperations(ctx context.Context, t *engine.T) []proto.Message {
	name := t.Path(ctx, "file")
	return []proto.Message{
		&agentv1.FsStatRequest{Path: name},
		&agentv1.PingRequest{},
		&agentv1.ExecRequest{Command: t.Helper(ctx, "exit", "0")},
		&agentv1.FsWriteRequest{Path: name, Content: []byte("x")},
		&agentv1.MetricsRequest{},
		&agentv1.FsListRequest{},
		&agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_RAW, Args: []string{"version"}},
		&agentv1.PtyWriteRequest{PtyId: "none"},
		&agentv1.DesktopScreenshotRequest{},
	}
}

// drains asks for operations between the first sign of draining and the
// goodbye, while stubborn commands keep the agent from leaving at once.
func drains(ctx context.Context, t *engine.T) {
	for range 3 {
		load(ctx, t, true)
	}
	ops := drainedOperations(ctx, t)
	d := drain{t: t, mark: signal(t, syscall.SIGTERM)}
	for i := 0; !d.over() && ctx.Err() == nil; i++ {
		d.try(ctx, ops[i%len(ops)])
	}
	exit(ctx, t)
	t.Logf("%d operations while the agent drained", d.judged)
	switch {
	case !d.began:
		t.NotClaimed("the agent does not drain")
	case d.judged == 0:
		t.Untestable("the agent was gone before it could be asked for anything")
	}
}

// drain is what a case knows of an agent's draining.
type drain struct {
	t      *engine.T
	mark   int  // of the signal
	began  bool // a sign of it was seen
	judged int  // operations that were tried since, pings aside
}

func (d *drain) over() bool {
	seen := d.t.Instance().Watch.Since(d.mark)
	d.began = d.began || count(seen, func(a wire.Announcement) bool { return a.Event.GetHeartbeat().GetDraining() }) > 0
	return d.t.Instance().Ended() || count(seen, wire.IsGoodbye) > 0
}

// try judges an operation if draining had begun before it was sent.
func (d *drain) try(ctx context.Context, op proto.Message) {
	began := d.began
	resp, err := d.t.Start(wire.NewRequest(op)).Try(ctx, time.Second)
	if err != nil {
		return // the agent is gone, and its goodbye on the way
	}
	refused := resp.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_DRAINING
	if refused {
		d.began = true
		d.t.Check(resp.GetError().GetRetryable(), "a retryable DRAINING", "one that is not")
	}
	if _, ping := op.(*agentv1.PingRequest); ping {
		d.t.Check(resp.GetPing() != nil, "a ping that is answered while the agent drains", "%s", engine.Outcome(resp))
		return
	}
	if began {
		d.judged++
		d.t.Check(refused, "the error DRAINING for every op but ping", "%s", engine.Outcome(resp))
	}
}

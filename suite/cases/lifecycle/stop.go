package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

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
	load(ctx, t, stubborn, polite)
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
	load(ctx, t, polite)
	t.Instance().Broker.Stop()
	exitsInTime(ctx, t)
	engine.Equal(t, "exit status", t.Instance().Process.ExitCode(), 0)
}

// goodbyeIsLast keeps the agent busy until its end, so that there is something
// to come after the goodbye.
func goodbyeIsLast(ctx context.Context, t *engine.T) {
	load(ctx, t, stubborn, polite)
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
		t.Given().Fatalf("a goodbye", "none on <base>.events")
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

// refusesNewWork writes files until the agent is gone, and then looks which of
// the writes were carried out.
func refusesNewWork(ctx context.Context, t *engine.T) {
	linger(ctx, t)
	mark := signal(t, syscall.SIGTERM)
	var writes []lateWrite
	for i := 0; !t.Instance().Ended() && ctx.Err() == nil; i++ {
		w := lateWrite{name: t.Path(ctx, fmt.Sprintf("late-%d", i)), told: leaving(t, mark)}
		w.Pending = t.Start(wire.NewRequest(&agentv1.FsWriteRequest{Path: w.name, Content: []byte("x")}))
		promptly(ctx, func() bool {
			return w.Answered() || t.Instance().Ended() || leaving(t, mark) != w.told
		})
		writes = append(writes, w)
	}
	exit(ctx, t)
	inTime := false
	for _, w := range writes {
		inTime = inTime || w.told && w.Answered()
		w.judge(ctx, t)
	}
	drains := count(t.Instance().Watch.Since(mark), func(a wire.Announcement) bool { return a.Event.GetHeartbeat().GetDraining() }) > 0
	if drains && !inTime {
		t.Missed("the agent was gone before it had answered any work that came after it had said that it stops")
	}
}

// lateWrite is a write that an agent was sent while it stopped.
type lateWrite struct {
	*engine.Pending
	name string
	told bool // the agent had said that it stops
}

// judge judges a write to an agent that has ended. What was sent before the agent
// said that it stops may have come first, unless it was refused.
func (w lateWrite) judge(ctx context.Context, t *engine.T) {
	refused, done := false, false
	if w.Answered() {
		resp, err := w.Try(ctx, time.Second)
		refused = err == nil && resp.GetError() != nil
		done = err == nil && resp.GetError() == nil
	}
	_, there := t.Look(ctx, w.name)
	switch {
	case there && refused:
		t.Errorf("no trace of work that was refused during a stop", "a file written")
	case w.told && (there || done):
		t.Errorf("no new work once the agent has said that it stops", "a file written")
	}
}

// leaving tells whether the agent has said since the mark that it stops.
func leaving(t *engine.T, mark int) bool {
	return slices.ContainsFunc(t.Instance().Watch.Since(mark), func(a wire.Announcement) bool {
		return wire.IsGoodbye(a) || a.Event.GetHeartbeat().GetDraining()
	})
}

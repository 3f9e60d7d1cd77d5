package envelope

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

const (
	// many is how many commands at once every agent must take.
	many = 256
	// flood is above the bound of the reference agent; an agent that takes
	// more just runs them.
	flood = 1280
	// floodLasts is longer than the flood takes to arrive.
	floodLasts = 2 * time.Second

	// allRun is what is wanted of that many.
	allRun = "256 commands at once, none of them refused or lost"

	pings       = 1000
	idleP99     = 10 * time.Millisecond  // above it the machine is too busy to judge
	loadedP99   = 100 * time.Millisecond // the clause's bound
	crowdLimit  = 60 * time.Second       // for ending all commands on a slow machine
	stallLimit  = 10 * time.Second       // for the next of them to begin
	crowdTimeMs = 120_000                // a command's own limit, should the case fail to end it
)

// crowdCases are about many commands at once. They wait at a FIFO rather than
// for time to pass, so that a case knows that all run, and ends them. It does both
// past the agent, whose requests may have to wait for each other.
func crowdCases() []engine.Case {
	return []engine.Case{
		{
			ID:         "envelope.concurrent/ping-latency-with-many-commands",
			Background: true,
			Clause:     "envelope.concurrent",
			Explain:    "A machine at its limit must still prove within a moment that it lives.",
			Launch:     &engine.Launch{},
			Exclusive:  true,
			Run:        pingLatency,
		},
		{
			ID:         "envelope.bounded/many-commands-are-below",
			Background: true,
			Clause:     "envelope.bounded",
			Explain:    "A bound is there against floods; parallel builds and test runners are no flood.",
			Launch:     &engine.Launch{},
			Run:        manyBelow,
		},
		{
			ID:         "envelope.bounded/a-flood-is-answered",
			Background: true,
			Clause:     "envelope.bounded",
			Explain:    "A caller that floods a machine must learn that from it, and not from a deadline hours later.",
			Launch:     &engine.Launch{},
			Idle:       floodLasts,
			Run:        floodAnswered,
		},
	}
}

// crowd is a number of commands that run until their gate opens: a FIFO that
// each of them reads a line from.
type crowd struct {
	t       *engine.T
	gate    string // where this machine has it
	roll    string // a file with a byte for each command that ran, relative to the root
	pending []*engine.Pending
}

// newCrowd makes the gate, which opens at the case's end at the latest: nothing
// waits there any longer, whether or not the agent ends what it has started.
func newCrowd(ctx context.Context, t *engine.T) *crowd {
	root := t.Instance().LocalRoot()
	if root == "" {
		t.Untestable("it needs an agent on the runner's machine")
	}
	c := &crowd{t: t, gate: filepath.Join(root, t.Path(ctx, "gate")), roll: t.Path(ctx, "roll")}
	t.Arrange(ctx, "mkfifo", c.gate)
	t.Cleanup(func(context.Context) {
		if _, err := os.Lstat(c.gate); err == nil {
			c.open()
		}
	})
	return c
}

// start sends n commands, each of which adds a byte to the roll when it runs.
func (c *crowd) start(ctx context.Context, n int) {
	for range n {
		c.pending = append(c.pending, c.t.Start(wire.NewRequest(&agentv1.ExecRequest{
			Command:   []string{"/bin/sh", "-c", "echo >> roll; read line < gate; exit 0"},
			Cwd:       c.t.Dir(ctx),
			TimeoutMs: crowdTimeMs,
		})))
	}
}

// await returns when every command runs, when one was answered, which it is
// only if it was refused, or when no more begin. It reports how many run.
func (c *crowd) await(ctx context.Context) int {
	running := 0
	for more := true; more && running < len(c.pending) && c.answered() == 0; {
		more = wait.Until(ctx, c.t.Scale(stallLimit), func(ctx context.Context) bool {
			before := running
			roll, _ := c.t.Look(ctx, c.roll)
			running = len(roll)
			return running > before || c.answered() > 0
		})
	}
	return running
}

// refused ends the case if a command was answered although the gate is closed.
func (c *crowd) refused(ctx context.Context) {
	for _, p := range c.pending {
		if p.Answered() {
			c.judge(p.Response(ctx, replyLimit))
			c.t.Given().Fatalf("a command that waits", "one that ended by itself")
		}
	}
}

// judge ends the case over the reply of a command that did not run.
func (c *crowd) judge(resp *agentv1.ControlResponse) {
	switch e := resp.GetError(); {
	case resp == nil:
		c.t.Fatalf(allRun, "silence for one")
	case e.GetCode() == agentv1.ErrorCode_ERROR_CODE_DRAINING:
		c.t.Fatalf(allRun, "%s for one", engine.Outcome(resp))
	case !ran(resp):
		c.t.Given().Fatalf("a command that runs", "%s for one", engine.Outcome(resp))
	}
}

func (c *crowd) answered() int {
	n := 0
	for _, p := range c.pending {
		if p.Answered() {
			n++
		}
	}
	return n
}

// open opens the gate for good: there is a line for each that waits at it, and
// who comes later finds no gate.
func (c *crowd) open() {
	gate, err := os.OpenFile(c.gate, os.O_RDWR, 0) // for both, which never blocks
	if err != nil {
		c.t.Harness(fmt.Errorf("open the gate of a crowd: %w", err))
	}
	c.t.Cleanup(func(context.Context) { _ = gate.Close() })
	_, err = gate.Write(bytes.Repeat([]byte("\n"), len(c.pending)))
	if err = errors.Join(err, os.Remove(c.gate)); err != nil {
		c.t.Harness(fmt.Errorf("open the gate of a crowd: %w", err))
	}
}

// replies waits for the commands to end; nil stands for silence.
func (c *crowd) replies(ctx context.Context) []*agentv1.ControlResponse {
	wait.Until(ctx, c.t.Scale(crowdLimit), func(context.Context) bool { return c.answered() == len(c.pending) })
	replies := make([]*agentv1.ControlResponse, len(c.pending))
	for i, p := range c.pending {
		if p.Answered() {
			replies[i] = p.Response(ctx, replyLimit)
		}
	}
	return replies
}

// ran tells whether a response is that of a command that was released.
func ran(resp *agentv1.ControlResponse) bool {
	return resp.GetExec() != nil && resp.GetExec().GetExitCode() == 0
}

// p99 is the time within which 99 % of the pings come back.
func p99(ctx context.Context, t *engine.T) time.Duration {
	var took []time.Duration
	for i := range uint64(pings) {
		start := time.Now()
		t.Ping(ctx, i)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[pings*99/100]
}

// bestP99 is the least p99 of several rounds, since the machine has other work
// too. It stops when one is below enough.
func bestP99(ctx context.Context, t *engine.T, rounds int, enough time.Duration) time.Duration {
	best := p99(ctx, t)
	for range rounds - 1 {
		if best < enough {
			break
		}
		wait.For(ctx, 500*time.Millisecond)
		best = min(best, p99(ctx, t))
	}
	return best
}

func pingLatency(ctx context.Context, t *engine.T) {
	// The run begins with this case, when many agents are being started.
	idle := bestP99(ctx, t.Given(), 10, idleP99)
	t.Logf("p99 of %d pings to the idle agent: %v", pings, idle)
	if idle >= idleP99 {
		t.Untestable("this machine is too busy: p99 over the pings to the idle agent is not below 10 ms")
	}
	c := newCrowd(ctx, t)
	c.start(ctx, many)
	running := c.await(ctx)
	c.refused(ctx)
	if running < many {
		t.Fatalf("256 commands that run at once", "some that do not begin before others have ended")
	}
	loaded := bestP99(ctx, t, 3, loadedP99)
	t.Logf("p99 of %d pings while %d commands run: %v", pings, running, loaded)
	t.Check(loaded < loadedP99, "p99 over 1,000 pings below 100 ms while 256 commands run", "more")
}

// manyBelow asks for no more than that no command is refused: whether they run
// side by side is for envelope.concurrent to say.
func manyBelow(ctx context.Context, t *engine.T) {
	c := newCrowd(ctx, t)
	c.start(ctx, many)
	c.await(ctx)
	c.open()
	for _, resp := range c.replies(ctx) {
		c.judge(resp)
	}
}

// floodAnswered looks only after the flood whether the agent still takes
// commands: meanwhile it may refuse all of them.
func floodAnswered(ctx context.Context, t *engine.T) {
	c := newCrowd(ctx, t)
	c.start(ctx, flood)
	ping := t.Start(wire.NewRequest(&agentv1.PingRequest{}))
	wait.For(ctx, floodLasts)
	c.open()
	if _, err := ping.Try(ctx, t.Scale(crowdLimit)); err != nil { // answered somehow, and at some time
		t.Fatalf("a reply to every request of a flood", "silence for a ping")
	}
	replies := c.replies(ctx)
	refused := 0
	for _, resp := range replies {
		switch e := resp.GetError(); {
		case resp == nil:
			t.Fatalf("a reply to every request of a flood", "silence for one")
		case e == nil:
			if !t.Check(ran(resp), "a command of a flood that runs or is refused", "one that ended by itself") {
				t.Logf("exit code %d, stderr %q", resp.GetExec().GetExitCode(), resp.GetExec().GetStderr())
			}
		default:
			refused++
			t.WantError(resp, agentv1.ErrorCode_ERROR_CODE_DRAINING)
			_, named := e.GetDetail()["backpressure"]
			t.Check(named, "the detail backpressure", "none")
			t.Check(e.GetRetryable(), "a retryable refusal", "one that is not")
		}
	}
	t.Logf("%d of %d commands were refused", refused, flood)
	resp := t.Call(ctx, &agentv1.ExecRequest{Command: t.Helper(ctx, "exit", "0"), Cwd: t.Dir(ctx), TimeoutMs: 10_000})
	t.Check(ran(resp), "an agent that takes commands again after a flood", "%s", engine.Outcome(resp))
}

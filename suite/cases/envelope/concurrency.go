package envelope

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

const (
	// longGap is what lifecycle.heartbeat-first allows between two heartbeats.
	longGap = 7500 * time.Millisecond
	// heartbeats is how many are watched beside a long command.
	heartbeats = 3
	// heartbeatLoad outlasts them, however late they are.
	heartbeatLoad = 50 * time.Second
)

// concurrencyCases are about operations that must not wait for each other, and
// the ones that must.
func concurrencyCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "envelope.concurrent/ping-beside-a-command",
			Clause:  "envelope.concurrent",
			Explain: "A machine that works must not look dead; pings decide that.",
			Try:     "fakeagent call exec 'sleep 60' & fakeagent call ping",
			Run:     pingBeside,
		},
		{
			ID:      "envelope.concurrent/operations-beside-a-command",
			Clause:  "envelope.concurrent",
			Explain: "While a build runs its author looks at files and starts another command.",
			Try:     "fakeagent call exec 'sleep 60' & fakeagent call ls",
			Run:     operationsBeside,
		},
		{
			ID:         "envelope.concurrent/heartbeat-beside-a-command",
			Clause:     "envelope.concurrent",
			Explain:    "A control plane that misses heartbeats gives the machine's work to another one.",
			Try:        "nats subscribe agent.WS.AGENT.events; fakeagent call exec 'sleep 60'",
			Launch:     &engine.Launch{},
			Background: true, // its command ends with the agent
			Idle:       heartbeats * 5 * time.Second,
			Run:        heartbeatBeside,
		},
		{
			ID:      "envelope.order/terminal-input",
			Clause:  "envelope.order",
			Needs:   engine.PTY,
			Explain: "Keystrokes that overtake each other make other words, and other commands.",
			Run:     terminalInput,
		},
	}
}

// running is a command that runs while the case does other things.
type running struct {
	*engine.Pending
	t     *engine.T
	lasts time.Duration
}

// command starts a command that lasts so long, and returns when it runs.
func command(ctx context.Context, t *engine.T, lasts time.Duration) *running {
	begun := t.Path(ctx, "begun")
	argv := append([]string{"/bin/sh", "-c", `echo > begun; exec "$@"`, "sh"}, t.Helper(ctx, "sleep", lasts.String())...)
	c := &running{t: t, lasts: lasts, Pending: t.Start(wire.NewRequest(&agentv1.ExecRequest{
		Command: argv, Cwd: t.Dir(ctx), TimeoutMs: uint32(10 * lasts.Milliseconds()),
	}))}
	begins := wait.Until(ctx, t.Scale(replyLimit), func(ctx context.Context) bool {
		_, there := t.Look(ctx, begun)
		return there || c.Answered()
	})
	c.alive(ctx)
	if !begins {
		t.Given().Fatalf("a command that begins", "none")
	}
	return c
}

// alive ends the case if the command has been answered with an error.
func (c *running) alive(ctx context.Context) {
	if !c.Answered() {
		return
	}
	given := c.t.Given()
	if resp := c.Response(ctx, replyLimit); resp.GetError() != nil || resp.GetExec().GetExitCode() != 0 {
		given.Fatalf("a command that runs", "%s", engine.Outcome(resp))
	}
}

// beside does something beside the command. What takes the better part of the
// command's time, and ends after it, has waited for it.
func (c *running) beside(do func()) {
	start := time.Now()
	do()
	if c.Answered() && time.Since(start) > c.lasts/2 {
		c.t.Fatalf("other operations answered while a command runs", "answers only after the command had ended")
	}
}

// ranOn ends an attempt in which the command ended before the case had done
// everything beside it.
func (c *running) ranOn(ctx context.Context) {
	if c.Answered() {
		c.alive(ctx)
		c.t.Missed("the command had ended before everything was done beside it")
	}
}

// leave waits for the command's end, so that nothing of it is left.
func (c *running) leave(ctx context.Context) { _, _ = c.Try(ctx, 2*c.lasts) }

func pingBeside(ctx context.Context, t *engine.T) {
	t.Given().Ping(ctx, 1)
	c := command(ctx, t, t.Window(3*time.Second))
	for range 3 {
		c.beside(func() { t.Ping(ctx, 1) })
	}
	c.ranOn(ctx)
	c.leave(ctx)
}

func operationsBeside(ctx context.Context, t *engine.T) {
	others(ctx, t.Given(), func(do func()) { do() })
	c := command(ctx, t, t.Window(4*time.Second))
	others(ctx, t, c.beside)
	c.ranOn(ctx)
	c.leave(ctx)
}

// others does the operations that somebody has in mind while a command runs.
func others(ctx context.Context, t *engine.T, beside func(func())) {
	name := t.Path(ctx, "file")
	beside(func() {
		engine.Must[*agentv1.FsWriteResponse](ctx, t, &agentv1.FsWriteRequest{Path: name, Content: []byte("x")})
	})
	beside(func() { engine.EqualBytes(t, "the content", t.Read(ctx, name), []byte("x")) })
	beside(func() { engine.Equal(t, "the exit code", t.Run(ctx, "exit", "0").GetExitCode(), 0) })
}

func heartbeatBeside(ctx context.Context, t *engine.T) {
	watch := t.Instance().Watch
	c := command(ctx, t, heartbeatLoad)
	mark, last := watch.Mark(), time.Now()
	for range heartbeats {
		// Twice the gap is enough to tell a late heartbeat from none.
		limit, cancel := context.WithTimeout(ctx, 2*longGap)
		beat, next, err := watch.Await(limit, mark, wire.IsHeartbeat)
		cancel()
		c.alive(ctx)
		if err != nil {
			t.Fatalf("heartbeats while a command runs", "none")
		}
		t.Check(beat.At.Sub(last) <= longGap, "no gap above 7.5 s between heartbeats while a command runs", "a longer one")
		mark, last = next, beat.At
	}
	c.ranOn(ctx)
}

// terminalInput sends many pieces at once and lets the terminal's child tell
// what arrived.
func terminalInput(ctx context.Context, t *engine.T) {
	given := t.Given()
	var pieces []string
	for i := range 200 {
		pieces = append(pieces, fmt.Sprintf("piece-%04d;", i))
	}
	whole := strings.Join(pieces, "")
	out := t.Path(ctx, "out")
	argv := append([]string{"/bin/sh", "-c", `exec "$0" "$@" > out`}, t.Helper(ctx, "pty-sink", fmt.Sprint(len(whole)))...)
	pty := engine.Must[*agentv1.PtyOpenResponse](ctx, given, &agentv1.PtyOpenRequest{Command: argv, Cwd: t.Dir(ctx)}).GetPtyId()
	t.Cleanup(func(ctx context.Context) { t.Call(ctx, &agentv1.PtyCloseRequest{PtyId: pty}) })
	output := func(ctx context.Context) string {
		content, _ := t.Look(ctx, out)
		return string(content)
	}
	ready := wait.Until(ctx, t.Scale(replyLimit), func(ctx context.Context) bool {
		return strings.Contains(output(ctx), helper.ReadyMarker)
	})
	if !ready {
		given.Fatalf("a program that reads the terminal", "none")
	}

	var writes []*engine.Pending
	for _, data := range append([]string{helper.BeginMarker}, pieces...) {
		writes = append(writes, t.Start(wire.NewRequest(&agentv1.PtyWriteRequest{PtyId: pty, Data: []byte(data)})))
	}
	for _, w := range writes {
		engine.MustOf[*agentv1.PtyWriteResponse](given, w.Response(ctx, t.Scale(replyLimit)))
	}
	var got helper.Digest
	read := wait.Until(ctx, t.Scale(replyLimit), func(ctx context.Context) bool {
		_, report, _ := strings.Cut(output(ctx), helper.ReadyMarker)
		return json.Unmarshal([]byte(report), &got) == nil
	})
	if !read {
		given.Fatalf("a program that read all input", "one that waits for more")
	}
	t.Check(got == helper.DigestOf([]byte(whole)), "the input in its order of arrival", "another order")
}

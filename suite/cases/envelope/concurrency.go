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
			ID:      "envelope.concurrent/heartbeat-beside-a-command",
			Clause:  "envelope.concurrent",
			Explain: "A control plane that misses heartbeats gives the machine's work to another one.",
			Try:     "nats subscribe agent.WS.AGENT.events; fakeagent call exec 'sleep 60'",
			Launch:  &engine.Launch{},
			Idle:    heartbeats * 5 * time.Second,
			Run:     heartbeatBeside,
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

// command starts a command that runs for so long, and checks that it runs
// still when the case has done what it does beside it.
func command(ctx context.Context, t *engine.T, lasts string, beside func()) {
	p := t.Start(wire.NewRequest(&agentv1.ExecRequest{Command: t.Helper(ctx, "sleep", lasts), TimeoutMs: 60_000}))
	beside()
	t.Check(!p.Answered(), "other operations answered while a command runs", "answers only after the command had ended")
}

// during does the same again and again, because the command may begin after
// the first time.
func during(ctx context.Context, beside func()) func() {
	return func() {
		for range 10 {
			beside()
			wait.For(ctx, 20*time.Millisecond)
		}
	}
}

func pingBeside(ctx context.Context, t *engine.T) {
	command(ctx, t, "5s", during(ctx, func() { t.Ping(ctx, 1) }))
}

func operationsBeside(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "file")
	argv := t.Helper(ctx, "exit", "0")
	command(ctx, t, "8s", func() {
		during(ctx, func() {
			engine.Must[*agentv1.FsWriteResponse](ctx, t, &agentv1.FsWriteRequest{Path: name, Content: []byte("x")})
			engine.EqualBytes(t, "the content", t.Read(ctx, name), []byte("x"))
		})()
		engine.Equal(t, "the exit code", t.Exec(ctx, &agentv1.ExecRequest{Command: argv, TimeoutMs: 10_000}).GetExitCode(), 0)
	})
}

func heartbeatBeside(ctx context.Context, t *engine.T) {
	watch := t.Instance().Watch
	command(ctx, t, "50s", func() {
		mark, last := watch.Mark(), time.Now()
		for range heartbeats {
			// Twice the gap is enough to tell a late heartbeat from none.
			limit, cancel := context.WithTimeout(ctx, 2*longGap)
			beat, next, err := watch.Await(limit, mark, wire.IsHeartbeat)
			cancel()
			if err != nil {
				t.Fatalf("heartbeats while a command runs", "none")
			}
			t.Check(beat.At.Sub(last) <= longGap, "no gap above 7.5 s between heartbeats while a command runs", "a longer one")
			mark, last = next, beat.At
		}
	})
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
		if !given.Exists(ctx, out) {
			return ""
		}
		return string(given.Read(ctx, out))
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

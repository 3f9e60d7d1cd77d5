package exec

import (
	"bytes"
	"context"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

// lateBound is how late a timeout may be (exec.timeout).
const lateBound = time.Second

// longLife is how long a command lives that nobody ends: much longer than any
// limit here, and short enough that it does not stay on the machine.
const longLife = "20s"

func timeoutCases() []engine.Case {
	return []engine.Case{
		{
			ID:        "exec.timeout/on-time",
			Clause:    "exec.timeout",
			Needs:     engine.Exec,
			Exclusive: true,
			Explain:   "A caller with a budget of seconds gets its answer when the budget is spent, neither before nor long after.",
			Try:       "time fakeagent call exec --limit 700ms sleep 20",
			Run:       timeoutOnTime,
		},
		{
			ID:      "exec.timeout/result",
			Clause:  "exec.timeout",
			Needs:   engine.Exec,
			Explain: "A timeout is a result with what the caller needs to say so: the flag, no exit code, and a line for people.",
			Try:     "fakeagent call exec --limit 500ms sleep 20; echo $?",
			Run:     timeoutResult,
		},
		{
			ID:      "exec.timeout/not-reached",
			Clause:  "exec.timeout",
			Needs:   engine.Exec,
			Explain: "A limit that was not reached leaves no mark on the result.",
			Try:     "fakeagent call exec --limit 10s true; echo $?",
			Run:     timeoutNotReached,
		},
		{
			ID:      "exec.timeout/command-that-keeps-writing",
			Clause:  "exec.timeout",
			Needs:   engine.Exec,
			Explain: "The limit is for the whole command. Output must not start it anew, or a server that logs never ends.",
			Try:     "fakeagent call exec --limit 1s yes",
			Run:     timeoutWhileWriting,
		},
		{
			ID:      "exec.timeout/command-that-closed-its-output",
			Clause:  "exec.timeout",
			Needs:   engine.Exec,
			Explain: "The end of the output is not the end of the command. A daemon that closes its streams still runs, and its limit still counts.",
			Try:     "fakeagent call exec --limit 1s --argv sh -c 'exec >&- 2>&-; sleep 20'",
			Run:     timeoutOutputClosed,
		},
		{
			ID:      "exec.timeout/command-that-exits-when-told",
			Clause:  "exec.timeout",
			Needs:   engine.Exec,
			Explain: "A command that catches SIGTERM and exits 0 was cut short all the same; its result must not look like success.",
			Try:     `fakeagent call exec --limit 1s --argv sh -c 'trap "exit 0" TERM; sleep 20 & wait'`,
			Run:     timeoutTrapped,
		},
		{
			ID:      "exec.timeout/output-so-far",
			Clause:  "exec.timeout",
			Needs:   engine.Exec,
			Explain: "What had arrived before the timeout may be in the result. It helps to find out where a command hung.",
			Try:     "fakeagent call exec --limit 1s --argv sh -c 'echo before; sleep 20'",
			Run:     timeoutOutputSoFar,
		},
		{
			ID:      "exec.timeout-zero/no-limit",
			Clause:  "exec.timeout-zero",
			Needs:   engine.Exec,
			Idle:    36 * time.Second,
			Explain: "0 leaves the limit to the caller. An agent with a default of 30 s of its own ends every longer build.",
			Try:     "fakeagent call exec sleep 35",
			Run:     timeoutZero,
		},
	}
}

// timeOut runs argv, which never ends by itself, and returns its result, of
// which it checks that the flag and the code of a timeout are there.
func timeOut(ctx context.Context, t *engine.T, limit time.Duration, argv ...string) *agentv1.ExecResponse {
	r := timed(ctx, t, limit, argv...)
	t.Check(r.GetTimedOut(), "a result that is timed out", "one that is not")
	engine.Equal(t, "the exit code", r.GetExitCode(), -1)
	return r
}

// timed runs argv with a limit.
func timed(ctx context.Context, t *engine.T, limit time.Duration, argv ...string) *agentv1.ExecResponse {
	req := command(ctx, t, argv...)
	req.TimeoutMs = uint32(limit.Milliseconds())
	return t.Exec(ctx, req)
}

func timeoutOnTime(ctx context.Context, t *engine.T) {
	const limit = 700 * time.Millisecond
	argv := t.Helper(ctx, "sleep", longLife)
	idle := func() time.Duration {
		start := time.Now()
		t.Given().Run(ctx, "exit", "0")
		return time.Since(start)
	}
	late := overdue(t, limit+lateBound, idle, func() time.Duration {
		start := time.Now()
		timeOut(ctx, t, limit, argv...)
		took := time.Since(start)
		t.Check(took >= limit, "an answer that waits for the limit", "an earlier one")
		return took
	})
	t.Check(!late, "an answer within 1 s after the limit", "a later one")
}

func timeoutResult(ctx context.Context, t *engine.T) {
	r := timeOut(ctx, t, 500*time.Millisecond, t.Helper(ctx, "sleep", longLife)...)
	t.Logf("stderr: %q", r.GetStderr())
	t.Check(bytes.Contains(r.GetStderr(), []byte("timed out")), "stderr that contains “timed out”", "none, or another text")
}

func timeoutNotReached(ctx context.Context, t *engine.T) {
	r := t.Exec(ctx, command(ctx, t, sh("exit 0")...))
	ended(t, r, 0)
	engine.EqualBytes(t, "stderr", r.GetStderr(), nil)
}

func timeoutWhileWriting(ctx context.Context, t *engine.T) {
	// A line every 50 ms for 20 s.
	timeOut(ctx, t, time.Second, t.Helper(ctx, "append-lines", "--every", "50ms", "-", "400")...)
}

func timeoutOutputClosed(ctx context.Context, t *engine.T) {
	timeOut(ctx, t, time.Second, sh(`exec >&- 2>&-; "$@"`, t.Helper(ctx, "sleep", longLife)...)...)
}

func timeoutTrapped(ctx context.Context, t *engine.T) {
	timeOut(ctx, t, time.Second, sh(`trap "exit 0" TERM INT HUP; "$@" & wait`, t.Helper(ctx, "sleep", longLife)...)...)
}

func timeoutOutputSoFar(ctx context.Context, t *engine.T) {
	argv := sh(`echo before; : >written; "$@"; echo after`, t.Helper(ctx, "sleep", longLife)...)
	r := timeOut(ctx, t, t.Window(time.Second), argv...)
	if !ran(ctx, t, "written") {
		t.Missed("the command had written nothing within its limit")
	}
	switch got := said(r); got {
	case "before":
		t.Record("stdout holds what had arrived")
	case "":
		t.Record("stdout is empty")
	default:
		t.Errorf("what the command had written, or nothing", "%q", got)
	}
}

func timeoutZero(ctx context.Context, t *engine.T) {
	req := command(ctx, t, sh(`"$@" && echo done`, t.Helper(ctx, "sleep", "35s")...)...)
	req.TimeoutMs = 0
	r := t.Exec(ctx, req)
	if ended(t, r, 0) {
		engine.Equal(t, "stdout", said(r), "done")
	}
}

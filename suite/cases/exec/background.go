package exec

import (
	"bytes"
	"context"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

const (
	// delayBound is how much later a reply may come because of a background
	// child (exec.background).
	delayBound = time.Second

	// backgroundLife is much longer than the bound, and within what a command
	// may take here, so that an agent that waits for it is seen to do so.
	backgroundLife = "8s"
)

func backgroundCases() []engine.Case {
	return []engine.Case{
		{
			ID:         "exec.background/child",
			Background: true,
			Clause:     "exec.background",
			Needs:      engine.Exec,
			Exclusive:  true,
			Explain:    "“server &” in a script returns at once in every terminal. Through an agent that waits for the pipes it never does.",
			Try:        "time fakeagent call exec --argv sh -c 'sleep 20 & exit 4'",
			Run: func(ctx context.Context, t *engine.T) {
				backgroundDelay(ctx, t, "child")
			},
		},
		{
			ID:         "exec.background/child-in-its-own-session",
			Background: true,
			Clause:     "exec.background",
			Needs:      engine.Exec,
			Exclusive:  true,
			Explain:    "Programs that start a daemon leave it with their stdout open; the command is over all the same.",
			Try:        "time fakeagent call exec --argv sh -c 'setsid sleep 20 & exit 4'",
			Run: func(ctx context.Context, t *engine.T) {
				backgroundDelay(ctx, t, "setsid")
			},
		},
		{
			ID:         "exec.background/child-that-keeps-writing",
			Background: true,
			Clause:     "exec.background",
			Needs:      engine.Exec,
			Exclusive:  true,
			Explain:    "A server that logs into the pipe for ever must not make the reply wait for a pause in its log.",
			Try:        "time fakeagent call exec --argv sh -c 'yes & exit 4'",
			Run: func(ctx context.Context, t *engine.T) {
				backgroundDelay(ctx, t, "child+chatty")
			},
		},
		{
			ID:         "exec.background-fate/recorded",
			Background: true,
			Clause:     "exec.background-fate",
			Needs:      engine.Exec,
			Explain:    "Whether a server started in one command is there for the next differs between agents, and people want to know.",
			Try:        "fakeagent call exec --argv sh -c 'sleep 60 & exit'; ps",
			Run:        backgroundFate,
		},
	}
}

// leaveBehind runs a command that starts a descendant of the kind, exits with
// 4 and leaves it behind. It returns the command's stdout and how long the
// reply took.
func leaveBehind(ctx context.Context, t *engine.T, kind string, flags ...string) ([]byte, time.Duration) {
	args := append([]string{"tree", "--for", backgroundLife, "--exit", "4"}, flags...)
	req := command(ctx, t, t.Helper(ctx, append(args, kind)...)...)
	start := time.Now()
	r := t.Exec(ctx, req)
	took := time.Since(start)
	ended(t, r, 4)
	return r.GetStdout(), took
}

// backgroundDelay compares a command whose child holds the pipes with the same
// command whose child does not.
func backgroundDelay(ctx context.Context, t *engine.T, kind string) {
	plain := func() time.Duration {
		_, took := leaveBehind(ctx, t.Given(), kind)
		return took
	}
	late := overdue(t, delayBound, plain, func() time.Duration {
		stdout, held := leaveBehind(ctx, t, kind, "--hold-stdout")
		t.Check(bytes.Contains(stdout, []byte(`"descendants"`)), "the command's own output", "none of it")
		return held
	})
	t.Check(!late, "a reply at most 1 s after the command ended", "a later one")
}

func backgroundFate(ctx context.Context, t *engine.T) {
	stdout, _ := leaveBehind(ctx, t.Given(), "child", "--hold-stdout")
	tree := engine.Decode[helper.Tree](t, &agentv1.ExecResponse{Stdout: stdout})
	left := engine.Probe[helper.Processes](ctx, t, "alive", "--until-dead", "1s", tree.Descendants[0].Ref())
	if len(left.Living()) == 0 {
		t.Record("a background child ends with its command")
	} else {
		t.Record("a background child lives on")
	}
}

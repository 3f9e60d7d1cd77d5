package exec

import (
	"context"
	"fmt"
	"maps"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wait"
)

func parallelCases() []engine.Case {
	return []engine.Case{
		{
			ID:     "exec.parallel/hundred-at-once",
			Clause: "exec.parallel",
			Needs:  engine.Exec | engine.Filesystem,
			// Where fewer run at once, they wait for the others when the case ends.
			Background: true,
			Explain:    "A test run that fans out starts a hundred commands together. None may fail, starve or get another's output.",
			Try:        "for i in $(seq 100); do fakeagent call exec --argv sh -c 'sleep 2; exit 0' & done; wait",
			Run:        hundredAtOnce,
		},
	}
}

// standstill is how long no further command may start before those that run are
// taken for all that the agent runs at once. Starting a shell takes milliseconds.
const standstill = 5 * time.Second

// hundredAtOnce starts commands that wait for one another: each opens the
// gate, which as a FIFO is open for all, leaves a mark, and goes on when there
// is a line for it. The first one that sees all marks writes a line for everybody,
// so that nothing has to be asked of the agent meanwhile.
func hundredAtOnce(ctx context.Context, t *engine.T) {
	const commands = 100
	const script = `n=$1; exec 3<>gate; : >"started/$n"; set -- started/*
if [ $# -eq 100 ] && (set -C; : >open) 2>/dev/null; then
	i=0; while [ $i -lt 100 ]; do echo; i=$((i+1)); done >&3
fi
read line <&3; echo "$n"; echo "$n" >&2; exit "$n"`
	t.Arrange(ctx, "mkfifo", "gate")
	t.Given().Mkdir(ctx, t.Path(ctx, "started"))

	var pending []*engine.Pending
	for i := range commands {
		pending = append(pending, t.Start(&agentv1.ControlRequest{Op: &agentv1.ControlRequest_Exec{
			Exec: &agentv1.ExecRequest{
				Command: sh(script, fmt.Sprint(i)), Cwd: t.Dir(ctx), TimeoutMs: 60_000,
			},
		}}))
	}
	awaitAll(ctx, t, commands)
	for i, p := range pending {
		resp := p.Response(ctx, t.Scale(30*time.Second))
		r := resp.GetExec()
		want := fmt.Sprintf("%d\n", i)
		if resp.GetError() != nil || r.GetExitCode() != int32(i) || string(r.GetStdout()) != want || string(r.GetStderr()) != want {
			t.Logf("command %d: %v", i, resp)
			t.Errorf("each command's own output and exit code", "another of some command")
			return
		}
	}
}

// awaitAll waits for the marks of all commands as long as further ones come.
func awaitAll(ctx context.Context, t *engine.T, commands int) {
	waiting := make(map[int]bool, commands)
	for i := range commands {
		waiting[i] = true
	}
	for len(waiting) > 0 {
		more := wait.Until(ctx, t.Scale(standstill), func(ctx context.Context) bool {
			before := len(waiting)
			maps.DeleteFunc(waiting, func(i int, _ bool) bool {
				_, there := t.Look(ctx, t.Path(ctx, "started", fmt.Sprint(i)))
				return there
			})
			return len(waiting) < before
		})
		if !more {
			// Those that run wait at the gate until they are killed.
			t.Fatalf("100 commands that run at once", "fewer")
		}
	}
}

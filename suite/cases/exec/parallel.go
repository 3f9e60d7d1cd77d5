package exec

import (
	"context"
	"fmt"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wait"
)

func parallelCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "exec.parallel/hundred-at-once",
			Clause:  "exec.parallel",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A test run that fans out starts a hundred commands together. None may fail, starve or get another's output.",
			Try:     "for i in $(seq 100); do fakeagent call exec --argv sh -c 'sleep 2; exit 0' & done; wait",
			Run:     hundredAtOnce,
		},
	}
}

// startLimit is ample for a hundred shells on a machine that does other things
// as well.
const startLimit = 15 * time.Second

// hundredAtOnce starts commands that wait for one another: each opens the
// gate, which as a FIFO is open for all, leaves a mark, and goes on when there
// is a line for it.
func hundredAtOnce(ctx context.Context, t *engine.T) {
	const commands = 100
	given := t.Given()
	ended(given, given.Run(ctx, "mkfifo", "gate"), 0)
	given.Mkdir(ctx, t.Path(ctx, "started"))

	var pending []*engine.Pending
	for i := range commands {
		pending = append(pending, t.Start(&agentv1.ControlRequest{Op: &agentv1.ControlRequest_Exec{
			Exec: &agentv1.ExecRequest{
				Command: sh(`exec 3<>gate; : >"started/$1"; read line <&3; echo "$1"; echo "$1" >&2; exit "$1"`, fmt.Sprint(i)),
				Cwd:     t.Dir(ctx), TimeoutMs: uint32(2 * startLimit.Milliseconds()),
			},
		}}))
	}
	all := wait.Until(ctx, t.Scale(startLimit), func(ctx context.Context) bool {
		return len(given.List(ctx, t.Path(ctx, "started"), false)) == commands
	})
	if !all {
		// Those that run wait at the gate until their limit.
		t.Fatalf("100 commands that run at once", "fewer")
	}
	ended(given, given.Exec(ctx, command(ctx, t, sh(`i=0; while [ $i -lt 100 ]; do echo; i=$((i+1)); done >gate`)...)), 0)
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

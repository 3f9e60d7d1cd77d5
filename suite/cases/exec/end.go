package exec

import (
	"context"
	"fmt"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func endCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "exec.exit-code/as-the-command-set-it",
			Clause:  "exec.exit-code",
			Needs:   engine.Exec,
			Explain: "grep's 1 and git's 128 are answers. The caller needs the number, over the whole range.",
			Try:     "fakeagent call exec --argv sh -c 'exit 255'; echo $?",
			Run:     exitCodes,
		},
		{
			ID:      "exec.exit-code/shell-that-finds-nothing",
			Clause:  "exec.exit-code",
			Needs:   engine.Exec,
			Explain: "When the shell itself runs, a name that it cannot find is the shell's result and no error of the request.",
			Try:     "fakeagent call exec no-such-program; echo $?",
			Run:     shellFindsNothing,
		},
		{
			ID:      "exec.signal/minus-one",
			Clause:  "exec.signal",
			Needs:   engine.Exec,
			Explain: "A command that was killed or crashed has no exit code; 137 or 0 would be a code that it could have had.",
			Try:     "fakeagent call exec --argv sh -c 'kill -9 $$'",
			Run:     diesOfSignal,
		},
		{
			ID:      "exec.signal/output-kept",
			Clause:  "exec.signal",
			Needs:   engine.Exec,
			Explain: "What a command said before it crashed is the best clue to why.",
			Try:     "fakeagent call exec --argv sh -c 'echo last words; kill -9 $$'",
			Run:     lastWords,
		},
		{
			ID:      "exec.duration/of-a-command-that-sleeps",
			Clause:  "exec.duration",
			Needs:   engine.Exec,
			Explain: "Durations are compared and charged. One in another unit, or of something else than the command, misleads.",
			Try:     "an exec of sleep 0.3 through any NATS client; read duration_ms",
			Run:     sleepDuration,
		},
		{
			ID:      "exec.duration/of-a-command-that-ends-at-once",
			Clause:  "exec.duration",
			Needs:   engine.Exec,
			Explain: "A command cannot have run longer than its caller waited for it.",
			Try:     "an exec of true through any NATS client; read duration_ms",
			Run:     shortDuration,
		},
		{
			ID:      "exec.duration/of-a-command-that-times-out",
			Clause:  "exec.duration",
			Needs:   engine.Exec,
			Explain: "A command that was ended has a duration as well: the time that it was given.",
			Try:     "an exec of sleep 20 with timeout_ms 400 through any NATS client; read duration_ms",
			Run:     timeoutDuration,
		},
	}
}

func exitCodes(ctx context.Context, t *engine.T) {
	for _, code := range []int32{0, 1, 2, 126, 127, 128, 137, 255} {
		r := t.Exec(ctx, command(ctx, t, sh(fmt.Sprintf("exit %d", code))...))
		ended(t, r, code)
	}
}

func shellFindsNothing(ctx context.Context, t *engine.T) {
	r := t.Exec(ctx, shellCommand(ctx, t, "agentproof-no-such-program"))
	t.Check(r.GetExitCode() > 0, "the shell's own exit code", "%d", r.GetExitCode())
}

func diesOfSignal(ctx context.Context, t *engine.T) {
	for _, signal := range []string{"KILL", "TERM", "SEGV"} {
		r := t.Exec(ctx, command(ctx, t, t.Helper(ctx, "signal", signal)...))
		engine.Equal(t, "the exit code after "+signal, r.GetExitCode(), -1)
		t.Check(!r.GetTimedOut(), "a result that is not timed out", "one that is")
	}
}

func lastWords(ctx context.Context, t *engine.T) {
	const words = `echo out; echo err >&2`
	before := t.Given().Exec(ctx, command(ctx, t, sh(words)...))
	r := t.Exec(ctx, command(ctx, t, sh(words+`; kill -9 $$`)...))
	engine.Equal(t, "the exit code", r.GetExitCode(), -1)
	engine.Equal(t, "stdout as of a command that ends by itself,", string(r.GetStdout()), string(before.GetStdout()))
	engine.Equal(t, "stderr as of a command that ends by itself,", string(r.GetStderr()), string(before.GetStderr()))
}

func sleepDuration(ctx context.Context, t *engine.T) {
	const life = 300 * time.Millisecond
	durationBetween(ctx, t, command(ctx, t, t.Helper(ctx, "sleep", life.String())...), life)
}

func shortDuration(ctx context.Context, t *engine.T) {
	durationBetween(ctx, t, command(ctx, t, sh("exit 0")...), 0)
}

func timeoutDuration(ctx context.Context, t *engine.T) {
	const limit = 400 * time.Millisecond
	req := command(ctx, t, t.Helper(ctx, "sleep", "20s")...)
	req.TimeoutMs = uint32(limit.Milliseconds())
	r := durationBetween(ctx, t, req, limit)
	t.Check(r.GetTimedOut(), "a result that is timed out", "one that is not")
}

// durationBetween runs req, which lives at least that long, and checks the
// duration against that and against the caller's clock.
func durationBetween(ctx context.Context, t *engine.T, req *agentv1.ExecRequest, life time.Duration) *agentv1.ExecResponse {
	const tolerance = 20 * time.Millisecond // the clause's
	start := time.Now()
	r := t.Exec(ctx, req)
	took := time.Since(start)
	got := time.Duration(r.GetDurationMs()) * time.Millisecond
	t.Logf("duration_ms says %v, the caller measured %v", got, took)
	t.Check(got >= life-tolerance, "a duration_ms no shorter than the command's life", "a shorter one")
	t.Check(got <= took+tolerance, "a duration_ms no longer than the caller waited", "a longer one")
	return r
}

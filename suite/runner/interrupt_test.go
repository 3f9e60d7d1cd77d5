package runner_test

import (
	"context"
	"errors"
	"testing"

	"agentproof/suite/engine"
	"agentproof/suite/runner"
	"agentproof/suite/verdict"
)

func TestAnInterruptedRunAccountsForEveryCase(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancelCause(t.Context())
	defer interrupt(nil)
	why := errors.New("somebody pressed a key")
	opts := options(t, pong,
		engine.Case{ID: "ping.nonce/first", Exclusive: true, Run: func(context.Context, *engine.T) {}},
		engine.Case{ID: "ping.nonce/second", Exclusive: true, Run: func(_ context.Context, t *engine.T) {
			interrupt(why)
			t.Errorf("a fault of the interruption", "another")
		}},
		engine.Case{ID: "ping.nonce/third", Exclusive: true, Run: func(context.Context, *engine.T) { panic("it ran") }},
		engine.Case{ID: "pty.open/opens", Clause: "pty.open", Run: func(context.Context, *engine.T) { panic("it ran") }},
	)
	opts.Selection.Skip = []string{"pty"}
	var last runner.Progress
	opts.Progress = func(p runner.Progress) { last = p }
	rep, err := runner.Run(ctx, opts)
	if !errors.Is(err, runner.ErrInterrupted) || !errors.Is(err, why) {
		t.Fatalf("err = %v", err)
	}
	var got []verdict.Status
	for _, res := range rep.Results {
		got = append(got, res.Status)
		if res.Status == verdict.Interrupted && (res.Reason == "" || len(res.Failures) > 0) {
			t.Errorf("%s says %q and %v", res.ID, res.Reason, res.Failures)
		}
	}
	want := []verdict.Status{verdict.Pass, verdict.Interrupted, verdict.Interrupted, verdict.NotSelected}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if rep.Verdict() != verdict.Incomplete || rep.ExitCode() != 3 || rep.Certifies() {
		t.Errorf("verdict %s, exit code %d, certifies: %v", rep.Verdict(), rep.ExitCode(), rep.Certifies())
	}
	if len(last.Running) > 0 {
		t.Errorf("%v never ended", last.Running)
	}
}

// What was broken before stays broken, and the exit code still says that there
// is more to know.
func TestAnInterruptedRunKeepsItsFailures(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	opts := options(t, pong,
		engine.Case{ID: "ping.nonce/first", Exclusive: true, Run: func(_ context.Context, t *engine.T) { t.Errorf("this", "that") }},
		engine.Case{ID: "ping.nonce/second", Exclusive: true, Run: func(context.Context, *engine.T) { interrupt() }},
	)
	rep, err := runner.Run(ctx, opts)
	if !errors.Is(err, runner.ErrInterrupted) {
		t.Fatalf("err = %v", err)
	}
	if rep.Verdict() != verdict.NotConformant || rep.ExitCode() != 3 || rep.Totals[verdict.Interrupted] != 1 {
		t.Errorf("verdict %s, exit code %d, %v", rep.Verdict(), rep.ExitCode(), rep.Totals)
	}
}

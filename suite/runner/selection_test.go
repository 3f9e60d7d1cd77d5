package runner_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"agentproof/suite/engine"
	"agentproof/suite/runner"
	"agentproof/suite/verdict"
)

func TestARunOfASelectionAccountsForTheOthers(t *testing.T) {
	t.Parallel()
	nothing := func(context.Context, *engine.T) {}
	opts := options(t, pong,
		engine.Case{ID: "ping.nonce/echoed", Run: nothing},
		engine.Case{ID: "ping.monotonic/steady", Clause: "ping.monotonic", Run: nothing},
		engine.Case{ID: "pty.open/opens", Clause: "pty.open", Run: func(context.Context, *engine.T) { panic("it ran") }},
	)
	opts.Selection = verdict.Selection{Cases: []string{"ping.**"}}
	rep := run(t, opts)
	if rep.Totals[verdict.Pass] != 2 || rep.Totals[verdict.NotSelected] != 1 || rep.Results[2].Status != verdict.NotSelected {
		t.Errorf("got %v", rep.Totals)
	}
	if rep.Certifies() {
		t.Error("a filtered run certifies")
	}
}

func TestASelectionThatCannotBeRunIsNoReport(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sel  verdict.Selection
		want error // nil for one that says what is wrong with the selection
	}{
		"one that leaves nothing": {verdict.Selection{Cases: []string{"pong.**"}}, runner.ErrNothingSelected},
		"one that is wrong":       {verdict.Selection{Profiles: []string{"gold"}}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := options(t, pong, engine.Case{ID: "ping.nonce/tried", Run: func(context.Context, *engine.T) {}})
			opts.Selection = tc.sel
			_, err := runner.Run(t.Context(), opts)
			if tc.want != nil && !errors.Is(err, tc.want) || tc.want == nil && (err == nil || !strings.Contains(err.Error(), `no profile "gold"`)) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

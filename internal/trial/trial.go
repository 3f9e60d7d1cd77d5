// Package trial shows that conformance cases can fail: it runs them against
// the reference agent with one fault in it. A test that uses it calls
// helper.Intercept in its TestMain.
package trial

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"agentproof/agent"
	"agentproof/agent/fault"
	"agentproof/docs/spec"
	"agentproof/internal/bundled"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/runner"
	"agentproof/suite/verdict"
)

// atOnce is how many trials run side by side. Most of them wait for time to
// pass, which is why they are more than processors.
const atOnce = 4

// A Mutant is the reference agent with one fault.
type Mutant = fault.Mutant

// Noticed runs each mutant against its case, which must fail for the mutant's
// reason. What cannot be tested here is skipped. Several run at once, so a
// test that calls it need not be parallel: cases that measure must not be
// disturbed by more.
func Noticed(t *testing.T, cases []engine.Case, mutants []Mutant) {
	t.Helper()
	slots := make(chan struct{}, atOnce)
	verdicts := make([]chan outcome, len(mutants))
	for i, m := range mutants {
		verdicts[i] = make(chan outcome, 1)
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			res, err := run(t.Context(), cases, m)
			verdicts[i] <- outcome{res, err}
		}()
	}
	for i, m := range mutants {
		v := <-verdicts[i]
		t.Run("the agent "+m.Name, func(t *testing.T) { v.judge(t, m) })
	}
}

type outcome struct {
	verdict.Result
	err error
}

func (v outcome) judge(t *testing.T, m Mutant) {
	switch {
	case v.err != nil:
		t.Error(v.err)
	case v.Status == verdict.Untestable, v.Status == verdict.NotClaimed:
		t.Skip(v.Reason)
	case v.Status != verdict.Fail && v.Status != verdict.Warn:
		t.Errorf("%s is %s, not noticed: %s", v.ID, v.Status, v.Reason)
	case !strings.Contains(v.Reason, m.Says):
		t.Errorf("%s fails for another reason than %q: %s", v.ID, m.Says, v.Reason)
	}
}

// run gives the mutant's case its verdict.
func run(ctx context.Context, cases []engine.Case, m Mutant) (verdict.Result, error) {
	report, err := judge(ctx, cases, verdict.Selection{Cases: []string{m.Case}}, m)
	if err != nil {
		return verdict.Result{}, fmt.Errorf("run %s: %w", m.Case, err)
	}
	i := slices.IndexFunc(report.Results, func(r verdict.Result) bool { return r.ID == m.Case })
	if i < 0 {
		return verdict.Result{}, fmt.Errorf("there is no case %q", m.Case)
	}
	return report.Results[i], nil
}

// Tolerated runs the cases of a selection against a mutant that breaks no more
// than its own case: the others must pass.
func Tolerated(t *testing.T, cases []engine.Case, s verdict.Selection, m Mutant) {
	t.Helper()
	report, err := judge(t.Context(), cases, s, m)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.ID == m.Case {
			outcome{Result: r}.judge(t, m)
		} else if r.Status == verdict.Fail || r.Status == verdict.Warn || r.Status == verdict.Blocked {
			t.Errorf("%s is %s: %s", r.ID, r.Status, r.Reason)
		}
	}
}

// judge runs the selected cases against a mutant.
func judge(ctx context.Context, cases []engine.Case, s verdict.Selection, m Mutant) (*verdict.Report, error) {
	clauses, err := spec.Load()
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the helper program: %w", err)
	}
	return runner.Run(ctx, runner.Options{
		Spec: clauses, Cases: cases, Selection: s, HelperProgram: program,
		Subject: bundled.Mutated(m), TimeoutScale: m.Scale,
	})
}

// Before is fault.Before.
func Before(edit func(*agentv1.ControlRequest)) agent.Middleware { return fault.Before(edit) }

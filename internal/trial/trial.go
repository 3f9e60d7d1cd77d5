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
	"agentproof/docs/spec"
	"agentproof/internal/bundled"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/subject"
)

// atOnce is how many trials run side by side. Most of them wait for time to
// pass, which is why they are more than processors.
const atOnce = 4

// A Mutant is the reference agent with one fault.
type Mutant struct {
	// Name says what is wrong, as a sentence's end: "the agent …".
	Name string
	// Case is the id of the case that must notice.
	Case string
	// Says is part of the reason that the case must give.
	Says string
	// Fault, when set, changes how the agent answers.
	Fault agent.Middleware
	// Config, when set, changes how the agent is made: what it is told, and
	// the raw messages that it takes and sends.
	Config func(*agent.Config)
	// Scale is that of the harness's limits, for what shows in nothing coming;
	// 0 means 1.
	Scale float64
}

// Noticed runs each mutant against its case, which must fail for the mutant's
// reason. What cannot be tested here is skipped. Several run at once, so a
// test that calls it need not be parallel: cases that measure must not be
// disturbed by more.
func Noticed(t *testing.T, cases []engine.Case, mutants []Mutant) {
	t.Helper()
	slots := make(chan struct{}, atOnce)
	verdicts := make([]chan verdict, len(mutants))
	for i, m := range mutants {
		verdicts[i] = make(chan verdict, 1)
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			res, err := run(t.Context(), cases, m)
			verdicts[i] <- verdict{res, err}
		}()
	}
	for i, m := range mutants {
		v := <-verdicts[i]
		t.Run("the agent "+m.Name, func(t *testing.T) { v.judge(t, m) })
	}
}

type verdict struct {
	engine.Result
	err error
}

func (v verdict) judge(t *testing.T, m Mutant) {
	switch {
	case v.err != nil:
		t.Error(v.err)
	case v.Status == engine.Untestable, v.Status == engine.NotClaimed:
		t.Skip(v.Reason)
	case v.Status != engine.Fail && v.Status != engine.Warn:
		t.Errorf("%s is %s, not noticed: %s", v.ID, v.Status, v.Reason)
	case !strings.Contains(v.Reason, m.Says):
		t.Errorf("%s fails for another reason than %q: %s", v.ID, m.Says, v.Reason)
	}
}

// run gives the mutant's case its verdict.
func run(ctx context.Context, cases []engine.Case, m Mutant) (engine.Result, error) {
	report, err := judge(ctx, cases, engine.Selection{Cases: []string{m.Case}}, m)
	if err != nil {
		return engine.Result{}, fmt.Errorf("run %s: %w", m.Case, err)
	}
	i := slices.IndexFunc(report.Results, func(r engine.Result) bool { return r.ID == m.Case })
	if i < 0 {
		return engine.Result{}, fmt.Errorf("there is no case %q", m.Case)
	}
	return report.Results[i], nil
}

// Tolerated runs the cases of a selection against a mutant that breaks no more
// than its own case: the others must pass.
func Tolerated(t *testing.T, cases []engine.Case, s engine.Selection, m Mutant) {
	t.Helper()
	report, err := judge(t.Context(), cases, s, m)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.ID == m.Case {
			verdict{Result: r}.judge(t, m)
		} else if r.Status == engine.Fail || r.Status == engine.Warn || r.Status == engine.Blocked {
			t.Errorf("%s is %s: %s", r.ID, r.Status, r.Reason)
		}
	}
}

// judge runs the selected cases against a mutant.
func judge(ctx context.Context, cases []engine.Case, s engine.Selection, m Mutant) (*engine.Report, error) {
	clauses, err := spec.Load()
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the helper program: %w", err)
	}
	serve := func(ctx context.Context, env engine.Environment) error {
		cfg := bundled.Config(env)
		if m.Fault != nil {
			cfg.Middleware = []agent.Middleware{m.Fault}
		}
		if m.Config != nil {
			m.Config(&cfg)
		}
		a, err := agent.New(cfg)
		if err != nil {
			return err
		}
		return a.Run(ctx)
	}
	return engine.Run(ctx, engine.Options{
		Spec: clauses, Cases: cases, Selection: s, HelperProgram: program,
		Subject: subject.InProcess("a trial", serve), TimeoutScale: m.Scale,
	})
}

// Before changes requests before the agent looks at them.
func Before(edit func(*agentv1.ControlRequest)) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			edit(req)
			return next(ctx, req)
		}
	}
}

// After changes responses before they are sent.
func After(edit func(*agentv1.ControlRequest, *agentv1.ControlResponse)) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			resp := next(ctx, req)
			edit(req, resp)
			return resp
		}
	}
}

// Recode answers errors of one code with another.
func Recode(from, to agentv1.ErrorCode) agent.Middleware {
	return After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if resp.GetError().GetCode() == from && resp.GetError() != nil {
			resp.Error.Code = to
		}
	})
}

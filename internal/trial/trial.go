// Package trial shows that conformance cases can fail: it runs them against
// the reference agent with one fault in it. A test that uses it calls
// helper.Intercept in its TestMain.
package trial

import (
	"context"
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
}

// Noticed runs each mutant against its case.
func Noticed(t *testing.T, cases []engine.Case, mutants []Mutant) {
	for _, m := range mutants {
		t.Run("the agent "+m.Name, func(t *testing.T) {
			t.Parallel()
			res := run(t, cases, m)
			switch {
			case res.Status == engine.Untestable || res.Status == engine.NotClaimed:
				t.Skip(res.Reason)
			case res.Status != engine.Fail && res.Status != engine.Warn:
				t.Errorf("%s is %s, not noticed: %s", res.ID, res.Status, res.Reason)
			case !strings.Contains(res.Reason, m.Says):
				t.Errorf("%s fails for another reason than %q: %s", res.ID, m.Says, res.Reason)
			}
		})
	}
}

// run returns the verdict of the mutant's case.
func run(t *testing.T, cases []engine.Case, m Mutant) engine.Result {
	t.Helper()
	clauses, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
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
	report, err := engine.Run(t.Context(), engine.Options{
		Spec: clauses, Cases: cases, Selection: engine.Selection{Cases: []string{m.Case}}, HelperProgram: program,
		Subject: subject.InProcess("a trial", serve),
	})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(report.Results, func(r engine.Result) bool { return r.ID == m.Case })
	if i < 0 {
		t.Fatalf("there is no case %q", m.Case)
	}
	return report.Results[i]
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

package runner

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/verdict"
)

func (r *runner) newResult(c *engine.Case) *verdict.Result {
	return &verdict.Result{
		ID: c.ID, Clause: c.Clause, Level: r.level(c), Area: c.Area(), Profile: c.Profile(), Explain: c.Explain, Try: c.Try,
	}
}

func (r *runner) newReport() *verdict.Report {
	suite := verdict.NewSuiteInfo(engine.Infos(r.opts.Cases))
	suite.Strength = r.opts.Strength
	return &verdict.Report{
		Subject:   verdict.SubjectInfo{Name: r.opts.Subject.Name},
		Suite:     suite,
		Revision:  r.opts.Revision,
		Selection: r.opts.Selection,
		Started:   time.Now(),
	}
}

// describe fills in what the agent said of itself; hello may be nil.
func describe(s *verdict.SubjectInfo, hello *agentv1.Hello) {
	if hello == nil {
		return
	}
	s.Version = hello.GetAgentVersion()
	s.OS = enumName(hello.GetOs().String(), "OS_")
	s.Arch = enumName(hello.GetArch().String(), "ARCH_")
}

func enumName(name, prefix string) string { return strings.ToLower(strings.TrimPrefix(name, prefix)) }

// finish makes the sums. They are asserted: a case without a verdict is a bug
// of the runner and must never pass for one that ran.
func finish(r *verdict.Report, results map[string]*verdict.Result) {
	r.Took = time.Since(r.Started)
	for _, res := range results {
		r.Results = append(r.Results, *res)
	}
	slices.SortFunc(r.Results, func(a, b verdict.Result) int { return cmp.Compare(a.ID, b.ID) })
	if sum := r.Sum(); sum != r.Suite.Cases {
		panic(fmt.Sprintf("runner: the statuses sum to %d, there are %d cases", sum, r.Suite.Cases))
	}
}

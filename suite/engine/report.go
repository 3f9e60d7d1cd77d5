package engine

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/verdict"
)

func (r *runner) newResult(c *Case) *verdict.Result {
	return &verdict.Result{
		ID: c.ID, Clause: c.Clause, Level: r.level(c), Area: c.Area(), Profile: c.Profile(), Explain: c.Explain, Try: c.Try,
	}
}

func (r *runner) newReport() *verdict.Report {
	suite := verdict.NewSuiteInfo(Infos(r.opts.Cases))
	suite.Strength = r.opts.Strength
	return &verdict.Report{
		Subject:   verdict.SubjectInfo{Name: r.opts.Subject.Name},
		Suite:     suite,
		Revision:  r.opts.Revision,
		Selection: r.opts.Selection,
		Started:   time.Now(),
	}
}

// describe fills in what the agent said of itself; there may be none.
func describe(s *verdict.SubjectInfo, inst *Instance) {
	if inst == nil {
		return
	}
	hello := inst.Hello()
	if hello == nil {
		return
	}
	s.Version = hello.GetAgentVersion()
	s.OS = enumName(hello.GetOs().String(), "OS_")
	s.Arch = enumName(hello.GetArch().String(), "ARCH_")
}

func enumName(name, prefix string) string { return strings.ToLower(strings.TrimPrefix(name, prefix)) }

// finish makes the sums. They are asserted: a case without a verdict is a bug
// of the engine and must never pass for one that ran.
func finish(r *verdict.Report, results map[string]*verdict.Result) {
	r.Took = time.Since(r.Started)
	for _, res := range results {
		r.Results = append(r.Results, *res)
	}
	slices.SortFunc(r.Results, func(a, b verdict.Result) int { return cmp.Compare(a.ID, b.ID) })
	if sum := r.Sum(); sum != r.Suite.Cases {
		panic(fmt.Sprintf("engine: the statuses sum to %d, there are %d cases", sum, r.Suite.Cases))
	}
}

// verdict is the status so far; empty for a case with nothing to report.
func (st *state) verdict() verdict.Status {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.status
}

// fill turns what a case left behind into its result.
func (st *state) fill(res *verdict.Result, level spec.Level) {
	st.mu.Lock()
	defer st.mu.Unlock()
	res.Status, res.Reason = st.status, st.reason
	switch {
	case st.status == "", st.status == verdict.Fail && level == spec.May:
		res.Status = verdict.Pass
	case st.status == verdict.Fail && level != spec.Must:
		res.Status = verdict.Warn
	}
	res.Failures, res.Notes, res.Exchanges, res.Output = st.failures, st.notes, st.rec.exchanges(), st.output
	res.Overran, res.Screenshot = st.overran, st.screenshot
}

// passwordOf is the password in a URL, empty if there is none.
func passwordOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	password, _ := u.User.Password()
	return password
}

// redactURL is a URL without its password.
func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the broker"
	}
	return u.Redacted()
}

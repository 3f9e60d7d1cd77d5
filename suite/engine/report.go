package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"agentproof/docs/spec"
)

// Report accounts for every case of a suite against one subject.
type Report struct {
	Subject   SubjectInfo
	Suite     SuiteInfo
	Revision  string
	Selection Selection
	Results   []Result // sorted by case id
	Totals    map[Status]int
	Profiles  []ProfileResult
	// Baseline is what a file of known failures had to say; nil without one.
	Baseline *Baseline
	Started  time.Time
	Took     time.Duration
}

// SubjectInfo is what the subject says of itself.
type SubjectInfo struct {
	Name    string
	Version string
	OS      string
	Arch    string
}

// SuiteInfo names the set of cases.
type SuiteInfo struct {
	Cases  int
	Digest string // of the ids and clauses of all cases
	// Strength is nil where nobody measured it.
	Strength *Strength
}

// Strength is how many of the declared faults the suite notices: what its green
// is worth.
type Strength struct {
	Killed   int `json:"killed"`
	Declared int `json:"declared"`
}

// Result is the verdict on one case.
type Result struct {
	ID      string
	Clause  string
	Level   spec.Level
	Area    string
	Profile string
	Status  Status
	// Reason is the same in every run of the same subject.
	Reason string
	// Baselined is set when a baseline has an entry for this failure, and Issue
	// is where the entry says that it is tracked.
	Baselined bool
	Issue     string

	// What follows is for the person who reads a failure.
	Failures  []Failure
	Notes     []string
	Exchanges []Exchange
	Output    string // what the agent printed
	// Screenshot is a PNG of the agent's screen, taken when a case that looks
	// at it had failed.
	Screenshot []byte
	Took       time.Duration
	// Overran is set for a case that its deadline ended.
	Overran bool
	Explain string // why somebody cares
	Try     string // how to see it by hand; may be empty
	// Transcript is where the case's transcript was kept, as Options.Transcript
	// said; empty where none was.
	Transcript string
}

// The results of a profile or a run.
const (
	Conformant    = "conformant"
	NotConformant = "not-conformant"
	Incomplete    = "incomplete" // a MUST could not be judged
)

// ProfileResult is the verdict on one profile.
type ProfileResult struct {
	Name   string
	Result string // a constant above, or string(NotClaimed) or string(NotSelected)
}

func (r *runner) newResult(c *Case) *Result {
	return &Result{
		ID: c.ID, Clause: c.Clause, Level: r.level(c), Area: c.Area(), Profile: c.Profile(), Explain: c.Explain, Try: c.Try,
	}
}

func (r *runner) newReport() *Report {
	suite := NewSuiteInfo(r.opts.Cases)
	suite.Strength = r.opts.Strength
	return &Report{
		Subject:   SubjectInfo{Name: r.opts.Subject.Name},
		Suite:     suite,
		Revision:  r.opts.Revision,
		Selection: r.opts.Selection,
		Started:   time.Now(),
	}
}

// NewSuiteInfo names a set of cases by their ids and clauses, in any order.
func NewSuiteInfo(cases []Case) SuiteInfo {
	sum := sha256.New()
	ids := make([]string, 0, len(cases))
	for i := range cases {
		ids = append(ids, cases[i].ID+" "+cases[i].Clause+"\n")
	}
	slices.Sort(ids)
	for _, id := range ids {
		sum.Write([]byte(id))
	}
	return SuiteInfo{Cases: len(ids), Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil))}
}

// describe fills in what the agent said of itself; there may be none.
func (r *Report) describe(inst *Instance) {
	if inst == nil {
		return
	}
	hello := inst.Hello()
	if hello == nil {
		return
	}
	r.Subject.Version = hello.GetAgentVersion()
	r.Subject.OS = enumName(hello.GetOs().String(), "OS_")
	r.Subject.Arch = enumName(hello.GetArch().String(), "ARCH_")
}

func enumName(name, prefix string) string { return strings.ToLower(strings.TrimPrefix(name, prefix)) }

// finish makes the sums. They are asserted: a case without a verdict is a bug
// of the engine and must never pass for one that ran.
func (r *Report) finish(results map[string]*Result) {
	r.Took = time.Since(r.Started)
	for _, res := range results {
		r.Results = append(r.Results, *res)
	}
	slices.SortFunc(r.Results, func(a, b Result) int { return cmp.Compare(a.ID, b.ID) })
	if sum := r.Sum(); sum != r.Suite.Cases {
		panic(fmt.Sprintf("engine: the statuses sum to %d, there are %d cases", sum, r.Suite.Cases))
	}
}

// Sum derives the totals and the profiles from the results. It returns how many
// of them have a status that there is.
func (r *Report) Sum() int {
	r.Totals, r.Profiles = make(map[Status]int), nil
	for _, res := range r.Results {
		r.Totals[res.Status]++
	}
	for _, name := range append(Profiles(), ProfileRelay) {
		if res, ok := r.profile(name); ok {
			r.Profiles = append(r.Profiles, ProfileResult{Name: name, Result: res})
		}
	}
	sum := 0
	for _, s := range Statuses() {
		sum += r.Totals[s]
	}
	return sum
}

// profile judges the cases of one profile; false when it has none.
func (r *Report) profile(name string) (string, bool) {
	var cases []Result
	for _, res := range r.Results {
		if res.Profile == name {
			cases = append(cases, res)
		}
	}
	if len(cases) == 0 {
		return "", false
	}
	verdict := judge(cases)
	if verdict == Conformant && !claimed(name, cases) {
		verdict = string(NotClaimed)
	}
	return verdict, true
}

// claimed tells whether the subject offers what a profile is about. A few cases
// of each profile judge the agents that do not; keeping those is no profile.
func claimed(profile string, cases []Result) bool {
	core := map[string]string{ProfileTerminal: "pty.open", ProfileDesktop: "desktop.ensure"}[profile]
	return !slices.ContainsFunc(cases, func(res Result) bool { return res.Clause == core && res.Status == NotClaimed })
}

// judge weighs MUST clauses alone: a SHOULD that is broken or could not be
// tried is shown, and does not decide. A harness error always does.
func judge(cases []Result) string {
	n := make(map[Status]int)
	for _, res := range cases {
		if res.Level == spec.Must || res.Status == HarnessError {
			n[res.Status]++
		}
	}
	switch {
	case n[Fail] > 0:
		return NotConformant
	case n[Blocked]+n[Untestable]+n[HarnessError] > 0:
		return Incomplete
	case n[NotSelected] > 0 && n[Pass] == 0:
		return string(NotSelected)
	case n[NotSelected] > 0:
		return Incomplete
	case n[Pass] == 0 && n[NotClaimed] > 0:
		return string(NotClaimed)
	default:
		return Conformant
	}
}

// Verdict judges the cases that were selected, over all profiles.
func (r *Report) Verdict() string {
	selected := slices.DeleteFunc(slices.Clone(r.Results), func(res Result) bool { return res.Status == NotSelected })
	return judge(selected)
}

// Certifies tells whether the report could back a certificate: conformant,
// unfiltered and without a baseline.
func (r *Report) Certifies() bool {
	return !r.Selection.Filtered() && r.Baseline == nil && r.Verdict() == Conformant
}

// ExitCode is the documented status of a program that made this report: 0
// conformant, or all that keeps it from that is in a baseline; 1 a MUST is
// broken, 3 a harness error, 4 only the baseline is wrong, 5 selected cases
// could not run.
func (r *Report) ExitCode() int {
	// What a baseline has an entry for is the baseline's to judge.
	rest := slices.DeleteFunc(slices.Clone(r.Results), func(res Result) bool { return res.Status == NotSelected || res.Baselined })
	verdict := judge(rest)
	switch {
	case verdict == NotConformant:
		return 1
	case r.Totals[HarnessError] > 0:
		return 3
	case verdict != Conformant:
		return 5
	case r.Baseline != nil && len(r.Baseline.Problems) > 0:
		return 4
	default:
		return 0
	}
}

// verdict is the status so far; empty for a case with nothing to report.
func (st *state) verdict() Status {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.status
}

// fill turns what a case left behind into its result.
func (st *state) fill(res *Result, level spec.Level) {
	st.mu.Lock()
	defer st.mu.Unlock()
	res.Status, res.Reason = st.status, st.reason
	switch {
	case st.status == "", st.status == Fail && level == spec.May:
		res.Status = Pass
	case st.status == Fail && level != spec.Must:
		res.Status = Warn
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

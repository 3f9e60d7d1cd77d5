package verdict

import (
	"slices"
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
	// Target is how the run was led to its subject: the arguments that a command
	// line needs beside those that select cases, without secrets. It is empty for
	// the bundled agent, and nil where no command line leads there.
	Target  []string
	Started time.Time
	Took    time.Duration
}

// SubjectInfo is what the subject says of itself.
type SubjectInfo struct {
	Name    string
	Version string
	OS      string
	Arch    string
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

// claimed reports whether the subject offers what a profile is about. A few
// cases of each profile judge the agents that do not; keeping those is no profile.
func claimed(profile string, cases []Result) bool {
	clause, optional := map[string]string{ProfileTerminal: "pty.open", ProfileDesktop: "desktop.ensure"}[profile]
	return !optional || !slices.ContainsFunc(cases, func(res Result) bool { return res.Clause == clause && res.Status == NotClaimed })
}

// Tally counts what has one status, in cases and in the clauses that they judge.
type Tally struct {
	Clauses int `json:"clauses"`
	Cases   int `json:"cases"`
}

// Tally counts the results of a status.
func (r *Report) Tally(s Status) Tally {
	var t Tally
	clauses := make(map[string]bool)
	for _, res := range r.Results {
		if res.Status == s {
			clauses[res.Clause] = true
			t.Cases++
		}
	}
	t.Clauses = len(clauses)
	return t
}

// judge weighs MUST clauses alone: a SHOULD that is broken or could not be
// tried is shown, and does not decide. A harness error and an interruption
// always do.
func judge(cases []Result) string {
	n := make(map[Status]int)
	for _, res := range cases {
		if res.Level == spec.Must || res.Status == HarnessError || res.Status == Interrupted {
			n[res.Status]++
		}
	}
	switch {
	case n[Fail] > 0:
		return NotConformant
	case n[Blocked]+n[Untestable]+n[HarnessError]+n[Interrupted] > 0:
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
// broken, 3 a harness error or an interruption, 4 only the baseline is wrong, 5
// selected cases could not run. An interrupted run always has 3: a script must
// not take what it broke for all that is broken.
func (r *Report) ExitCode() int {
	// What a baseline has an entry for is the baseline's to judge.
	rest := slices.DeleteFunc(slices.Clone(r.Results), func(res Result) bool { return res.Status == NotSelected || res.Baselined })
	verdict := judge(rest)
	switch {
	case r.Totals[Interrupted] > 0:
		return 3
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

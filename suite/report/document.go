package report

import (
	"agentproof/docs/spec"
	"agentproof/suite/verdict"
)

// Schema names the format of report.json. Its number grows when a reader of
// the old one would be misled.
const Schema = "agentproof/report/v1"

// Document is report.json: the same bytes for every run of the same subject
// and selection. What differs between runs is in run.json.
type Document struct {
	Schema    string                 `json:"schema"`
	Subject   Subject                `json:"subject"`
	Suite     Suite                  `json:"suite"`
	Spec      Spec                   `json:"spec"`
	Selection verdict.Selection      `json:"selection"`
	Verdict   string                 `json:"verdict"`
	Profiles  []Profile              `json:"profiles"`
	Totals    map[verdict.Status]int `json:"totals"`
	Broken    *Broken                `json:"broken"` // nil in reports of earlier versions
	// Baseline is there when the run had one, which keeps it from certifying.
	Baseline *verdict.Baseline `json:"baseline,omitempty"`
	Cases    []Case            `json:"cases"`
}

// Subject is what the agent says of itself.
type Subject struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// Suite names the set of cases that was run from.
type Suite struct {
	Cases  int    `json:"cases"`
	Digest string `json:"digest"`
	// Strength is absent where nobody measured it.
	Strength *verdict.Strength `json:"strength,omitempty"`
}

// Spec is the revision that was judged by.
type Spec struct {
	Revision string `json:"revision"`
}

// Profile is the verdict on one profile.
type Profile struct {
	Name   string `json:"name"`
	Result string `json:"result"`
}

// Broken counts what is broken, by level. One clause can have many cases.
type Broken struct {
	Must   verdict.Tally `json:"must"`
	Should verdict.Tally `json:"should"`
}

func newBroken(r *verdict.Report) *Broken {
	return &Broken{Must: r.Tally(verdict.Fail), Should: r.Tally(verdict.Warn)}
}

// Case is the verdict on one case.
type Case struct {
	ID     string         `json:"id"`
	Clause string         `json:"clause"`
	Level  spec.Level     `json:"level"`
	Area   string         `json:"area"`
	Status verdict.Status `json:"status"`
	Reason string         `json:"reason"`
	// Cause is the operation or the clause, if not the case's own, at which the
	// case failed or is blocked: what one cause broke has one remedy.
	Cause string `json:"cause,omitempty"`
	// Baselined marks what a baseline has an entry for, and Issue is where the
	// entry says that it is tracked.
	Baselined bool   `json:"baselined,omitempty"`
	Issue     string `json:"issue,omitempty"`
}

// NewDocument makes the stable part of a report.
func NewDocument(r *verdict.Report) Document {
	d := Document{
		Schema:    Schema,
		Subject:   Subject(r.Subject),
		Suite:     Suite(r.Suite),
		Spec:      Spec{Revision: r.Revision},
		Selection: r.Selection,
		Verdict:   r.Verdict(),
		Profiles:  make([]Profile, 0, len(r.Profiles)),
		Totals:    make(map[verdict.Status]int),
		Broken:    newBroken(r),
		Baseline:  r.Baseline,
		Cases:     make([]Case, 0, len(r.Results)),
	}
	for _, s := range verdict.Statuses() {
		// Readers of complete reports need not know of interrupted ones.
		if n := r.Totals[s]; n > 0 || s != verdict.Interrupted {
			d.Totals[s] = n
		}
	}
	for _, p := range r.Profiles {
		d.Profiles = append(d.Profiles, Profile(p))
	}
	for _, c := range r.Results {
		d.Cases = append(d.Cases, Case{c.ID, c.Clause, c.Level, c.Area, c.Status, c.Reason, c.Cause, c.Baselined, c.Issue})
	}
	return d
}

// Report is the run's report as far as report.json has it, which is enough
// to judge it again.
func (d *Document) Report() *verdict.Report {
	r := &verdict.Report{
		Subject: verdict.SubjectInfo(d.Subject), Suite: verdict.SuiteInfo(d.Suite), Revision: d.Spec.Revision,
		Selection: d.Selection, Baseline: d.Baseline,
	}
	for _, c := range d.Cases {
		profile := verdict.CaseInfo{ID: c.ID}.Profile()
		r.Results = append(r.Results, verdict.Result{
			ID: c.ID, Clause: c.Clause, Level: c.Level, Area: c.Area, Profile: profile, Status: c.Status, Reason: c.Reason,
			Cause: c.Cause, Baselined: c.Baselined, Issue: c.Issue,
		})
	}
	r.Sum()
	return r
}

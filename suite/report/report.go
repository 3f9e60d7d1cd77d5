// Package report renders the outcome of a conformance run for scripts, CI
// systems and people.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/engine"
)

// Schema names the format of report.json. Its number grows when a reader of
// the old one would be misled.
const Schema = "agentproof/report/v1"

// Document is report.json: the same bytes for every run of the same subject
// and selection. What differs between runs is in run.json.
type Document struct {
	Schema    string                `json:"schema"`
	Subject   Subject               `json:"subject"`
	Suite     Suite                 `json:"suite"`
	Spec      Spec                  `json:"spec"`
	Selection engine.Selection      `json:"selection"`
	Verdict   string                `json:"verdict"`
	Profiles  []Profile             `json:"profiles"`
	Totals    map[engine.Status]int `json:"totals"`
	Cases     []Case                `json:"cases"`
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

// Case is the verdict on one case.
type Case struct {
	ID     string        `json:"id"`
	Clause string        `json:"clause"`
	Level  spec.Level    `json:"level"`
	Area   string        `json:"area"`
	Status engine.Status `json:"status"`
	Reason string        `json:"reason"`
}

// NewDocument makes the stable part of a report.
func NewDocument(r *engine.Report) Document {
	d := Document{
		Schema:    Schema,
		Subject:   Subject(r.Subject),
		Suite:     Suite(r.Suite),
		Spec:      Spec{Revision: r.Revision},
		Selection: r.Selection,
		Verdict:   r.Verdict(),
		Profiles:  make([]Profile, 0, len(r.Profiles)),
		Totals:    make(map[engine.Status]int),
		Cases:     make([]Case, 0, len(r.Results)),
	}
	for _, s := range engine.Statuses() {
		d.Totals[s] = r.Totals[s]
	}
	for _, p := range r.Profiles {
		d.Profiles = append(d.Profiles, Profile(p))
	}
	for _, c := range r.Results {
		d.Cases = append(d.Cases, Case{c.ID, c.Clause, c.Level, c.Area, c.Status, c.Reason})
	}
	return d
}

// Run is run.json: when and where a report was made, and what a person wants
// to see of the cases that did not pass.
type Run struct {
	Schema  string             `json:"schema"`
	Started time.Time          `json:"started"`
	Seconds float64            `json:"seconds"`
	Host    Host               `json:"host"`
	Cases   map[string]CaseRun `json:"cases"`
}

// Host is the machine that the suite ran on.
type Host struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
}

// CaseRun is how one case went this time.
type CaseRun struct {
	Seconds     float64    `json:"seconds"`
	Notes       []string   `json:"notes,omitempty"`
	Failures    []Failure  `json:"failures,omitempty"`
	Exchanges   []Exchange `json:"exchanges,omitempty"`
	AgentOutput string     `json:"agent_output,omitempty"`
}

// Failure is one broken expectation.
type Failure struct {
	Want string `json:"want"`
	Got  string `json:"got"`
}

// NewRun makes the part of a report that differs between runs.
func NewRun(r *engine.Report) Run {
	run := Run{
		Schema:  "agentproof/run/v1",
		Started: r.Started.UTC().Truncate(time.Millisecond),
		Seconds: seconds(r.Took),
		Host:    Host{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version()},
		Cases:   make(map[string]CaseRun),
	}
	for _, c := range r.Results {
		if c.Status == engine.NotSelected {
			continue
		}
		cr := CaseRun{Seconds: seconds(c.Took), Notes: c.Notes, AgentOutput: c.Output}
		for _, f := range c.Failures {
			cr.Failures = append(cr.Failures, Failure{Want: f.Want, Got: f.Got})
		}
		if c.Status != engine.Pass {
			for _, x := range c.Exchanges {
				cr.Exchanges = append(cr.Exchanges, NewExchange(x))
			}
		}
		run.Cases[c.ID] = cr
	}
	return run
}

// seconds has the precision of a millisecond, and no digits beyond.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond).Milliseconds()) / 1000
}

// Write writes report.json, run.json and junit.xml into dir, which it creates.
func Write(dir string, r *engine.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create the report directory: %w", err)
	}
	doc, err := encode(NewDocument(r))
	if err != nil {
		return err
	}
	run, err := encode(NewRun(r))
	if err != nil {
		return err
	}
	junit, err := JUnit(r)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"report.json", doc}, {"run.json", run}, {"junit.xml", junit}} {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.data, 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}

// JSON is report.json's bytes.
func JSON(r *engine.Report) ([]byte, error) { return encode(NewDocument(r)) }

func encode(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}
	return append(data, '\n'), nil
}

package report

import (
	"runtime"
	"strings"
	"time"

	"agentproof/suite/verdict"
)

// RunSchema names the format of run.json, as Schema that of report.json.
const RunSchema = "agentproof/run/v1"

// Run is run.json: when and where a report was made, and what a person wants
// to see of the cases that did not pass.
type Run struct {
	Schema  string    `json:"schema"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Host    Host      `json:"host"`
	// Target are the arguments that lead a command line to the same subject;
	// null where none does.
	Target []string           `json:"target"`
	Cases  map[string]CaseRun `json:"cases"`
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
	// Explain says why somebody cares, and Try how to see it by hand.
	Explain string `json:"explain,omitempty"`
	Try     string `json:"try,omitempty"`
	// Transcript and Screenshot are files beside run.json, with slashes: every
	// message of the case as NDJSON, and what was on the screen as PNG.
	Transcript string `json:"transcript,omitempty"`
	Screenshot string `json:"screenshot,omitempty"`
}

// Failure is one broken expectation.
type Failure struct {
	Want string `json:"want"`
	Got  string `json:"got"`
	// Printed is what the agent printed between the case's latest request and
	// the failure.
	Printed string `json:"printed,omitempty"`
}

// printedLimit bounds what is kept of Printed, in bytes: the latest are.
const printedLimit = 4 << 10

// NewRun makes the part of a report that differs between runs.
func NewRun(r *verdict.Report) Run {
	run := Run{
		Schema:  RunSchema,
		Started: r.Started.UTC().Truncate(time.Millisecond),
		Seconds: seconds(r.Took),
		Host:    Host{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version()},
		Target:  r.Target,
		Cases:   make(map[string]CaseRun),
	}
	for _, c := range r.Results {
		if c.Status == verdict.NotSelected {
			continue
		}
		cr := CaseRun{
			Seconds: seconds(c.Took), Notes: c.Notes, AgentOutput: c.Output,
			Transcript: c.Transcript, Screenshot: screenshotPath(c),
		}
		for _, f := range c.Failures {
			cr.Failures = append(cr.Failures, Failure{Want: f.Want, Got: f.Got, Printed: lastLines(f.Printed, printedLimit)})
		}
		if c.Status != verdict.Pass {
			cr.Explain, cr.Try = c.Explain, c.Try
			for _, x := range c.Exchanges {
				cr.Exchanges = append(cr.Exchanges, NewExchange(x))
			}
		}
		run.Cases[c.ID] = cr
	}
	return run
}

// lastLines is the end of a text that has at most limit bytes, in whole lines
// where it is cut.
func lastLines(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	text = text[len(text)-limit:]
	return text[strings.IndexByte(text, '\n')+1:]
}

// seconds has the precision of a millisecond, and no digits beyond.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond).Milliseconds()) / 1000
}

// took is the duration that seconds made a number of.
func took(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// Package suite certifies machine agents: it runs every conformance case
// against a subject and reports, clause by clause, what the subject keeps.
//
// A vendor embeds it in its own tests with one function and one literal:
//
//	func TestMain(m *testing.M) {
//		suite.Intercept()
//		os.Exit(m.Run())
//	}
//
//	func TestConformance(t *testing.T) {
//		suite.Run(t, suite.Subject{Command: []string{"/usr/local/bin/my-agent", "run"}})
//	}
package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/baseline"
	"agentproof/suite/cases"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/report"
	"agentproof/suite/runner"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// Subject is the agent to certify. Exactly one of Command, InProcess and
// Attach is set.
type Subject struct {
	// Name is for the report; empty derives one.
	Name string
	// Command starts the agent, which is told everything by its environment.
	Command []string
	// InProcess serves an agent inside the test until ctx ends, and returns
	// nil after its goodbye.
	InProcess func(ctx context.Context, env subject.Environment) error
	// Attach is an agent that runs already. Cases that need a launch of their
	// own, and unsafe ones, are then untestable, so it cannot be certified.
	Attach *subject.Attachment

	// Select leaves cases out; the zero value runs all.
	Select verdict.Selection
	// Baseline, when set, is a file of known failures (package baseline). They
	// are skipped, entries that are wrong fail the test, and such a run never
	// certifies.
	Baseline string
	// OutDir, when set, receives the report in every format (report.Files),
	// and the transcripts of cases that did not pass.
	OutDir string
}

// Cases returns all cases of the suite.
func Cases() []engine.Case { return cases.All() }

// Intercept must be called first thing in TestMain: cases run the test binary
// itself, through the agent, to see what a child process sees. In that role it
// does not return.
func Intercept() { helper.Intercept() }

// Run certifies the subject. Every case becomes a subtest: a broken MUST fails
// it, a broken SHOULD is logged, what could not run is skipped with its reason.
// The test fails when the subject is not conformant, and also when a MUST
// could not be judged.
func Run(t *testing.T, s Subject) {
	t.Helper()
	neverCached()
	subj, done, err := s.open()
	if err != nil {
		t.Fatalf("conformance: %v", err)
	}
	defer done()
	clauses, err := spec.Load()
	if err != nil {
		t.Fatalf("conformance: %v", err)
	}
	var known *baseline.File
	if s.Baseline != "" {
		if known, err = baseline.Load(s.Baseline); err != nil {
			t.Fatalf("conformance: %v", err)
		}
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatalf("conformance: find the helper program: %v", err)
	}
	opts := runner.Options{
		Spec: clauses, Cases: Cases(), Subject: subj, Selection: s.Select, HelperProgram: program,
		Strength: cases.Strength(),
	}
	if s.OutDir != "" {
		if opts.Transcript, err = report.Transcripts(s.OutDir, false); err != nil {
			t.Fatalf("conformance: %v", err)
		}
	}
	rep, err := runner.Run(t.Context(), opts)
	if err != nil {
		t.Fatalf("conformance: %v", err)
	}
	rep.Target = s.target()
	if known != nil {
		known.Apply(rep, time.Now())
	}
	if s.OutDir != "" {
		if err := report.Write(s.OutDir, rep); err != nil {
			t.Errorf("conformance: %v", err)
		}
	}
	for _, c := range rep.Results {
		if c.Status != verdict.NotSelected {
			t.Run(c.ID, func(t *testing.T) { judge(t, c, rep.Known(c)) })
		}
	}
	var text strings.Builder
	if err := report.New(rep).Text(&text, report.TextOptions{Spec: clauses, Dir: s.OutDir}); err != nil {
		t.Errorf("conformance: %v", err)
	}
	if rep.ExitCode() != 0 {
		t.Errorf("the agent is %s\n%s", rep.Verdict(), text.String())
		return
	}
	t.Log("\n" + text.String())
}

// judge reports one case as a subtest.
func judge(t *testing.T, c verdict.Result, known bool) {
	text := fmt.Sprintf("%s (%s %s): %s", c.Status, c.Clause, c.Level, c.Reason)
	if known {
		t.Skip(strings.TrimSpace("known failure: " + text + " " + c.Issue))
	}
	switch c.Status {
	case verdict.Pass:
	case verdict.Warn:
		t.Log(text)
	case verdict.NotClaimed, verdict.Untestable:
		t.Skip(text)
	default:
		t.Error(text)
	}
}

// target is how the conformance program is led to the subject; nil where it
// cannot be.
func (s Subject) target() []string {
	if len(s.Command) == 0 {
		return nil
	}
	return append([]string{"--"}, s.Command...)
}

// open makes the run's subject; done frees what it needed.
func (s Subject) open() (subject.Subject, func(), error) {
	set := 0
	for _, is := range []bool{len(s.Command) > 0, s.InProcess != nil, s.Attach != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return subject.Subject{}, nil, errors.New("set exactly one of Command, InProcess and Attach")
	}
	var out subject.Subject
	done := func() {}
	switch {
	case s.InProcess != nil:
		out = subject.InProcess("the agent in this process", s.InProcess)
	case s.Attach != nil:
		out = subject.Attached(*s.Attach)
	default:
		var err error
		if out, done, err = subject.Command(s.Command...); err != nil {
			return subject.Subject{}, nil, err
		}
	}
	if s.Name != "" {
		out.Name = s.Name
	}
	return out, done, nil
}

// Package engine is what conformance cases are written in: a case, the T through
// which it looks at an agent and judges it, and how one case is carried out. It
// holds no cases of its own and knows no agent: both are handed in.
package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/instance"
	"agentproof/suite/verdict"
)

// A Case tests one behaviour that a clause of the specification demands.
type Case struct {
	// ID is semantic: area, clause and behaviour, as in
	// "exec.timeout/kills-the-tree". It never ends in a number.
	ID string
	// Clause is the id of the specification clause that the case judges. Its
	// level decides whether a broken one is a failure or a warning.
	Clause string
	// Needs lists the capabilities that the subject must advertise; without
	// one of them the case is not-claimed.
	Needs Feature
	// Explain says in one or two sentences why somebody cares.
	Explain string
	// Try says how to see the behaviour by hand.
	Try string
	// Launch, when set, starts an instance for the case alone. Nil takes one
	// of the run's pool, which earlier cases may have used.
	Launch *Launch
	// Unsafe keeps the case away from attached subjects, in addition to the
	// clauses that the specification marks unsafe.
	Unsafe bool
	// Exclusive cases measure: nothing but idle cases runs beside them.
	Exclusive bool
	// Provokes lists the clauses whose breach the monitors must not hold
	// against the case, for it is what the case makes happen.
	Provokes []string
	// Background is set for a case whose commands leave processes behind on
	// purpose: what becomes of those is the agent's choice.
	Background bool
	// Idle is how long the case waits for time to pass. An idle case starts
	// early, takes no worker's place, and has that much more time.
	Idle time.Duration
	// Run does the test. It reports through t and returns; it may be ended by
	// t at any call.
	Run func(ctx context.Context, t *T)
}

// Info is what a report says of the case before it ran.
func (c *Case) Info() verdict.CaseInfo { return verdict.CaseInfo{ID: c.ID, Clause: c.Clause} }

// Infos are the cases' Info, in their order.
func Infos(cases []Case) []verdict.CaseInfo {
	infos := make([]verdict.CaseInfo, len(cases))
	for i := range cases {
		infos[i] = cases[i].Info()
	}
	return infos
}

// Area is what the report groups by: the first word of the id.
func (c *Case) Area() string { return c.Info().Area() }

// Profile is the certificate that the case counts for.
func (c *Case) Profile() string { return c.Info().Profile() }

// Launch says how a case's own instance is started. It is instance.Launch, whose
// name nearly every file of cases has in its literals.
type Launch = instance.Launch

// Validate checks that the cases are fit to run: ids unique and semantic,
// clauses known, every case explained.
func Validate(s *spec.Spec, cases []Case) error {
	seen := make(map[string]bool)
	var errs []error
	for i := range cases {
		c := &cases[i]
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("case %q: %s", c.ID, fmt.Sprintf(format, args...)))
		}
		if seen[c.ID] {
			bad("the id is taken")
		}
		seen[c.ID] = true
		clause, behaviour, ok := strings.Cut(c.ID, "/")
		switch {
		case !ok || clause == "" || behaviour == "":
			bad("the id is not clause/behaviour")
		case behaviour[len(behaviour)-1] >= '0' && behaviour[len(behaviour)-1] <= '9':
			bad("the id ends in a number")
		}
		if _, ok := s.Clause(c.Clause); !ok {
			bad("the clause %q is unknown", c.Clause)
		} else if area, _, _ := strings.Cut(c.Clause, "."); area != c.Area() {
			bad("the clause %q belongs to another area", c.Clause)
		}
		for _, p := range c.Provokes {
			if _, ok := s.Clause(p); !ok {
				bad("the clause %q that it provokes is unknown", p)
			}
		}
		if c.Explain == "" {
			bad("it explains nothing")
		}
		if c.Run == nil {
			bad("it runs nothing")
		}
	}
	return errors.Join(errs...)
}

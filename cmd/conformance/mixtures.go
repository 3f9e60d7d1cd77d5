package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"agentproof/agent/fault"
	"agentproof/agent/fault/catalogue"
	"agentproof/internal/bundled"
	"agentproof/internal/cli"
	"agentproof/suite/runner"
	"agentproof/suite/selftest"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// serialID names the serial dispatcher in a mixture.
const serialID = "serial"

// tryMixtures tries agents with several faults each.
func (a *app) tryMixtures(ctx context.Context, opts selftest.Options, f selftestFlags, line *progressLine) error {
	seed := f.seed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	mixtures, err := f.mixed(seed, opts)
	if err != nil {
		line.close()
		return err
	}
	opts.Mutants = nil
	var said error
	rep, err := selftest.TryMixtures(ctx, selftest.MixtureOptions{
		Options: opts, Mixtures: mixtures,
		Subject: func(faults []*selftest.Mutant) subject.Subject {
			return bundled.Mixed("the mixture "+(&selftest.Mixture{Faults: faults}).String(), func() []fault.Mutant { return fresh(faults) })
		},
		Tried: func(done, total int, last *selftest.MixtureOutcome) {
			status := verdict.Pass
			if len(last.Wrong) > 0 {
				status = verdict.Fail
			}
			if !f.json {
				said = errors.Join(said, last.Text(a.out)) // as it happens: hundreds take hours
			}
			line.update(runner.Progress{Done: done, Total: total, Running: []string{last.Mixture.String()}, Last: &verdict.Result{Status: status}})
		},
	})
	line.close()
	switch {
	case errors.Is(err, selftest.ErrNothingSelected):
		return cli.Usage("%w: see 'conformance selftest --list'", err)
	case err != nil:
		return &cli.ExitError{Code: exitHarness, Err: err}
	}
	if err := errors.Join(said, a.publishMixtures(rep, f, seed)); err != nil {
		return &cli.ExitError{Code: exitHarness, Err: fmt.Errorf("publish the outcome: %w", err)}
	}
	if code := rep.ExitCode(); code != 0 {
		return &cli.ExitError{Code: code}
	}
	return nil
}

// mixed are the mixtures that the flags ask for: given ones first.
func (f *selftestFlags) mixed(seed uint64, opts selftest.Options) ([]selftest.Mixture, error) {
	var mixtures []selftest.Mixture
	if _, err := (verdict.Selection{Cases: f.cases}).Filter(); err != nil {
		return nil, cli.Usage("%w", err)
	}
	for _, list := range f.mixture {
		m, err := newMixture(list, f.cases)
		if err != nil {
			return nil, cli.Usage("--mixture %s: %w", list, err)
		}
		mixtures = append(mixtures, m)
	}
	serial := serialMutant()
	return append(mixtures, selftest.Draw(f.mixtures, seed, opts.Mutants, &serial, opts.Cases, f.whole)...), nil
}

// newMixture makes a mixture of ids with commas between them.
func newMixture(list string, cases []string) (selftest.Mixture, error) {
	m := selftest.Mixture{Cases: cases}
	for id := range strings.SplitSeq(list, ",") {
		mutant := serialMutant()
		if id != serialID {
			found, ok := catalogue.Find(id)
			if !ok {
				return m, fmt.Errorf("there is no mutant %q: see 'conformance selftest --list'", id)
			}
			mutant = mutantFor(found)
		}
		if mutant.Alone {
			return m, fmt.Errorf("%s shows in no mixture", id)
		}
		m.Faults = append(m.Faults, &mutant)
	}
	slices.SortStableFunc(m.Faults, func(a, b *selftest.Mutant) int {
		switch {
		case a.ID == b.ID:
			return 0
		case a.ID == serialID:
			return -1
		case b.ID == serialID:
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	})
	if a, b := m.Conflict(); a != "" {
		return m, fmt.Errorf("%s and %s cannot be told apart in one agent", a, b)
	}
	return m, nil
}

// serialMutant is the serial dispatcher as the suite sees it.
func serialMutant() selftest.Mutant {
	m := mutantFor(fault.SerialDispatcher())
	m.ID = serialID
	return m
}

// fresh makes the faults of a mixture for one instance of its agent.
func fresh(faults []*selftest.Mutant) []fault.Mutant {
	mutants := make([]fault.Mutant, 0, len(faults))
	for _, f := range faults {
		if f.ID == serialID {
			mutants = append(mutants, fault.SerialDispatcher())
		} else if m, ok := catalogue.Find(f.ID); ok {
			mutants = append(mutants, m)
		}
	}
	return mutants
}

// triedMixture is one mixture as `selftest --mixtures --json` prints it.
type triedMixture struct {
	Faults []string           `json:"faults"`
	Exact  bool               `json:"exact"`
	Again  bool               `json:"again,omitempty"` // tried a second time, alone
	Wrong  []selftest.Finding `json:"wrong,omitempty"`
	Beyond []selftest.Finding `json:"beyond,omitempty"`
}

// mixtureOutcome is what `selftest --mixtures --json` prints.
type mixtureOutcome struct {
	Seed     uint64         `json:"seed,string"`
	Exact    int            `json:"exact"`
	Tried    int            `json:"tried"`
	Mixtures []triedMixture `json:"mixtures"`
}

// publishMixtures writes the outcome, and prints what was not printed as the
// mixtures were tried.
func (a *app) publishMixtures(rep *selftest.MixtureReport, f selftestFlags, seed uint64) error {
	outcome := mixtureOutcome{Seed: seed, Exact: rep.Exact(), Tried: len(rep.Outcomes)}
	for _, out := range rep.Outcomes {
		t := triedMixture{Exact: len(out.Wrong) == 0, Again: out.Again, Wrong: out.Wrong, Beyond: out.Beyond}
		for _, m := range out.Mixture.Faults {
			t.Faults = append(t.Faults, m.ID)
		}
		outcome.Mixtures = append(outcome.Mixtures, t)
	}
	if f.out != "" {
		var b bytes.Buffer
		if err := errors.Join(writeJSON(&b, outcome), os.MkdirAll(filepath.Dir(f.out), 0o755)); err != nil {
			return err
		}
		if err := os.WriteFile(f.out, b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if f.json {
		return a.printJSON(outcome)
	}
	if err := rep.Summary(a.out); err != nil {
		return err
	}
	if f.mixtures > 0 {
		_, err := fmt.Fprintf(a.out, "  drawn with --seed %d\n", seed)
		return err
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"agentproof/agent"
	"agentproof/agent/fault"
	"agentproof/agent/fault/catalogue"
)

// checkMutants finds wrong flags about faults before anything is started.
func (f *runFlags) checkMutants() error {
	for i, id := range f.mutants {
		if _, ok := catalogue.Find(id); !ok {
			return fmt.Errorf("--mutant %q: there is no such fault: see 'fakeagent run --list-mutants'", id)
		}
		if slices.Contains(f.mutants[:i], id) {
			return fmt.Errorf("--mutant %s is given twice", id)
		}
	}
	if f.serial && f.script.loaded != nil {
		return errors.New("--serial and --script exclude each other: a reply that the script drops would stop a serial agent")
	}
	return nil
}

// mutate puts the faults of --serial and --mutant into the agent, which is run
// with the context that it returns. end is told how that agent ended, and says how
// the program ends.
func (f *runFlags) mutate(ctx context.Context, cfg *agent.Config) (_ context.Context, end func(error) error, err error) {
	if f.serial {
		fault.Serial(cfg)
	}
	var mutants []fault.Mutant
	for _, id := range f.mutants {
		if m, ok := catalogue.Find(id); ok {
			cfg.Logger.Warn("this agent is wrong on purpose: it "+m.Name, "mutant", id, "breaks", m.Clause())
			mutants = append(mutants, m)
		}
	}
	return fault.Together(ctx, cfg, mutants...)
}

func mutantIDs() []string {
	var ids []string
	for _, m := range catalogue.All() {
		ids = append(ids, m.ID())
	}
	return ids
}

// printMutants lists every fault with what it does and the clause that it
// breaks.
func printMutants(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, m := range catalogue.All() {
		fmt.Fprintf(tw, "%s\t%s\tthe agent %s\n", m.ID(), m.Clause(), m.Name)
	}
	return tw.Flush()
}

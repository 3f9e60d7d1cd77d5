package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"agentproof/agent"
	"agentproof/agent/fault/catalogue"
)

// checkMutant finds a wrong --mutant before anything is started.
func (f *runFlags) checkMutant() error {
	if _, ok := catalogue.Find(f.mutant); !ok && f.mutant != "" {
		return fmt.Errorf("--mutant %q: there is no such fault: see 'fakeagent run --list-mutants'", f.mutant)
	}
	return nil
}

// mutate puts the fault of --mutant into the agent. end is told how that agent
// ended, and says how the program ends.
func (f *runFlags) mutate(cfg *agent.Config) (end func(error) error, err error) {
	m, ok := catalogue.Find(f.mutant)
	if !ok {
		return func(err error) error { return err }, nil
	}
	cfg.Logger.Warn("this agent is wrong on purpose: it "+m.Name, "mutant", m.ID(), "breaks", m.Clause())
	return m.Into(cfg)
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

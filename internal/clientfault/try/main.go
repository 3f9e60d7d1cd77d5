// Command try runs conformance cases against the sound agent with a session
// client that has one fault, for all the faults whose ids it is given, or all
// there are. It is of use only when it was built with clientfault.Overlay.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"

	"agentproof/docs/spec"
	"agentproof/internal/bundled"
	"agentproof/internal/clientfault"
	"agentproof/suite/cases"
	"agentproof/suite/helper"
	"agentproof/suite/selftest"
	"agentproof/suite/subject"
)

func main() {
	helper.Intercept()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "try: %v\n", err)
		stop()
		os.Exit(1)
	}
}

// run prints the outcomes as `conformance selftest --json` does.
func run(ctx context.Context, ids []string, out io.Writer) error {
	clauses, err := spec.Load()
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	rep, err := selftest.Run(ctx, selftest.Options{
		Spec: clauses, Cases: cases.All(), Mutants: mutants(ids), HelperProgram: program, Control: beside(""),
		Parallel: 1, // the process has one environment, and so one fault at a time
	})
	if err != nil {
		return err
	}
	type tried struct {
		ID      string           `json:"id"`
		Does    string           `json:"does"`
		Case    string           `json:"case"`
		Verdict selftest.Verdict `json:"verdict"`
		Detail  string           `json:"detail,omitempty"`
		At      string           `json:"at,omitempty"`
	}
	all := make([]tried, len(rep.Outcomes))
	for i, o := range rep.Outcomes {
		all[i] = tried{o.Mutant.ID, "the client " + o.Mutant.Does, o.Mutant.Case, o.Verdict, o.Detail, o.At}
	}
	return json.NewEncoder(out).Encode(map[string]any{"mutants": all})
}

// beside is the sound agent beside a client that has the fault id, or none.
func beside(id string) subject.Subject {
	s := subject.InProcess("the bundled agent", bundled.InProcess)
	start := s.Start
	s.Start = func(ctx context.Context, env subject.Environment) (subject.Process, error) {
		if err := os.Setenv(clientfault.Variable, id); err != nil {
			return nil, err
		}
		return start(ctx, env)
	}
	return s
}

// mutants are the faults as the self-test sees them: as if the agent had them.
func mutants(ids []string) []selftest.Mutant {
	var out []selftest.Mutant
	for _, f := range clientfault.All() {
		id := f.ID()
		if len(ids) > 0 && !slices.Contains(ids, id) {
			continue
		}
		m := selftest.Mutant{ID: id, Does: f.Name, Case: f.Case, Says: f.Says, Scale: f.Scale, Subject: func() subject.Subject { return beside(id) }}
		m.Also = []string{m.Clause() + "/*"} // a client's fault shows in all of its clause
		out = append(out, m)
	}
	return out
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"agentproof/agent/fault"
	"agentproof/agent/fault/catalogue"
	"agentproof/agent/fault/noise"
	"agentproof/internal/bundled"
	"agentproof/internal/cli"
	"agentproof/suite/runner"
	"agentproof/suite/selftest"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// selftestFlags are the flags of `conformance selftest`.
type selftestFlags struct {
	mutants  []string
	whole    bool
	parallel int
	scale    float64
	list     bool
	json     bool
	out      string
	noise    int
	mixtures int
	mixture  []string
	cases    []string
	seed     uint64
}

func (a *app) selftestCommand() *cobra.Command {
	var f selftestFlags
	cmd := &cobra.Command{
		Use:   "selftest",
		Short: "Show that the suite can fail",
		Long: `Run the cases against mutants: the bundled agent with one known fault each. Of
every mutant its own case must fail, for the reason that the fault is there for,
and no case that has nothing to do with the fault may change its verdict.

Beside each mutant's own case run those of the same clause that wait for
nothing, with --whole all cases, which takes hours.

With --noise, agents whose replies are lost, late, doubled or bent at random are
tried instead: every such run must end, and in no case blame the harness; and
but for late replies it must find something broken.

With --mixtures, agents with 2 to 8 faults each are tried instead, a third of
which also serve one request at a time. The suite runs twice on each. Every
fault's own case must fail for its own reason, or be blocked by another of the
faults; no case beyond what the faults are known to break may fail; and both
reports must be the same bytes. Each mixture meets the cases of its faults'
clauses and a third of all others, with --whole all but those that measure.
--mixture tries one that you name, with the dispatcher that serves one request
at a time as "serial".

Exit codes:
  0  every mutant was killed, every mixture was judged exactly
  1  a mutant was not noticed, or noticed for another reason or by other cases;
     or two runs of a mixture differ
  2  wrong usage, or no mutant was selected
  3  the harness failed or was interrupted
  5  some mutants could not be tried here, all others were killed`,
		Example: `  conformance selftest
  conformance selftest --mutant 'fence.**'
  conformance selftest --noise 100
  conformance selftest --mixtures 20 --seed 1
  conformance selftest --mixture serial,fence.swaps-the-epochs,fs.believes-st-size
  conformance selftest --list`,
		Args: cli.Args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.selftest(cmd, f) },
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.mutants, "mutant", nil, "only the mutants that match this `GLOB` (repeatable)")
	fl.BoolVar(&f.whole, "whole", false, "run all cases against every mutant")
	fl.IntVar(&f.parallel, "parallel", 0, "try `N` mutants at once (default: what suits the machine)")
	fl.Float64Var(&f.scale, "timeout-scale", 1, "stretch the suite's own limits by `FACTOR` on a slow machine")
	fl.BoolVar(&f.list, "list", false, "list the mutants and try none")
	fl.IntVar(&f.noise, "noise", 0, "try `N` agents with random noise on the wire instead")
	fl.IntVar(&f.mixtures, "mixtures", 0, "try `N` agents with several faults each instead")
	fl.StringArrayVar(&f.mixture, "mixture", nil, "try an agent with the faults `ID,ID,...` instead (repeatable)")
	fl.StringArrayVar(&f.cases, "case", nil, "with --mixture: only the cases that match this `GLOB` (repeatable)")
	fl.Uint64Var(&f.seed, "seed", 0, "`SEED` of the noise or the mixtures (default: another one each time)")
	fl.StringVar(&f.out, "out", "", "write the outcome in JSON to `FILE`, too")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

func (a *app) selftest(cmd *cobra.Command, f selftestFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	mutants := f.selected()
	if f.list {
		return a.listMutants(mutants, f.json)
	}
	program, err := thisProgram()
	if err != nil {
		return err
	}
	line := newProgressLine(a.err)
	opts := selftest.Options{
		Spec: a.spec, Cases: a.cases, Mutants: mutants, HelperProgram: program,
		Control: subject.InProcess("the bundled agent", bundled.InProcess),
		Whole:   f.whole, Parallel: f.parallel, TimeoutScale: f.scale,
		Progress: func(done, total int, last *selftest.Outcome) { line.update(mutantProgress(done, total, last)) },
	}
	if f.noise > 0 {
		line.close()
		return a.tryNoise(cmd.Context(), opts, f)
	}
	if f.mixtures > 0 || len(f.mixture) > 0 {
		return a.tryMixtures(cmd.Context(), opts, f, line)
	}
	rep, err := selftest.Run(cmd.Context(), opts)
	line.close()
	switch {
	case errors.Is(err, selftest.ErrNothingSelected):
		return cli.Usage("%w: see 'conformance selftest --list'", err)
	case err != nil:
		return &cli.ExitError{Code: exitHarness, Err: err}
	}
	if err := a.publishSelftest(rep, f); err != nil {
		return &cli.ExitError{Code: exitHarness, Err: fmt.Errorf("publish the outcome: %w", err)}
	}
	if code := rep.ExitCode(); code != 0 {
		return &cli.ExitError{Code: code}
	}
	return nil
}

// check finds flags that make no sense.
func (f *selftestFlags) check() error {
	mixed := f.mixtures > 0 || len(f.mixture) > 0
	switch {
	case !(f.scale > 0 && f.scale <= maxScale):
		return cli.Usage("--timeout-scale %v: it must be above 0 and at most %d", f.scale, maxScale)
	case f.mixtures < 0 || f.noise < 0:
		return cli.Usage("--mixtures and --noise: they must not be negative")
	case mixed && f.noise > 0:
		return cli.Usage("--noise and mixtures exclude each other")
	case len(f.cases) > 0 && len(f.mixture) == 0:
		return cli.Usage("--case goes with --mixture")
	}
	return nil
}

// tryNoise tries agents with random noise on their wire, two at a time.
func (a *app) tryNoise(ctx context.Context, opts selftest.Options, f selftestFlags) error {
	seed := f.seed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	agents := noise.Agents(f.noise, seed)
	said := make([]string, len(agents))
	places := make(chan struct{}, 2)
	var wg sync.WaitGroup
	for i, m := range agents {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			said[i] = selftest.Noise(ctx, opts, selftest.NoisyAgent{ID: m.ID(), Subject: bundled.Mutated(m), Harmless: m.Case == "noise.delay"})
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return &cli.ExitError{Code: exitHarness, Err: context.Cause(ctx)}
	}
	wrong := 0
	for i, m := range agents {
		if said[i] != "" {
			wrong++
			fmt.Fprintf(a.out, "WRONG  the agent %s\n  why    %s\n\n", m.Name, said[i])
		}
	}
	if wrong > 0 {
		fmt.Fprintf(a.out, "✗ %d of %d noisy agents were misjudged\n", wrong, f.noise)
		return &cli.ExitError{Code: 1}
	}
	fmt.Fprintf(a.out, "✓ %d noisy agents were judged as they should be, seed %d\n", f.noise, seed)
	return nil
}

// selected are the mutants that the flags ask for.
func (f *selftestFlags) selected() []selftest.Mutant {
	keep := verdict.Selection{Cases: f.mutants}
	var out []selftest.Mutant
	for _, m := range catalogue.All() {
		if len(f.mutants) == 0 || keep.Matches(m.ID()) {
			out = append(out, mutantFor(m))
		}
	}
	return out
}

// mutantFor is an agent's mutant as the suite, which knows no agent, sees it.
func mutantFor(m fault.Mutant) selftest.Mutant {
	id := m.ID()
	return selftest.Mutant{
		ID: id, Does: m.Name, Case: m.Case, Says: m.Says, Also: m.Also, Scale: m.Scale,
		Blast: m.Blast, Alone: m.Alone, Sets: m.Sets(),
		Subject: func() subject.Subject {
			fresh, _ := catalogue.Find(id)
			return bundled.Mutated(fresh)
		},
	}
}

// mutantProgress shows a mutant where a progress line shows a case.
func mutantProgress(done, total int, last *selftest.Outcome) runner.Progress {
	status := verdict.Pass
	if last.Verdict != selftest.Killed && last.Verdict != selftest.NotTried {
		status = verdict.Fail
	}
	return runner.Progress{Done: done, Total: total, Running: []string{last.Mutant.ID}, Last: &verdict.Result{Status: status}}
}

// listedMutant is one mutant as `selftest --list --json` prints it.
type listedMutant struct {
	ID     string `json:"id"`
	Does   string `json:"does"`
	Clause string `json:"clause"`
	Case   string `json:"case"`
}

func (a *app) listMutants(mutants []selftest.Mutant, asJSON bool) error {
	rows := make([]listedMutant, 0, len(mutants))
	for i := range mutants {
		m := &mutants[i]
		rows = append(rows, listedMutant{m.ID, "the agent " + m.Does, m.Clause(), m.Case})
	}
	if asJSON {
		return a.printJSON(rows)
	}
	tw := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(tw, "%s\t%s\n", r.ID, r.Case)
	}
	return tw.Flush()
}

func (a *app) printJSON(v any) error { return writeJSON(a.out, v) }

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// triedMutant is one outcome as `selftest --json` prints it.
type triedMutant struct {
	listedMutant
	Verdict selftest.Verdict `json:"verdict"`
	Detail  string           `json:"detail,omitempty"`
	At      string           `json:"at,omitempty"`
	Strays  []string         `json:"strays,omitempty"`
}

// selftestOutcome is what `selftest --json` prints.
type selftestOutcome struct {
	Killed   int           `json:"killed"`
	Declared int           `json:"declared"`
	Mutants  []triedMutant `json:"mutants"`
}

func newSelftestOutcome(rep *selftest.Report) selftestOutcome {
	out := selftestOutcome{Killed: rep.Totals[selftest.Killed], Declared: len(rep.Outcomes)}
	for _, o := range rep.Outcomes {
		m := o.Mutant
		out.Mutants = append(out.Mutants, triedMutant{
			listedMutant{m.ID, "the agent " + m.Does, m.Clause(), m.Case}, o.Verdict, o.Detail, o.At, o.Strays,
		})
	}
	return out
}

// publishSelftest writes and prints the outcome.
func (a *app) publishSelftest(rep *selftest.Report, f selftestFlags) error {
	outcome := newSelftestOutcome(rep)
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
	return rep.Text(a.out)
}

// Command checks looks for checks of the conformance cases that nothing proves:
// without which no mutant would live. It reads the outcome of a self-test, whose
// mutants are of the agent, and tries mutants of the session client itself. It
// lists the checks of MUST cases at which no mutant died, and removes a sample
// of the others, one a case, to see that mutants then live.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"agentproof/docs/spec"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "checks: %v\n", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	fl := flag.NewFlagSet("checks", flag.ContinueOnError)
	program := fl.String("program", filepath.Join("bin", "conformance"), "the conformance `PROGRAM` whose self-test is run")
	results := fl.String("selftest", "", "read the outcome of a self-test from `FILE` instead of running one")
	remove := fl.Int("remove", 0, "remove `N` checks, and demand that mutants live without them; -1 removes every check")
	seed := fl.Uint64("seed", uint64(time.Now().UnixNano()), "`SEED` of the choice of those")
	record := fl.Bool("record", false, "record the outcome in suite/cases/strength.json, from where reports have it")
	area := fl.String("area", "", "only the cases in `DIR` below suite/cases")
	if err := fl.Parse(args); err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	clauses, err := spec.Load()
	if err != nil {
		return err
	}
	checks, err := find(root, clauses)
	if err != nil {
		return err
	}
	if *area != "" {
		prefix := "suite/cases/" + *area + "/"
		checks = slices.DeleteFunc(checks, func(c check) bool { return !strings.HasPrefix(c.file, prefix) })
	}
	outcomes, err := load(ctx, *results, *program)
	if err != nil {
		return err
	}
	if *area == "" {
		if err := strength(root, outcomes, *record); err != nil || *record {
			return err
		}
	}
	clients, err := tryClients(ctx, out, root, *area)
	if err != nil {
		return err
	}
	killers := attribute(checks, append(outcomes, clients...))
	unproven := report(out, checks, killers)
	if *remove != 0 {
		err = sample(ctx, out, root, checks, killers, *remove, *seed)
	}
	if unproven > 0 {
		err = errors.Join(err, fmt.Errorf("%d checks of MUST cases could go and no mutant would live: add mutants, or remove the checks", unproven))
	}
	return err
}

// outcome is what a self-test says of one mutant.
type outcome struct {
	ID      string `json:"id"`
	Does    string `json:"does"`
	Case    string `json:"case"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
	At      string `json:"at"`
}

// load reads the outcome of a self-test, or runs one.
func load(ctx context.Context, file, program string) ([]outcome, error) {
	if file == "" {
		return selftest(ctx, program)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parse(data)
}

// selftest runs a conformance program's self-test, which may fail.
func selftest(ctx context.Context, program string, args ...string) ([]outcome, error) {
	cmd := exec.CommandContext(ctx, program, append([]string{"selftest", "--json"}, args...)...)
	var errw bytes.Buffer
	cmd.Stderr = &errw
	out, err := cmd.Output()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && (!failed || len(out) == 0) {
		return nil, fmt.Errorf("run the self-test: %w\n%s", err, errw.Bytes())
	}
	return parse(out)
}

func parse(data []byte) ([]outcome, error) {
	var doc struct {
		Mutants []outcome `json:"mutants"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read the outcome of the self-test: %w", err)
	}
	return doc.Mutants, nil
}

// attribute finds the mutants that died at each check.
func attribute(checks []check, outcomes []outcome) map[string][]outcome {
	killers := make(map[string][]outcome)
	for _, o := range outcomes {
		file, number, _ := strings.Cut(o.At, ":")
		line, err := strconv.Atoi(number)
		if o.Verdict != "killed" || err != nil {
			continue
		}
		for i := range checks {
			if c := &checks[i]; c.covers(file, line) {
				killers[c.String()] = append(killers[c.String()], o)
			}
		}
	}
	return killers
}

// report lists the checks that nothing proves, and counts them.
func report(out io.Writer, checks []check, killers map[string][]outcome) int {
	unproven, musts, clients := 0, 0, 0
	for i := range checks {
		c := &checks[i]
		if !c.must {
			continue
		}
		musts++
		by := killers[c.String()]
		switch {
		case len(by) == 0:
			unproven++
			fmt.Fprintf(out, "%s  %s\n", c, c.call)
		case !slices.ContainsFunc(by, func(o outcome) bool { return !isClient(o.ID) }):
			clients++
		}
	}
	fmt.Fprintf(out, "%d of %d checks of MUST cases are proven by a mutant, %d of them only by mutants of the session client\n",
		musts-unproven, musts, clients)
	return unproven
}

// sample removes up to n checks, or all for a negative n, and says whether that
// was noticed. Those of one case are removed one after the other.
func sample(ctx context.Context, out io.Writer, root string, checks []check, killers map[string][]outcome, n int, seed uint64) error {
	rnd := rand.New(rand.NewPCG(seed, 0))
	pool := provable(checks, killers)
	rnd.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
	removed, unnoticed := 0, 0
	for n < 0 || removed == 0 {
		var picked []check
		if picked, pool = pick(pool, killers, n); len(picked) == 0 {
			break
		}
		lost, err := missed(ctx, root, picked, killers)
		if err != nil {
			return err
		}
		for i := range lost {
			fmt.Fprintf(out, "%s  removed, and every mutant still dies\n", &lost[i])
		}
		removed, unnoticed = removed+len(picked), unnoticed+len(lost)
	}
	fmt.Fprintf(out, "%d checks removed (-seed %d), mutants live without %d\n", removed, seed, removed-unnoticed)
	if unnoticed > 0 {
		return fmt.Errorf("%d checks were removed without a mutant that lives", unnoticed)
	}
	return nil
}

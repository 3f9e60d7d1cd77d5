package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	"agentproof/suite/baseline"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

func (a *app) baselineCommand() *cobra.Command {
	var fix bool
	cmd := &cobra.Command{
		Use:   "baseline FILE DIR",
		Short: "Hold a file of known failures against a report",
		Long: `Hold a file of known failures against the report that 'conformance run --out DIR'
wrote, or bring the file up to date with it (--fix).

FILE is YAML. Each entry is bound to its case, the reason that the case fails
with or how that begins, and if you like to an issue, a last day and systems:

  schema: ` + baseline.Schema + `
  failures:
    - case: exec.cwd/relative-names
      reason: want the file in sub; got
      issue: https://example.com/issues/12
      until: 2027-03-01
      os: [macos, windows]

Entries can account for failures (fail), broken SHOULDs (warn), and what such a
failure keeps from being tried (blocked). A run with --baseline FILE then exits
0, says how many failures are known, and certifies nothing.

--fix gives failures without an entry one, takes out entries of cases that do
not fail, and mends reasons. It keeps comments, issues and days, also days that
are over: more time is yours to give. It refuses the report of a filtered run.

Exit codes:
  0  the entries are right and account for every broken MUST, or were fixed
  1  the agent breaks a MUST that has no entry
  2  wrong usage, or a file that cannot be read
  3  the report has a harness error, or FILE cannot be written
  4  only entries are wrong: unmatched, stale, expired or changed
  5  selected cases could not run`,
		Example: `  conformance run --out out/report -- ./my-agent run
  conformance baseline --fix known.yaml out/report
  conformance run --baseline known.yaml -- ./my-agent run`,
		Args: cli.Args(2, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			doc, err := report.ReadDocument(args[1])
			if err != nil {
				return cli.Usage("%w", err)
			}
			if fix {
				return a.fixBaseline(args[0], doc.Report())
			}
			return a.checkBaseline(args[0], doc.Report())
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "bring FILE up to date with the report; it may be missing")
	return cmd
}

// checkBaseline prints a line about each failure and each wrong entry.
func (a *app) checkBaseline(path string, rep *verdict.Report) error {
	known, err := baseline.Load(path)
	if err != nil {
		return cli.Usage("%w", err)
	}
	known.Apply(rep, time.Now())
	for _, res := range rep.Results {
		switch {
		case rep.Known(res):
			fmt.Fprintf(a.out, "%-9s  %s\n", "known", res.ID)
		case res.Status == verdict.Fail && !res.Baselined:
			fmt.Fprintf(a.out, "%-9s  %s  %q\n", "new", res.ID, res.Reason)
		}
	}
	for _, p := range rep.Baseline.Problems {
		fmt.Fprintf(a.out, "%-9s  %s  %s\n", p.Kind, report.Printable(p.Case), report.Printable(p.Detail))
	}
	if code := rep.ExitCode(); code != 0 {
		return &cli.ExitError{Code: code}
	}
	return nil
}

func (a *app) fixBaseline(path string, rep *verdict.Report) error {
	known, err := baseline.LoadOrNew(path)
	if err != nil {
		return cli.Usage("%w", err)
	}
	changes, left, err := known.Fix(rep, time.Now())
	if err != nil {
		return cli.Usage("--fix: %w", err)
	}
	data, err := known.Bytes()
	if err == nil && len(changes) > 0 {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		return &cli.ExitError{Code: exitHarness, Err: err}
	}
	for _, line := range append(changes, left...) {
		fmt.Fprintln(a.out, report.Printable(line))
	}
	if len(changes) == 0 {
		fmt.Fprintf(a.err, "%s is up to date\n", path)
	}
	return nil
}

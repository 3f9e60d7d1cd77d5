package main

import (
	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	"agentproof/suite/report"
)

// exitRegression is the exit code of a diff that found one.
const exitRegression = 1

func (a *app) diffCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say what became of the cases between two reports",
		Long: `Say what became of the cases between two reports: regressions, repairs, changed
reasons, and cases that one of the two has not. OLD and NEW are directories that
'conformance run --out DIR' wrote, or report.json files.

A pass that is none any more is a regression also where the case was not judged;
a case that is not judged any more is no repair. What one of the two runs left
out is not compared.

Exit codes:
  0  no regression
  1  a regression
  2  wrong usage, or a report that cannot be read
  3  the difference could not be printed`,
		Example: `  conformance diff out/before out/after
  conformance diff before.json after.json --format json | jq -r '.regressions[].id'`,
		Args: cli.Args(2, 2),
		RunE: func(_ *cobra.Command, args []string) error { return a.diff(args[0], args[1], format) },
	}
	cmd.Flags().StringVar(&format, "format", "text", "print `FORMAT` text or json on stdout")
	cli.Complete(cmd, "format", "text", "json")
	return cmd
}

func (a *app) diff(before, after, format string) error {
	if err := checkFormat(format, "text", "json"); err != nil {
		return err
	}
	old, err := report.ReadDocument(before)
	if err != nil {
		return cli.Usage("%w", err)
	}
	now, err := report.ReadDocument(after)
	if err != nil {
		return cli.Usage("%w", err)
	}
	d := report.Compare(old, now)
	if format == "json" {
		var data []byte
		if data, err = d.JSON(); err == nil {
			_, err = a.out.Write(data)
		}
	} else {
		err = d.Text(a.out, report.TextOptions{Color: cli.Colors(a.out), Width: cli.Width(a.out)})
	}
	switch {
	case err != nil:
		return printError(err)
	case len(d.Regressions) > 0:
		return &cli.ExitError{Code: exitRegression}
	default:
		return nil
	}
}

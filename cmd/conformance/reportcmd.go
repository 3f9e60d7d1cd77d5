package main

import (
	"slices"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	"agentproof/suite/report"
)

func (a *app) reportCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Render a report again, without running anything",
		Long: `Render the report that 'conformance run --out DIR' wrote, from report.json and
run.json in DIR and the transcripts and screenshots beside them.

A report that contradicts itself is refused: its totals, profiles and verdict
must follow from its cases.

Exit codes:
  0  the report was printed, whatever it says
  2  wrong usage, or DIR holds no report that can be read
  3  the report could not be printed`,
		Example: `  conformance report out/report
  conformance report out/report --format html > report.html`,
		Args: cli.Args(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := checkFormat(format, report.Formats()...); err != nil {
				return err
			}
			rep, err := report.Read(args[0])
			if err != nil {
				return cli.Usage("%w", err)
			}
			if err := a.print(rep, format, args[0]); err != nil {
				return printError(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "print the report as `FORMAT`: "+cli.List(report.Formats()))
	cli.Complete(cmd, "format", report.Formats()...)
	return cmd
}

// checkFormat refuses a --format that is none of formats.
func checkFormat(format string, formats ...string) error {
	if !slices.Contains(formats, format) {
		return cli.Usage("--format %q: there are %s", format, cli.List(formats))
	}
	return nil
}

package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"agentproof/docs/spec"
	"agentproof/internal/cli"
	"agentproof/suite/cases"
	"agentproof/suite/engine"
	"io"
)

func newApp(in io.Reader, out, errw io.Writer) (*app, error) {
	s, err := spec.Load()
	if err != nil {
		return nil, fmt.Errorf("load the specification: %w", err)
	}
	a := &app{in: in, out: out, err: errw, spec: s, cases: cases.All()}
	slices.SortFunc(a.cases, func(x, y engine.Case) int { return strings.Compare(x.ID, y.ID) })
	return a, nil
}

// listed is one case as `list --json` prints it.
type listed struct {
	ID     string     `json:"id"`
	Clause string     `json:"clause"`
	Level  spec.Level `json:"level"`
	Area   string     `json:"area"`
}

func (a *app) listCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the cases",
		Example: "  conformance list\n  conformance list --json | jq -r '.[].id'",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			rows := make([]listed, 0, len(a.cases))
			for i := range a.cases {
				c := &a.cases[i]
				clause, _ := a.spec.Clause(c.Clause)
				rows = append(rows, listed{c.ID, c.Clause, clause.Level, c.Area()})
			}
			if asJSON {
				enc := json.NewEncoder(a.out)
				enc.SetIndent("", "  ")
				return enc.Encode(rows)
			}
			tw := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
			for _, r := range rows {
				fmt.Fprintf(tw, "%s\t%s\t%s\n", r.ID, r.Level, r.Clause)
			}
			return tw.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of objects with id, clause, level and area")
	return cmd
}

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "explain CASE",
		Short:   "Say what a case or clause demands, why, and how to try it by hand",
		Example: "  conformance explain fence.first/stale-ping",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			ids := make([]string, 0, len(a.cases))
			for i := range a.cases {
				ids = append(ids, a.cases[i].ID)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.explain(args[0]) },
	}
}

// explain takes a case's id, or a clause's, which explains all its cases.
func (a *app) explain(id string) error {
	found := 0
	for i := range a.cases {
		c := &a.cases[i]
		if c.ID != id && c.Clause != id {
			continue
		}
		if found++; found > 1 {
			fmt.Fprintln(a.out)
		}
		a.explainCase(c)
	}
	if found == 0 {
		return cli.Usage("there is no case or clause %q%s", id, a.nearest(id))
	}
	return nil
}

func (a *app) explainCase(c *engine.Case) {
	clause, _ := a.spec.Clause(c.Clause)
	fmt.Fprintf(a.out, "%s\n\n", c.ID)
	level := clause.Level.String()
	if clause.MustSince != "" {
		level += ", MUST from " + clause.MustSince
	}
	fmt.Fprintf(a.out, "clause   %s · %s\n", clause.ID, level)
	cli.Wrap(a.out, "demands  ", clause.Text)
	cli.Wrap(a.out, "why      ", c.Explain)
	if c.Try != "" {
		cli.Wrap(a.out, "by hand  ", c.Try)
	}
	if c.Needs != 0 {
		fmt.Fprintf(a.out, "needs    %s\n", c.Needs)
	}
	switch {
	case clause.Unsafe || c.Unsafe:
		cli.Wrap(a.out, "runs     ", "only on an agent that the suite started: it could destroy something.")
	case c.Launch != nil:
		cli.Wrap(a.out, "runs     ", "on an instance of its own, so not with --attach.")
	}
	fmt.Fprintf(a.out, "run it   conformance run --case '%s'\n", c.ID)
}

// nearest suggests ids that share a word with a wrong one.
func (a *app) nearest(id string) string {
	words := strings.FieldsFunc(id, func(r rune) bool { return r == '.' || r == '/' })
	best, score := "", 0
	for i := range a.cases {
		n := 0
		for _, w := range words {
			if strings.Contains(a.cases[i].ID, w) {
				n++
			}
		}
		if n > score {
			best, score = a.cases[i].ID, n
		}
	}
	if best == "" {
		return "; see 'conformance list'"
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

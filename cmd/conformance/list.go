package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"agentproof/docs/spec"
	"agentproof/internal/cli"
	"agentproof/suite/cases"
	"agentproof/suite/engine"
	"agentproof/suite/relaysuite"
)

func newApp(in io.Reader, out, errw io.Writer) (*app, error) {
	s, err := spec.Load()
	if err != nil {
		return nil, fmt.Errorf("load the specification: %w", err)
	}
	a := &app{in: in, out: out, err: errw, spec: s, cases: cases.All(), relays: relaysuite.Cases(nil)}
	for _, cs := range [][]engine.Case{a.cases, a.relays} {
		slices.SortFunc(cs, func(x, y engine.Case) int { return strings.Compare(x.ID, y.ID) })
	}
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
	var asJSON, relays bool
	cmd := &cobra.Command{
		Use:   "list [AREA|CLAUSE|GLOB]",
		Short: "List the cases",
		Example: `  conformance list
  conformance list fs
  conformance list --json | jq -r '.[].id'`,
		Args:              cli.Args(0, 1),
		ValidArgsFunction: completeNames(a.cases),
		RunE: func(_ *cobra.Command, args []string) error {
			cs := a.cases
			if relays {
				cs = a.relays
			}
			if len(args) > 0 {
				all := cs
				if cs = matching(all, args[0]); len(cs) == 0 {
					return cli.Usage("%q matches no case%s", args[0], nearest(args[0], names(all)))
				}
			}
			rows := make([]listed, 0, len(cs))
			for i := range cs {
				c := &cs[i]
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
	cmd.Flags().BoolVar(&relays, "relay", false, "list the cases for relays instead of those for agents")
	return cmd
}

// all are the cases of every kind of subject.
func (a *app) all() []engine.Case { return slices.Concat(a.cases, a.relays) }

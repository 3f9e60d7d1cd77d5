package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"agentproof/docs/spec"
	"agentproof/internal/cli"
	"agentproof/internal/fold"
	"agentproof/suite/engine"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain CASE|CLAUSE|AREA [-- COMMAND ARGS...]",
		Short: "Say what a case or clause demands, why, and how to try it by hand",
		Long: `Say what a case or clause demands, why, and how to try it by hand.

With the COMMAND that starts your agent, the command lines that run the cases
lead to it; without one they lead to the bundled agent.`,
		Example: `  conformance explain fence.first/stale-ping
  conformance explain exec.timeout
  conformance explain fs
  conformance explain fence.first/stale-ping -- ./my-agent run`,
		Args:              explainArgs,
		ValidArgsFunction: completeNames(a.all()),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.target = target(cmd, args[1:])
			return a.explain(args[0])
		},
	}
}

// explainArgs takes one name, and a command behind dashes.
func explainArgs(cmd *cobra.Command, args []string) error {
	dash := cmd.ArgsLenAtDash()
	if dash < 0 {
		return cli.Args(1, 1)(cmd, args)
	}
	if dash == len(args) {
		return cli.Usage("the agent's command is missing after --")
	}
	return cli.Args(1, 1)(cmd, args[:dash])
}

// explain takes the id of a case, that of a clause, which explains all its
// cases, or an area, whose clauses and cases it lists.
func (a *app) explain(id string) error {
	all := a.all()
	for i := range all {
		if c := &all[i]; c.ID == id {
			fmt.Fprintf(a.out, "%s\n\n", c.ID)
			clause, _ := a.spec.Clause(c.Clause)
			a.explainClause(clause)
			a.explainCase(c, clause)
			return nil
		}
	}
	clause, ok := a.spec.Clause(id)
	if !ok {
		return a.explainArea(id)
	}
	a.explainClause(clause)
	for i := range all {
		if c := &all[i]; c.Clause == id {
			fmt.Fprintf(a.out, "\n%s\n\n", c.ID)
			a.explainCase(c, clause)
		}
	}
	return nil
}

// explainArea lists what a name stands for that is neither case nor clause.
func (a *app) explainArea(name string) error {
	cs := matching(a.all(), name)
	if len(cs) == 0 {
		return cli.Usage("there is no case, clause or area %q%s", name, nearest(name, names(a.all())))
	}
	last := ""
	for i := range cs {
		if c := &cs[i]; c.Clause != last {
			if last != "" {
				fmt.Fprintln(a.out)
			}
			last = c.Clause
			clause, _ := a.spec.Clause(last)
			a.explainClause(clause)
		}
		a.field("case", cs[i].ID)
	}
	return nil
}

func (a *app) explainClause(clause spec.Clause) {
	level := clause.Level.String()
	if clause.MustSince != "" {
		level += ", MUST from " + clause.MustSince
	}
	a.field("clause", clause.ID+" · "+level)
	a.field("demands", report.Plain(clause.Text))
}

func (a *app) explainCase(c *engine.Case, clause spec.Clause) {
	a.field("why", c.Explain)
	if c.Try != "" {
		// Not folded: it is there to be copied.
		fmt.Fprintf(a.out, "%-9s%s\n", "by hand", c.Try)
	}
	if c.Needs != 0 {
		a.field("needs", c.Needs.String())
	}
	switch {
	case clause.Unsafe || c.Unsafe:
		a.field("runs", "only on an agent that the suite started: it could destroy something")
	case c.Launch != nil:
		a.field("runs", "on an instance of its own, so not with --attach")
	}
	if c.Profile() == verdict.ProfileRelay {
		fmt.Fprintf(a.out, "%-9s%s\n", "run it", report.Command(c.ID, c.Area(), nil))
		return
	}
	fmt.Fprintf(a.out, "%-9s%s\n", "run it", report.Command(c.ID, c.Area(), a.target))
	if len(a.target) == 0 {
		a.field("", "(the bundled agent; yours with: conformance explain "+c.ID+" -- COMMAND)")
	}
}

func (a *app) field(label, text string) {
	fmt.Fprint(a.out, fold.Text(min(cli.Width(a.out), 100), fmt.Sprintf("%-9s", label), text))
}

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"agentproof/docs/spec"
	"agentproof/internal/bundled"
	"agentproof/internal/cli"
	"agentproof/suite/engine"
)

// exitHarness is the exit code when the harness failed. Those of a report are
// verdict.Report's own.
const exitHarness = 3

const exitCodes = `Exit codes:
  0  conformant, or nothing but known failures (--baseline)
  1  the agent breaks a MUST
  2  wrong usage, or nothing was selected
  3  the harness failed or was interrupted, or the agent never became ready
  4  only the baseline is wrong: an entry matches nothing, is stale or expired,
     or its case fails for another reason
  5  selected cases could not run`

// app is one invocation: where it reads and writes, and the suite.
type app struct {
	in       io.Reader
	out, err io.Writer
	spec     *spec.Spec
	cases    []engine.Case // for agents, by id
	relays   []engine.Case // for relays, by id
	target   []string      // where the command lines that explain shows lead to
}

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	if len(args) > 0 && args[0] == bundled.Command {
		return bundled.Main(ctx, errw)
	}
	a, err := newApp(in, out, errw)
	if err != nil {
		fmt.Fprintf(errw, "conformance: %v\n", err)
		return exitHarness
	}
	return cli.Execute(ctx, a.command(), args, in, out, errw)
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "conformance",
		Short: "Certify a machine agent over NATS",
		Long: `conformance drives a machine agent over a real NATS server and says, clause by
clause of the specification, what it keeps and what it breaks.

` + exitCodes,
		Example: `  conformance run                          certify the bundled agent
  conformance run -- ./my-agent run        certify your build
  conformance relay                        certify the bundled relay, or the one at a URL
  conformance explain ping.nonce/echoed    what one case wants, and why`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(a.runCommand(), a.replayCommand(), a.relayCommand(), a.listCommand(), a.explainCommand(), a.selftestCommand(), cli.VersionCommand("conformance"))
	root.AddCommand(a.reportCommand(), a.diffCommand(), a.baselineCommand())
	root.AddCommand(a.keygenCommand(), a.certifyCommand(), a.verifyCommand(), a.badgeCommand(), a.doctorCommand())
	return root
}

// Command fakeagent is the reference agent for a developer's machine, and a
// small client to poke any agent with.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
)

func main() {
	// A second signal ends the program at once: the first restored the default.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exitFailed is the exit code when the agent could not be reached or refused,
// apart from what a remote command's own status may be.
const exitFailed = 125

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	return cli.Execute(ctx, rootCommand(), args, in, out, errw)
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "fakeagent",
		Short: "A machine agent that really operates this machine",
		Long: `fakeagent is the reference agent: it serves commands, files and git of this
machine over NATS, its screen too, behind a broker of its own or yours, and its
terminals over a relay.

Exit codes:
  0    done; for run: stopped, goodbye said; for shell: also detached
  1    the agent, its broker or the relay could not start; script check: a script
       has mistakes
  2    wrong usage
  124  call exec: a limit or a signal ended the command
  125  the agent or the relay could not be reached, or refused
  N    call exec, call git, shell: the exit code of the command itself`,
		Example: `  fakeagent run                     a broker and an agent on this machine
  fakeagent call exec uname -a      in another terminal: run a command through it
  fakeagent call ls /workspace
  fakeagent shell                   a terminal on it
  fakeagent screenshot              its screen`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(runCommand(), callCommand(), shellCommand(), screenshotCommand(), relayCommand(), scriptCommand(), cli.VersionCommand("fakeagent"))
	root.AddCommand(inputCommands()...)
	return root
}

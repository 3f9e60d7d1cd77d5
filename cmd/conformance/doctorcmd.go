package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	"agentproof/internal/fold"
	"agentproof/suite/doctor"
	"agentproof/suite/subject"
)

// doctorFlags are the flags of `conformance doctor`.
type doctorFlags struct {
	runFlags
	relay string
	json  bool
}

func (a *app) doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor [flags] [-- COMMAND ARGS...]",
		Short: "Say why an agent cannot be reached",
		Long: `Go the way to an agent step by step, and say within seconds where it ends and
what to do: the broker's name and port, its protocol, TLS, login and permissions,
who is subscribed, whether a ping is answered and understood, and heartbeats.

COMMAND is started as 'conformance run' would, and watched at the broker: what it
offers to log in, what it subscribes to, what it prints. Without a command it is
the bundled agent.

Exit codes:
  0  the agent can be reached
  1  it cannot: the step with a ✗ says why
  2  wrong usage`,
		Example: `  conformance doctor -- ./my-agent run
  conformance doctor --attach nats://user:password@127.0.0.1:4222 --workspace ws --agent machine`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := agentCommand(cmd, args); err != nil {
				return err
			}
			return a.doctor(cmd.Context(), f, args)
		},
	}
	f.registerAttachment(cmd)
	cmd.Flags().Float64Var(&f.scale, "timeout-scale", 1, "wait `FACTOR` times as long on a slow machine")
	cmd.Flags().StringVar(&f.relay, "relay", "", "with --attach: look for the relay at `URL` too")
	cmd.Flags().BoolVar(&f.json, "json", false, "print an array of the steps")
	return cmd
}

func (a *app) doctor(ctx context.Context, f doctorFlags, argv []string) error {
	f.format = "text" // what a run's flag would be
	if err := f.validate(argv); err != nil {
		return cli.Usage("%w", err)
	}
	if f.relay != "" && f.attach == "" {
		return cli.Usage("--relay goes with --attach")
	}
	well, steps, err := a.examine(ctx, f, argv)
	if err != nil {
		return err
	}
	if f.json {
		if err := a.printJSON(steps); err != nil {
			return err
		}
	}
	if !well {
		return &cli.ExitError{Code: 1}
	}
	return nil
}

// examine shows the steps as they are done, and returns them.
func (a *app) examine(ctx context.Context, f doctorFlags, argv []string) (well bool, steps []doctor.Step, err error) {
	say := func(s doctor.Step) {
		steps = append(steps, s)
		if !f.json {
			a.showStep(s)
		}
	}
	d := doctor.Doctor{Say: say, TimeoutScale: f.scale}
	if f.attach != "" {
		well = d.Attached(ctx, subject.Attachment{
			URL: f.attach, WorkspaceID: f.workspace, AgentID: f.agent, SubjectBase: f.base, HeldEpoch: f.heldEpoch,
		}, f.relay)
		return well, steps, ctx.Err()
	}
	program, err := thisProgram()
	if err != nil {
		return false, nil, err
	}
	subj, done, err := f.subject(program, argv)
	if err != nil {
		return false, nil, cli.Usage("%w", err)
	}
	defer done()
	well = d.Started(ctx, subj)
	return well, steps, ctx.Err()
}

func (a *app) showStep(s doctor.Step) {
	mark, color := "✓", "32"
	if !s.OK {
		mark, color = "✗", "31"
	}
	if cli.Colors(a.out) {
		mark = "\x1b[" + color + "m" + mark + "\x1b[0m"
	}
	width := min(cli.Width(a.out), 100)
	const column = 11
	fmt.Fprint(a.out, mark+fold.Text(width-1, fmt.Sprintf(" %-*s", column, s.Name), printable(s.Found)))
	if s.Advice != "" {
		fmt.Fprint(a.out, fold.Text(width, fmt.Sprintf("  %-*s", column, "→"), printable(s.Advice)))
	}
	label := "it printed"
	for line := range strings.Lines(s.Output) {
		fmt.Fprintf(a.out, "  %-*s%s\n", column, label, printable(strings.TrimRight(line, "\n")))
		label = ""
	}
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"agentproof/docs/spec"
	"agentproof/internal/bundled"
	"agentproof/internal/cli"
	"agentproof/suite/engine"
	"agentproof/suite/report"
	"agentproof/suite/subject"
)

// runFlags are the flags of `conformance run`.
type runFlags struct {
	selection engine.Selection
	revision  string
	scale     float64
	parallel  int
	out       string
	format    string

	attach    string
	workspace string
	agent     string
	base      string
	heldEpoch uint32
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [flags] [-- COMMAND ARGS...]",
		Short: "Run the cases against an agent",
		Long: `Run the cases against an agent: the bundled one without a command, the one that
COMMAND starts, or one that runs already (--attach).

COMMAND is told everything by its environment: AGENTPROOF_NATS_URL,
AGENTPROOF_NATS_TOKEN, AGENTPROOF_WORKSPACE_ID, AGENTPROOF_AGENT_ID,
AGENTPROOF_EPOCH, AGENTPROOF_RELAY_URL, AGENTPROOF_RELAY_TOKEN,
AGENTPROOF_SCREEN_CONTROL, and by a credentials.json in $OPENGENI_CONFIG_DIR.
Its working directory is its workspace root.

In a glob, * matches within a word, ** anything.

` + exitCodes,
		Example: `  conformance run
  conformance run --out out/report -- ./my-agent run
  conformance run --case 'exec.**' --skip '**/setsid'
  conformance run --attach nats://user:password@127.0.0.1:4222 --workspace ws --agent machine`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
				return cli.Usage("unexpected argument %q: the agent's command comes after --", args[0])
			}
			return a.certify(cmd, f, args)
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.selection.Profiles, "profile", nil, "only the cases of this `PROFILE`: core, terminal, desktop or session (repeatable)")
	fl.StringArrayVar(&f.selection.Cases, "case", nil, "only the cases that match this `GLOB` (repeatable)")
	fl.StringArrayVar(&f.selection.Skip, "skip", nil, "not the cases that match this `GLOB` (repeatable)")
	fl.StringVar(&f.selection.Level, "level", "", "only `LEVEL` must, or should and above")
	fl.StringVar(&f.revision, "revision", spec.Revision, "judge by this `REVISION` of the specification")
	fl.Float64Var(&f.scale, "timeout-scale", 1, "stretch the suite's own limits by `FACTOR` on a slow machine")
	fl.IntVar(&f.parallel, "parallel", 0, "run `N` cases at once (default: what suits the machine)")
	fl.StringVar(&f.out, "out", "", "write report.json, run.json and junit.xml into `DIR`")
	fl.StringVar(&f.format, "format", "text", "print `FORMAT` text or json on stdout")
	fl.StringVar(&f.attach, "attach", "", "certify a running agent behind the broker at `URL`")
	fl.StringVar(&f.workspace, "workspace", "", "with --attach: the agent's workspace `ID`")
	fl.StringVar(&f.agent, "agent", "", "with --attach: the agent's `ID`")
	fl.StringVar(&f.base, "subject-base", "", "with --attach: the agent's subject base, when it is not agent.WORKSPACE.AGENT")
	fl.Uint32Var(&f.heldEpoch, "held-epoch", 0, "with --attach: the epoch that the agent holds")
	cli.Complete(cmd, "profile", engine.Profiles()...)
	cli.Complete(cmd, "level", "must", "should")
	cli.Complete(cmd, "format", "text", "json")
	cli.Complete(cmd, "revision", spec.Revisions()...)
	return cmd
}

// validate finds what is wrong with the flags before anything is started.
func (f *runFlags) validate(argv []string) error {
	switch {
	case f.format != "text" && f.format != "json":
		return fmt.Errorf("--format %q: there are text and json", f.format)
	case f.scale <= 0:
		return fmt.Errorf("--timeout-scale %v: it must be above 0", f.scale)
	case f.parallel < 0:
		return fmt.Errorf("--parallel %d: it must not be negative", f.parallel)
	case f.attach != "" && len(argv) > 0:
		return errors.New("--attach and a command exclude each other")
	case f.attach != "" && (f.workspace == "" || f.agent == ""):
		return errors.New("--attach needs --workspace and --agent")
	case f.attach == "" && (f.workspace != "" || f.agent != "" || f.base != "" || f.heldEpoch != 0):
		return errors.New("--workspace, --agent, --subject-base and --held-epoch go with --attach")
	}
	return nil
}

// subject is the agent that the flags name.
func (f *runFlags) subject(argv []string) (engine.Subject, func(), error) {
	if f.attach != "" {
		return subject.Attached(engine.Attachment{
			URL: f.attach, WorkspaceID: f.workspace, AgentID: f.agent, SubjectBase: f.base, HeldEpoch: f.heldEpoch,
		}), func() {}, nil
	}
	if len(argv) > 0 {
		return subject.Command(argv...)
	}
	self, err := os.Executable()
	if err != nil {
		return engine.Subject{}, nil, fmt.Errorf("find this program: %w", err)
	}
	s, done, err := subject.Command(self, bundled.Command)
	s.Name = "the bundled agent"
	return s, done, err
}

func (a *app) certify(cmd *cobra.Command, f runFlags, argv []string) error {
	if err := f.validate(argv); err != nil {
		return cli.Usage("%w", err)
	}
	subj, done, err := f.subject(argv)
	if err != nil {
		return cli.Usage("%w", err)
	}
	defer done()
	program, err := os.Executable()
	if err != nil {
		return &cli.ExitError{Code: exitHarness, Err: fmt.Errorf("find the helper program: %w", err)}
	}
	line := newProgressLine(a.err)
	rep, err := engine.Run(cmd.Context(), engine.Options{
		Spec: a.spec, Cases: a.cases, Subject: subj, Selection: f.selection, Revision: f.revision,
		Parallel: f.parallel, TimeoutScale: f.scale, HelperProgram: program, Progress: line.update,
	})
	line.clear()
	switch {
	case errors.Is(err, engine.ErrSubject):
		return &cli.ExitError{Code: exitHarness, Err: err}
	case errors.Is(err, engine.ErrNothingSelected):
		return cli.Usage("%w: see 'conformance list'", err)
	case err != nil && cmd.Context().Err() != nil:
		return &cli.ExitError{Code: exitHarness, Err: err}
	case err != nil:
		return cli.Usage("%w", err)
	}
	return a.publish(rep, f)
}

// publish writes and prints the report, and turns it into an exit code.
func (a *app) publish(rep *engine.Report, f runFlags) error {
	if f.out != "" {
		if err := report.Write(f.out, rep); err != nil {
			return &cli.ExitError{Code: exitHarness, Err: err}
		}
	}
	if f.format == "json" {
		data, err := report.JSON(rep)
		if err == nil {
			_, err = a.out.Write(data)
		}
		if err != nil {
			return &cli.ExitError{Code: exitHarness, Err: err}
		}
	} else {
		dir := f.out
		if dir != "" {
			dir = filepath.Clean(dir)
		}
		opts := report.TextOptions{Spec: a.spec, Color: cli.Colors(a.out), Dir: dir}
		if err := report.Text(a.out, rep, opts); err != nil {
			return &cli.ExitError{Code: exitHarness, Err: err}
		}
	}
	if code := rep.ExitCode(); code != 0 {
		return &cli.ExitError{Code: code}
	}
	return nil
}

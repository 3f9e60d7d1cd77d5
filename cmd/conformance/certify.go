package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"agentproof/internal/bundled"
	"agentproof/internal/cli"
	"agentproof/suite/baseline"
	"agentproof/suite/cases"
	"agentproof/suite/instance"
	"agentproof/suite/report"
	"agentproof/suite/runner"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// certify runs the cases and publishes the report.
func (a *app) certify(cmd *cobra.Command, f runFlags, argv []string) error {
	if err := f.validate(argv); err != nil {
		return cli.Usage("%w", err)
	}
	if err := f.choose(a.cases); err != nil {
		return cli.Usage("%w", err)
	}
	known, err := f.known()
	if err != nil {
		return cli.Usage("--baseline: %w", err)
	}
	if f.out != "" {
		// Now rather than after a minute of work.
		if err := os.MkdirAll(f.out, 0o755); err != nil {
			return cli.Usage("--out: %w", err)
		}
	}
	opts := runner.Options{
		Spec: a.spec, Cases: a.cases, Selection: f.selection, Revision: f.revision,
		Parallel: f.parallel, TimeoutScale: f.scale, Strength: cases.Strength(),
	}
	if f.out != "" {
		keep, err := report.Transcripts(f.out, f.trace == traceAll)
		if err != nil {
			return cli.Usage("--out: %w", err)
		}
		if f.trace != traceNone {
			opts.Transcript = keep
		}
	}
	program, err := thisProgram()
	if err != nil {
		return err
	}
	if opts.Relay, err = f.relay.open(cmd.Context()); err != nil {
		return err
	}
	subj, done, err := f.subject(program, argv)
	if err != nil {
		return cli.Usage("%w", err)
	}
	defer done()
	opts.Subject, opts.HelperProgram = subj, program
	rep, err := a.watched(cmd.Context(), func(ctx context.Context, progress func(runner.Progress)) (*verdict.Report, error) {
		opts.Progress = progress
		return runner.Run(ctx, opts)
	})
	switch {
	case err == nil, errors.Is(err, runner.ErrInterrupted):
		rep.Target = target(cmd, argv)
		return a.publish(rep, f, known)
	case errors.Is(err, instance.ErrNeverReady), cmd.Context().Err() != nil:
		return &cli.ExitError{Code: exitHarness, Err: err}
	case errors.Is(err, runner.ErrNothingSelected):
		return cli.Usage("%w: see 'conformance list'", err)
	default:
		return cli.Usage("%w", err)
	}
}

// watched runs cases and shows their progress. An interruption ends the cases
// that run, which can take a while, and then the run.
func (a *app) watched(ctx context.Context, run func(context.Context, func(runner.Progress)) (*verdict.Report, error)) (*verdict.Report, error) {
	line := newProgressLine(a.err)
	defer line.close()
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		line.say("interrupted: ending what runs, then comes the report of what was judged; once more ends at once")
	})
	rep, err := run(ctx, line.update)
	if !stop() {
		<-said
	}
	return rep, err
}

func thisProgram() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", &cli.ExitError{Code: exitHarness, Err: fmt.Errorf("find this program: %w", err)}
	}
	return program, nil
}

// The values of --trace.
const (
	traceFailed = "failed"
	traceAll    = "all"
	traceNone   = "none"
)

// subject is the agent that the flags name; done frees what it needed.
func (f *runFlags) subject(program string, argv []string) (s subject.Subject, done func(), err error) {
	switch {
	case f.attach != "":
		return subject.Attached(subject.Attachment{
			URL: f.attach, WorkspaceID: f.workspace, AgentID: f.agent, SubjectBase: f.base, HeldEpoch: f.heldEpoch,
		}), func() {}, nil
	case len(argv) > 0:
		return subject.Command(argv...)
	default:
		s, done, err = subject.Command(program, bundled.Command)
		s.Name = "the bundled agent"
		return s, done, err
	}
}

// known is the file of known failures that the flags name; nil for none.
func (f *runFlags) known() (*baseline.File, error) {
	if f.baseline == "" {
		return nil, nil
	}
	return baseline.Load(f.baseline)
}

// publish writes and prints the report, and turns it into an exit code.
func (a *app) publish(rep *verdict.Report, f runFlags, known *baseline.File) error {
	if known != nil {
		known.Apply(rep, time.Now())
	}
	if f.out != "" {
		if err := report.Write(f.out, rep); err != nil {
			return &cli.ExitError{Code: exitHarness, Err: err}
		}
	}
	if err := a.print(report.New(rep), f.format, f.out); err != nil {
		return printError(err)
	}
	if code := rep.ExitCode(); code != 0 {
		return &cli.ExitError{Code: code}
	}
	return nil
}

func printError(err error) error {
	return &cli.ExitError{Code: exitHarness, Err: fmt.Errorf("print the report: %w", err)}
}

// print renders the report on stdout; dir is where its files are, or empty.
func (a *app) print(rep *report.Report, format, dir string) error {
	opts := report.TextOptions{
		Spec: a.spec, Color: cli.Colors(a.out), Width: cli.Width(a.out),
		Hint: "conformance explain CASE says what a case wants, why, and how to try it by hand",
	}
	if dir != "" {
		opts.Dir = filepath.Clean(dir)
	}
	return rep.Render(a.out, format, opts)
}

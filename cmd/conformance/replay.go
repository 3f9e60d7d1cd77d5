package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"agentproof/docs/spec"
	"agentproof/internal/cli"
	"agentproof/suite/replay"
	"agentproof/suite/transcript"
)

// replayFlags are the flags of `conformance replay`.
type replayFlags struct {
	runFlags
	verbose bool
	json    bool
}

func (a *app) replayCommand() *cobra.Command {
	f := replayFlags{runFlags: runFlags{format: "text", revision: spec.Revision}}
	cmd := &cobra.Command{
		Use:   "replay TRANSCRIPT [flags] [-- COMMAND ARGS...]",
		Short: "Send a transcript's requests again, and compare the replies",
		Long: `Send the requests of a transcript again, in their order, to an agent: the bundled
one without a command, the one that COMMAND starts, or one that runs already
(--attach). A run with --out DIR keeps transcripts in DIR/transcripts.

The agent is started as the transcript's case has it, with directories and
tokens of its own: {root}, {case-dir}, {terminal-1} and the like in a transcript
stand for them. What the case did without a message, such as stopping the
broker, is not done again.

Times, process ids, samples, pictures, the hashes of commits and the wording of
errors are not compared.

Exit codes:
  0  every reply was the same
  1  at least one was different
  2  wrong usage, or nothing in the transcript can be sent again
  3  the harness failed or was interrupted, or the agent never became ready`,
		Example: `  conformance replay out/report/transcripts/exec.cwd+relative.ndjson
  conformance replay out/report/transcripts/exec.cwd+relative.ndjson -- ./my-agent run
  conformance replay --json FILE --attach nats://user:password@127.0.0.1:4222 --workspace ws --agent machine`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			if dash < 0 {
				dash = len(args)
			} else if dash == len(args) {
				return cli.Usage("the agent's command is missing after --")
			}
			switch {
			case dash == 0:
				return cli.Usage("something is missing: it is 'conformance replay TRANSCRIPT'")
			case dash > 1:
				return cli.Usage("unexpected argument %q: the agent's command comes after --", args[1])
			}
			return a.replay(cmd, &f, args[0], args[1:])
		},
	}
	f.registerAttachment(cmd)
	fl := cmd.Flags()
	fl.Float64Var(&f.scale, "timeout-scale", 1, "stretch the suite's own limits by `FACTOR` on a slow machine")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "name the requests whose replies were the same, too")
	fl.BoolVar(&f.json, "json", false, "print what came of each request as JSON, one a line")
	return cmd
}

func (a *app) replay(cmd *cobra.Command, f *replayFlags, file string, argv []string) error {
	if err := f.validate(argv); err != nil {
		return cli.Usage("%w", err)
	}
	recorded, err := transcript.Load(file)
	if err != nil {
		return cli.Usage("%w", err)
	}
	program, err := thisProgram()
	if err != nil {
		return err
	}
	subj, done, err := f.subject(program, argv)
	if err != nil {
		return cli.Usage("%w", err)
	}
	defer done()
	replayed, err := replay.Run(cmd.Context(), replay.Options{
		Cases: a.cases, Subject: subj, TimeoutScale: f.scale, HelperProgram: program,
	}, recorded)
	switch {
	case errors.Is(err, replay.ErrNothingToReplay), errors.Is(err, replay.ErrNeedsOwnAgent):
		return cli.Usage("%s: %w", file, err)
	case err != nil:
		return &cli.ExitError{Code: exitHarness, Err: err}
	}
	different, err := a.printReplay(f, subj.Name, recorded, replayed)
	if err != nil {
		return &cli.ExitError{Code: exitHarness, Err: fmt.Errorf("print the replies: %w", err)}
	}
	if different > 0 {
		return &cli.ExitError{Code: 1}
	}
	return nil
}

// replayLine is what --json prints of a request.
type replayLine struct {
	ID          int                     `json:"id"`
	Op          string                  `json:"op"`
	Same        bool                    `json:"same"`
	NotSent     string                  `json:"not_sent,omitempty"`
	Differences []transcript.Difference `json:"differences,omitempty"`
}

// printReplay prints what came of each request, and returns how many replies
// were different.
func (a *app) printReplay(f *replayFlags, subject string, t *transcript.Transcript, all []replay.Replayed) (different int, err error) {
	same, skipped := 0, 0
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	for _, r := range all {
		switch {
		case r.Skipped != "":
			skipped++
		case len(r.Differences) > 0:
			different++
		default:
			same++
		}
		if f.json {
			err = errors.Join(err, enc.Encode(replayLine{
				r.ID, r.Op, r.Skipped == "" && len(r.Differences) == 0, r.Skipped, r.Differences,
			}))
			continue
		}
		f.describe(&text, r)
	}
	if !f.json {
		fmt.Fprintf(&text, "%s against %s: %d same, %d different", t.Case, subject, same, different)
		if skipped > 0 {
			fmt.Fprintf(&text, ", %d not sent", skipped)
		}
		text.WriteString("\n")
	}
	_, werr := a.out.Write([]byte(text.String()))
	return different, errors.Join(err, werr)
}

// describe says in words what came of a request.
func (f *replayFlags) describe(text *strings.Builder, r replay.Replayed) {
	switch {
	case r.Skipped != "":
		fmt.Fprintf(text, "- %d %s of %d bytes not sent: %s\n", r.ID, r.Op, r.Size, r.Skipped)
	case len(r.Differences) > 0:
		fmt.Fprintf(text, "✗ %d %s\n", r.ID, r.Op)
		for _, d := range r.Differences {
			fmt.Fprintf(text, "    %s\n", d)
		}
	case f.verbose:
		fmt.Fprintf(text, "✓ %d %s\n", r.ID, r.Op)
	}
}

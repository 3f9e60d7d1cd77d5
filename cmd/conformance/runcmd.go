package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"agentproof/docs/spec"
	"agentproof/internal/cli"
	"agentproof/session"
	"agentproof/session/natsrpc"
	"agentproof/suite/engine"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// runFlags are the flags of `conformance run`.
type runFlags struct {
	selection verdict.Selection
	revision  string
	scale     float64
	parallel  int
	out       string
	trace     string
	format    string
	baseline  string
	failed    string
	relay     vendorFlags

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
AGENTPROOF_SCREEN_CONTROL and AGENTPROOF_CA_FILE (the CA of tls:// and wss://
URLs), and by a credentials.json and a ca.pem in $OPENGENI_CONFIG_DIR.
Its working directory is its workspace root. "go run PACKAGE" is built once.

With --relay, terminals and desktops go through your relay: the agent is told of
a proxy in front of it, so that cases see what is dialled and can take the relay
away. Tokens are made with the relay's secrets, as for 'conformance relay'.

` + patternHelp + `

` + exitCodes,
		Example: `  conformance run
  conformance run --out out/report -- ./my-agent run
  conformance run --failed out/report -- ./my-agent run
  conformance run --case exec --case fs.read --skip '**/setsid'
  conformance run --baseline known.yaml -- ./my-agent run
  conformance run --relay wss://relay.example/stream --relay-viewer-secret-file viewers -- ./my-agent run
  conformance run --attach nats://user:password@127.0.0.1:4222 --workspace ws --agent machine`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := agentCommand(cmd, args); err != nil {
				return err
			}
			return a.certify(cmd, f, args)
		},
	}
	f.register(cmd, a.cases)
	cmd.Flags().StringArrayVar(&f.selection.Profiles, "profile", nil, "only the cases of this `PROFILE`: core, terminal, desktop or session (repeatable)")
	cmd.Flags().StringVar(&f.trace, "trace", traceFailed, "with --out: keep transcripts of `WHICH` cases: failed, all or none")
	cli.Complete(cmd, "trace", traceFailed, traceAll, traceNone)
	f.registerAttachment(cmd)
	f.relay.register(cmd)
	cli.Complete(cmd, "profile", verdict.Profiles()...)
	return cmd
}

// agentCommand checks that an agent's command, if any, stands after dashes.
func agentCommand(cmd *cobra.Command, args []string) error {
	switch dash := cmd.ArgsLenAtDash(); {
	case dash == 0 && len(args) == 0:
		// An empty variable must not lead to the wrong agent.
		return cli.Usage("the agent's command is missing after --")
	case dash != 0 && len(args) > 0:
		return cli.Usage("unexpected argument %q: the agent's command comes after --", args[0])
	}
	return nil
}

// registerAttachment adds the flags that lead to an agent that runs already.
func (f *runFlags) registerAttachment(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.attach, "attach", "", "take a running agent behind the broker at `URL`")
	fl.StringVar(&f.workspace, "workspace", "", "with --attach: the agent's workspace `ID`")
	fl.StringVar(&f.agent, "agent", "", "with --attach: the agent's `ID`")
	fl.StringVar(&f.base, "subject-base", "", "with --attach: the agent's subject `BASE`, when it is not agent.WORKSPACE.AGENT")
	fl.Uint32Var(&f.heldEpoch, "held-epoch", 0, "with --attach: the `EPOCH` that the agent holds")
}

// patternHelp says what selects cases.
const patternHelp = `Cases are selected by area (exec), by clause (exec.timeout), by id, or by a glob:
* matches within a word of an id, ** anything; words end at . and /.`

// register adds the flags that every subject's cases have.
func (f *runFlags) register(cmd *cobra.Command, cs []engine.Case) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.selection.Cases, "case", nil, "only the cases of this area or clause, or that this `GLOB` matches (repeatable)")
	fl.StringArrayVar(&f.selection.Skip, "skip", nil, "not the cases of this area or clause, or that this `GLOB` matches (repeatable)")
	fl.StringVar(&f.failed, "failed", "", "only the cases that failed or were blocked in the report in `DIR`")
	fl.StringVar(&f.selection.Level, "level", "", "only `LEVEL` must, or should and above")
	fl.StringVar(&f.revision, "revision", spec.Revision, "judge by this `REVISION` of the specification")
	fl.Float64Var(&f.scale, "timeout-scale", 1, "stretch the suite's own limits by `FACTOR` on a slow machine")
	fl.IntVar(&f.parallel, "parallel", 0, "run `N` cases at once (default: what suits the machine)")
	fl.StringVar(&f.baseline, "baseline", "", "expect the failures that `FILE` knows, and only them; see 'conformance baseline --help'")
	fl.StringVar(&f.out, "out", "", "write the report in every format, and screenshots of failures, into `DIR`: "+cli.List(report.Files()))
	fl.StringVar(&f.format, "format", "text", "print the report as `FORMAT`: "+cli.List(report.Formats()))
	completeSelection(cmd, cs)
	cli.Complete(cmd, "level", "must", "should")
	cli.Complete(cmd, "format", report.Formats()...)
	cli.Complete(cmd, "revision", spec.Revisions()...)
}

// maxScale bounds --timeout-scale: a hundredfold is slower than any machine.
const maxScale = 100

// choose settles which of the cases are selected, or says what is wrong with
// the flags that select them.
func (f *runFlags) choose(cs []engine.Case) error {
	if f.failed == "" {
		return checkSelection(f.selection, cs)
	}
	if len(f.selection.Cases) > 0 {
		return errors.New("--failed and --case exclude each other")
	}
	ids, err := unfinished(f.failed, cs)
	if err != nil {
		return fmt.Errorf("--failed: %w", err)
	}
	f.selection.Cases = ids
	return checkSelection(f.selection, cs)
}

// validate finds what is wrong with the flags before anything is started.
func (f *runFlags) validate(argv []string) error {
	if err := checkFormat(f.format, report.Formats()...); err != nil {
		return err
	}
	switch {
	case !slices.Contains([]string{"", traceFailed, traceAll, traceNone}, f.trace): // relays have none
		return fmt.Errorf("--trace %q: there are failed, all and none", f.trace)
	case f.trace == traceAll && f.out == "":
		return errors.New("--trace all goes with --out, where the transcripts are written")
	case !(f.scale > 0 && f.scale <= maxScale): // also what is no number
		return fmt.Errorf("--timeout-scale %v: it must be above 0 and at most %d", f.scale, maxScale)
	case f.parallel < 0:
		return fmt.Errorf("--parallel %d: it must not be negative", f.parallel)
	case f.attach == "" && (f.workspace != "" || f.agent != "" || f.base != "" || f.heldEpoch != 0):
		return errors.New("--workspace, --agent, --subject-base and --held-epoch go with --attach")
	case f.attach != "" && len(argv) > 0:
		return errors.New("--attach and a command exclude each other")
	case f.attach != "" && f.relay.url != "":
		return errors.New("--attach and --relay exclude each other: an agent that runs already has its relay")
	case f.attach != "":
		return f.validateAttachment()
	}
	return nil
}

func (f *runFlags) validateAttachment() error {
	if f.workspace == "" || f.agent == "" {
		return errors.New("--attach needs --workspace and --agent")
	}
	// What the parser would say quotes the URL, and with it the password.
	u, err := url.Parse(f.attach)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
		return errors.New("--attach: it takes a URL such as nats://user:password@127.0.0.1:4222")
	}
	rpc := natsrpc.New(natsrpc.Config{}) // connects to nothing
	defer rpc.Close()
	_, err = session.New(rpc, session.Config{WorkspaceID: f.workspace, AgentID: f.agent, SubjectBase: f.base})
	return err
}

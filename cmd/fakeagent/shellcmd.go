package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/stream"
)

// hangUpLimit bounds what is still said to the agent when the shell ends.
const hangUpLimit = 10 * time.Second

// shellFlags are the flags of `fakeagent shell`.
type shellFlags struct {
	callFlags
	relayURL string
	viewer   cli.Secret
	cwd      string
	env      []string
	attach   string
}

func shellCommand() *cobra.Command {
	var f shellFlags
	cmd := &cobra.Command{
		Use:   "shell [flags] [--] [COMMAND ARGS...]",
		Short: "Attach this terminal to a terminal of the machine",
		Long: `Open a terminal on the machine and attach this one to it, as ssh does: the
user's shell, or COMMAND. The machine's terminal follows this window's size, and
its exit code is passed on. A lost relay is waited for.

At the beginning of a line, ~. detaches and leaves the terminal to --attach, and
~~ types one tilde.

Without flags it is the agent that 'fakeagent run' serves on this machine; if
there are several, --agent chooses one of them.`,
		Example: `  fakeagent shell
  fakeagent shell --cwd src vim main.go
  fakeagent shell --attach TERMINAL/CHANNEL`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.callFlags.register(cmd.Flags())
	fl := cmd.Flags()
	fl.StringVar(&f.relayURL, "relay-url", "", "the relay's `URL`, with --nats")
	f.viewer.Register(cmd, "viewer-secret", viewerSecretEnv, "signs viewers' tokens at the relay")
	fl.StringVar(&f.cwd, "cwd", "", "open the terminal in this `DIR`")
	fl.StringArrayVar(&f.env, "env", nil, "set `NAME=VALUE` for the command (repeatable)")
	fl.StringVar(&f.attach, "attach", "", "go on with the terminal `ID` that a shell detached from")
	// What follows the command's name belongs to the command.
	fl.SetInterspersed(false)
	return cmd
}

func (f *shellFlags) run(cmd *cobra.Command, argv []string) error {
	tty, err := userTerminal(cmd.InOrStdin(), cmd.OutOrStdout())
	if err != nil {
		return cli.Usage("%w", err)
	}
	r, err := f.target(cmd)
	if err != nil {
		return err
	}
	sh := &shell{tty: tty, workspace: r.WorkspaceID, epoch: f.epoch}
	var relay session.Relay
	if sh.secret, relay, err = f.relay(r); err != nil {
		return cli.Usage("%w", err)
	}
	req, err := f.request(argv)
	if err != nil {
		return cli.Usage("%w", err)
	}
	s, done, err := f.connect(r, relay)
	if err != nil {
		return err
	}
	defer done()
	sh.session = s
	// Here also a second signal must not end the program before the user's
	// terminal is as it was.
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := sh.start(ctx, f.attach, r.AgentID, req); err != nil {
		return &cli.ExitError{Code: exitFailed, Err: explain(err)}
	}
	return sh.outcome(cmd, sh.serve(ctx))
}

// relay is where viewers dial, and what their tokens are signed with.
func (f *shellFlags) relay(r reach) (stream.Secret, session.Relay, error) {
	secret, err := f.viewer.Read()
	if err != nil {
		return "", session.Relay{}, err
	}
	if f.relayURL != "" {
		r.RelayURL = f.relayURL
	}
	if secret == "" {
		secret = r.ViewerSecret
	}
	switch {
	case r.RelayURL == "":
		return "", session.Relay{}, errors.New("there is no relay to reach a terminal over: give --relay-url, or run the agent with one")
	case secret == "":
		return "", session.Relay{}, fmt.Errorf("the relay lets nobody in without a token: give --viewer-secret-file or $%s", viewerSecretEnv)
	}
	relay, err := sessionRelay(r.RelayURL)
	return stream.Secret(secret), relay, err
}

// request is the terminal that is asked for, but for its size.
func (f *shellFlags) request(argv []string) (*agentv1.PtyOpenRequest, error) {
	if f.attach != "" && len(argv)+len(f.env)+len(f.cwd) > 0 {
		return nil, errors.New("--attach takes a terminal as it is: without a command, --cwd and --env")
	}
	env, err := variables(f.env)
	return &agentv1.PtyOpenRequest{
		Command: argv, Cwd: session.ToMachinePath(f.cwd, f.workdir), Env: env, Term: os.Getenv("TERM"),
	}, err
}

// variables reads NAME=VALUE pairs.
func variables(pairs []string) (map[string]string, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	env := make(map[string]string, len(pairs))
	for _, kv := range pairs {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--env %q: it takes NAME=VALUE", kv)
		}
		env[name] = value
	}
	return env, nil
}

// outcome turns the end of a shell into messages and the exit code.
func (sh *shell) outcome(cmd *cobra.Command, end error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), hangUpLimit)
	defer cancel()
	closed, ended := errors.AsType[*stream.CloseError](end)
	switch {
	case errors.Is(end, errDetached):
		fmt.Fprintf(cmd.ErrOrStderr(), "detached; go on with: fakeagent shell --attach %s\n", sh.id())
		return nil
	case errors.Is(end, stream.ErrDisplaced):
		return &cli.ExitError{Code: exitFailed, Err: errors.New("another viewer took the terminal")}
	case ended && closed.Reason != agentv1.StreamCloseReason_STREAM_CLOSE_REASON_PROCESS_EXIT:
		_, _ = sh.hangUp(ctx)
		return &cli.ExitError{Code: exitFailed, Err: end}
	case !ended:
		_, _ = sh.hangUp(ctx)
		return &cli.ExitError{Code: exitFailed, Err: fmt.Errorf("the terminal was left: %w", end)}
	}
	code, err := sh.hangUp(ctx)
	switch {
	case err != nil:
		return &cli.ExitError{Code: exitFailed, Err: fmt.Errorf("the terminal ended, and nobody knows its exit code: %w", err)}
	case code < 0:
		return &cli.ExitError{Code: exitEnded}
	case code > 0:
		return &cli.ExitError{Code: code}
	}
	return nil
}

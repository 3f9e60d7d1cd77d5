package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"agentproof/internal/cli"
	"agentproof/session"
	"agentproof/session/natsrpc"
)

// callFlags say which agent to call, and as whom.
type callFlags struct {
	nats      string
	workspace string
	agent     string
	base      string
	epoch     uint32
	timeout   time.Duration
	workdir   string
}

func callCommand() *cobra.Command {
	var f callFlags
	cmd := &cobra.Command{
		Use:   "call",
		Short: "Call an agent as its control plane would",
		Long: `Call an agent as its control plane would, through a session: /workspace is the
agent's root (or --workdir), relative paths lie under it.

Without flags it is the agent that 'fakeagent run' serves on this machine; if
there are several, --agent chooses one of them.`,
		Example: `  fakeagent call ping
  fakeagent call exec 'echo $HOME; exit 3'
  echo hello | fakeagent call write notes.txt
  fakeagent call --nats nats://user:password@127.0.0.1:4222 --workspace ws --agent laptop ls`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.register(cmd.PersistentFlags())
	cmd.AddCommand(f.execCommand(), f.gitCommand(), f.pingCommand(), f.metricsCommand(),
		f.readCommand(), f.writeCommand(), f.lsCommand(), f.statCommand(),
		f.mkdirCommand(), f.mvCommand(), f.rmCommand())
	return cmd
}

func (f *callFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.nats, "nats", "", "the broker's `URL`, with the control plane's credentials; alone, it chooses an agent of this machine")
	fl.StringVar(&f.workspace, "workspace", "", "the agent's workspace `ID`")
	fl.StringVar(&f.agent, "agent", "", "the agent's `ID`; alone, it chooses an agent of this machine")
	fl.StringVar(&f.base, "subject-base", "", "the agent's subject `BASE`, when it is not agent.WORKSPACE.AGENT")
	fl.Uint32Var(&f.epoch, "epoch", 0, "send requests with this `EPOCH`; 0 is never fenced")
	fl.DurationVar(&f.timeout, "timeout", session.DefaultTimeout, "wait this `LONG` for the reply")
	fl.StringVar(&f.workdir, "workdir", "", "the directory that /workspace stands for")
}

// with opens a session, hands it to do, and turns errors into exit codes.
func (f *callFlags) with(cmd *cobra.Command, do func(ctx context.Context, s *session.Session) error) error {
	r, err := f.target(cmd)
	if err != nil {
		return err
	}
	s, done, err := f.connect(r, session.Relay{})
	if err != nil {
		return err
	}
	defer done()
	err = do(cmd.Context(), s)
	if _, ok := errors.AsType[*cli.ExitError](err); ok || err == nil {
		return err
	}
	return &cli.ExitError{Code: exitFailed, Err: explain(err)}
}

// target is the agent that the flags name, or the one that runs here, which it
// then shows on a terminal.
func (f *callFlags) target(cmd *cobra.Command) (reach, error) {
	if f.nats != "" && f.workspace != "" && f.agent != "" {
		return reach{ControlURL: f.nats, WorkspaceID: f.workspace, AgentID: f.agent}, nil
	}
	agents, err := running(cmd.Context())
	if err != nil {
		return reach{}, cli.Usage("%w", err)
	}
	r, err := f.choose(agents)
	if err != nil {
		return reach{}, cli.Usage("%w", err)
	}
	if _, ok := cli.Terminal(cmd.ErrOrStderr()); ok {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s\n", r)
	}
	return r, nil
}

// connect opens a session with the agent; done frees what it needs.
func (f *callFlags) connect(r reach, relay session.Relay) (s *session.Session, done func(), err error) {
	if f.timeout <= 0 {
		return nil, nil, cli.Usage("--timeout %v: it must be above 0", f.timeout)
	}
	rpc := natsrpc.New(natsrpc.Config{URLs: []string{r.ControlURL}, Name: "fakeagent"})
	done = func() { _ = rpc.Close() }
	s, err = session.New(rpc, session.Config{
		WorkspaceID: r.WorkspaceID, AgentID: r.AgentID, SubjectBase: f.base,
		Epoch: f.epoch, Timeout: f.timeout, WorkingDir: f.workdir, Relay: relay,
	})
	if err != nil {
		done()
		return nil, nil, cli.Usage("%w", err)
	}
	return s, done, nil
}

// explain adds what to do about a failure.
func explain(err error) error {
	switch {
	case errors.Is(err, session.ErrAgentOffline):
		return fmt.Errorf("%w: is it running, and are --nats, --workspace and --agent right?", err)
	case errors.Is(err, session.ErrReconnecting):
		return fmt.Errorf("%w; a longer --timeout may help", err)
	case errors.Is(err, session.ErrFenced):
		return fmt.Errorf("%w: give the agent's current --epoch, or none", err)
	case errors.Is(err, session.ErrConsentRequired):
		return fmt.Errorf("%w: its owner consents with 'fakeagent run --screen-control'", err)
	default:
		return err
	}
}

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"agentproof/agent"
	"agentproof/fixtures/broker"
	"agentproof/internal/cli"
)

// runFlags are the flags of `fakeagent run`.
type runFlags struct {
	nats          []string
	token         string
	workspace     string
	agent         string
	root          string
	epoch         uint32
	screenControl bool
	desktop       string
	credentials   string
	port          int
	password      string
	json          bool
	verbose       bool
	mutants       []string
	serial        bool
	listMutants   bool
	script        runScript
	relay         runRelay
}

func runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Serve this machine",
		Long: `Serve this machine to a control plane.

Without flags there are two ways. If AGENTPROOF_NATS_URL is set, or a
credentials.json lies in $OPENGENI_CONFIG_DIR, the agent connects to the broker
that they name. Otherwise it starts a broker and a relay of its own on loopback
and prints how to reach them; 'fakeagent call' and 'fakeagent shell' find those
by themselves.

SIGTERM or SIGINT ends running commands, says goodbye and exits with 0.`,
		Example: `  fakeagent run
  fakeagent run --root ~/project --port 4222
  fakeagent run --virtual-desktop=1920x1080 --screen-control
  fakeagent run --nats nats://broker.example:4222 --token SECRET --workspace ws --agent laptop
  fakeagent run --credentials ./credentials.json
  fakeagent run --script flaky.yaml
  fakeagent run --mutant fence.swaps-the-epochs
  fakeagent run --serial`,
		Args: cli.Args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.listMutants {
				return printMutants(cmd.OutOrStdout())
			}
			return f.run(cmd)
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.nats, "nats", nil, "connect to your own broker at `URL` (repeatable)")
	fl.StringVar(&f.token, "token", "", "the agent's bearer `TOKEN`")
	fl.StringVar(&f.workspace, "workspace", "", "workspace `ID` (default \"local\")")
	fl.StringVar(&f.agent, "agent", "", "agent `ID` (default the host name)")
	fl.StringVar(&f.root, "root", "", "workspace root `DIR` (default the working directory)")
	fl.Uint32Var(&f.epoch, "epoch", 0, "held `EPOCH` of the fence")
	fl.BoolVar(&f.screenControl, "screen-control", false, "consent to screen control")
	fl.StringVar(&f.desktop, "virtual-desktop", "", "give the agent a screen of its own of this `SIZE`, in memory (needs Xvfb)")
	fl.Lookup("virtual-desktop").NoOptDefVal = desktopSize
	fl.StringVar(&f.credentials, "credentials", "", "read a deployed agent's credentials `FILE`")
	fl.IntVar(&f.port, "port", 0, "`PORT` of the own broker (default a free one)")
	fl.StringVar(&f.password, "password", "", "control-plane `PASSWORD` of the own broker (default a random one)")
	fl.BoolVar(&f.json, "json", false, "log and announce in JSON")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "log every operation too")
	fl.StringArrayVar(&f.mutants, "mutant", nil, "put the fault `ID` into the agent, to see whether your tests notice it (repeatable)")
	fl.BoolVar(&f.serial, "serial", false, "serve one request at a time, pings included")
	fl.BoolVar(&f.listMutants, "list-mutants", false, "list the faults that --mutant knows, and serve nothing")
	cli.CompleteFrom(cmd, "mutant", mutantIDs)
	f.script.flags(cmd)
	f.relay.flags(cmd)
	return cmd
}

func (f *runFlags) run(cmd *cobra.Command) error {
	cfg, err := f.config(cmd)
	if err != nil {
		return cli.Usage("%w", err)
	}
	cfg.AdoptOrphans = true
	cfg.Version = cli.Version()
	cfg.Logger = newLogger(cmd.ErrOrStderr(), f.json, f.verbose)
	reach := reach{WorkspaceID: cfg.WorkspaceID, AgentID: cfg.AgentID, Root: cfg.Root}
	stop, err := f.startDesktop(cmd.Context(), &cfg, &reach)
	if err != nil {
		return &cli.ExitError{Code: 1, Err: err}
	}
	defer stop()
	if f.relay.configure(&cfg) {
		srv, err := f.relay.start(&cfg, &reach)
		if err != nil {
			return &cli.ExitError{Code: 1, Err: err}
		}
		defer srv.Close()
	} else {
		reach.RelayURL = cfg.RelayURL
	}
	if len(cfg.URLs) == 0 {
		var up atomic.Bool // until then its errors are what Start returns
		b, err := broker.Start(broker.Config{Port: f.port, ControlPassword: f.password, Logf: func(format string, args ...any) {
			if up.Load() {
				cfg.Logger.Error("broker: " + fmt.Sprintf(format, args...))
			}
		}})
		if err != nil {
			return &cli.ExitError{Code: 1, Err: err}
		}
		defer b.Close()
		up.Store(true)
		cfg.URLs = []string{b.URL()}
		if cfg.Token == "" {
			cfg.Token = rand.Text()
		}
		b.Admit(cfg.WorkspaceID, cfg.Token)
		reach.URL, reach.ControlURL, reach.Token = b.URL(), b.ControlURL(), cfg.Token
		forget, err := reach.remember()
		if err != nil {
			cfg.Logger.Warn("fakeagent call will not find this agent by itself", "error", err)
		}
		defer forget()
	} else {
		reach.URL = strings.Join(redacted(cfg.URLs), ",")
	}
	return f.serve(cmd, cfg, reach)
}

// serve runs the agent and announces it once its Hello is out.
func (f *runFlags) serve(cmd *cobra.Command, cfg agent.Config, r reach) error {
	ctx, end, err := f.mutate(cmd.Context(), &cfg)
	if err != nil {
		return &cli.ExitError{Code: 1, Err: err}
	}
	hello := "agent." + cfg.WorkspaceID + "." + cfg.AgentID + ".hello"
	var once sync.Once
	faulty := cfg.Wire.Out
	cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
		announced := func(subject string, data []byte) error {
			err := next(subject, data)
			if err == nil && subject == hello {
				once.Do(func() { r.announce(cmd.OutOrStdout(), f.json) })
			}
			return err
		}
		if faulty == nil {
			return announced
		}
		return faulty(announced)
	}
	if err := end(f.script.run(ctx, cfg)); err != nil && !errors.Is(err, context.Canceled) {
		return &cli.ExitError{Code: 1, Err: err}
	}
	return nil
}

// config puts flags over credentials over the environment.
func (f *runFlags) config(cmd *cobra.Command) (agent.Config, error) {
	if err := f.script.load(cmd); err != nil {
		return agent.Config{}, err
	}
	if err := f.checkMutants(); err != nil {
		return agent.Config{}, err
	}
	if err := f.checkDesktop(); err != nil {
		return agent.Config{}, err
	}
	cfg, err := f.base()
	if err != nil {
		return agent.Config{}, err
	}
	set := cmd.Flags().Changed
	if len(f.nats) > 0 {
		cfg.URLs = f.nats
	}
	if len(cfg.URLs) > 0 && (set("port") || set("password")) {
		return agent.Config{}, errors.New("--port and --password are for the own broker, which --nats and credentials replace")
	}
	if f.port < 0 || f.port > 65535 {
		return agent.Config{}, fmt.Errorf("--port %d: there are 1 to 65535, and 0 for a free one", f.port)
	}
	if set("token") {
		cfg.Token = f.token
	}
	if set("workspace") || cfg.WorkspaceID == "" {
		cfg.WorkspaceID = orDefault(f.workspace, "local")
	}
	if set("agent") || cfg.AgentID == "" {
		cfg.AgentID = orDefault(f.agent, hostID())
	}
	if set("epoch") {
		cfg.Epoch = f.epoch
	}
	if set("screen-control") {
		cfg.ScreenControl = f.screenControl
	}
	cfg.WholeMachine = true
	if cfg.Root, err = filepath.Abs(f.root); err != nil {
		return cfg, err
	}
	// Now rather than after a broker was started and remembered.
	told := cfg
	if len(told.URLs) == 0 {
		told.URLs = []string{nats.DefaultURL}
	}
	return cfg, told.Validate()
}

// base is what the agent is told without flags: by --credentials, by the
// environment, or nothing.
func (f *runFlags) base() (agent.Config, error) {
	if f.credentials != "" {
		creds, err := agent.LoadCredentials(f.credentials)
		if err != nil {
			return agent.Config{}, err
		}
		return creds.Config(), nil
	}
	told := os.Getenv("AGENTPROOF_NATS_URL") != ""
	if dir := os.Getenv("OPENGENI_CONFIG_DIR"); dir != "" && !told {
		_, err := os.Stat(filepath.Join(dir, "credentials.json"))
		told = err == nil
	}
	if len(f.nats) > 0 || !told {
		return agent.Config{}, nil
	}
	return agent.ConfigFromEnviron(os.Environ())
}

func orDefault(v, def string) string {
	if v == "" {
		return def
	}
	return v
}

// hostID is the host name as one token of a subject.
func hostID() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "machine"
	}
	name, _, _ = strings.Cut(name, ".")
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(".*> \t", r) {
			return '-'
		}
		return r
	}, name)
}

// announce says how to reach the agent, and last that it is ready.
func (r reach) announce(w io.Writer, asJSON bool) {
	if asJSON {
		_ = json.NewEncoder(w).Encode(struct {
			reach
			Subject string `json:"subject"`
			Ready   bool   `json:"ready"`
		}{r, r.subject(), true})
		return
	}
	fmt.Fprintf(w, "broker   %s\n", r.URL)
	if r.ControlURL != "" {
		fmt.Fprintf(w, "control  %s\ntoken    %s\n", r.ControlURL, r.Token)
	}
	if r.RelayURL != "" {
		fmt.Fprintf(w, "relay    %s\n", redacted([]string{r.RelayURL})[0])
	}
	if r.ViewerSecret != "" {
		fmt.Fprintf(w, "viewers  %s\n", r.ViewerSecret)
	}
	if r.Display != nil {
		fmt.Fprintf(w, "display  %s\n", r.Display)
	}
	fmt.Fprintf(w, "subject  %s\nroot     %s\n", r.subject(), r.Root)
	if r.ControlURL != "" {
		fmt.Fprintf(w, "try      fakeagent call exec uname -a\n")
	}
	if r.ControlURL != "" && r.ViewerSecret != "" {
		fmt.Fprintf(w, "         fakeagent shell\n")
	}
	if r.ControlURL != "" && r.Display != nil {
		fmt.Fprintf(w, "         fakeagent screenshot\n")
	}
	fmt.Fprintln(w, "ready")
}

package subject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"agentproof/suite/engine"
)

// Command is an agent that argv starts, told everything by its environment
// (the AGENTPROOF_ variables), by a credentials.json in $OPENGENI_CONFIG_DIR,
// and by its working directory, which is its workspace root.
//
// A program with a slash in its name is relative to this process's directory.
// "go run PACKAGE" is built first and the result started, since go run neither
// runs a package from another directory nor passes SIGTERM on. Close removes
// what was built.
func Command(argv ...string) (engine.Subject, func(), error) {
	if len(argv) == 0 {
		return engine.Subject{}, nil, errors.New("the agent's command is empty")
	}
	c := &command{argv: slices.Clone(argv)}
	if err := c.resolve(); err != nil {
		return engine.Subject{}, nil, err
	}
	return engine.Subject{Name: strings.Join(argv, " "), Start: c.start}, c.close, nil
}

// command starts instances of one agent.
type command struct {
	argv []string

	build    sync.Once
	buildErr error
	dir      string // holds a built program, "" if there is none
}

// resolve makes the program's name absolute, because every instance runs in a
// directory of its own.
func (c *command) resolve() error {
	path, err := exec.LookPath(c.argv[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return fmt.Errorf("find the agent's command: %w", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("find the agent's command: %w", err)
	}
	if !c.isGoRun() {
		c.argv[0] = path
	}
	return nil
}

func (c *command) isGoRun() bool {
	return len(c.argv) > 2 && filepath.Base(c.argv[0]) == "go" && c.argv[1] == "run"
}

func (c *command) close() {
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}

func (c *command) start(ctx context.Context, env engine.Environment) (engine.Process, error) {
	if c.isGoRun() {
		c.build.Do(func() { c.buildErr = c.goBuild(ctx) })
		if c.buildErr != nil {
			return nil, c.buildErr
		}
	}
	if err := writeCredentials(env); err != nil {
		return nil, fmt.Errorf("write the agent's credentials: %w", err)
	}
	// Not CommandContext: an instance outlives the context of its start, and
	// its owner ends it.
	cmd := exec.Command(c.argv[0], c.argv[1:]...)
	cmd.Dir = env.Root
	cmd.Env = environ(env)
	cmd.Stdout, cmd.Stderr = env.Output, env.Output
	return startProcess(cmd)
}

// goBuild replaces "go run [flags] package args…" by the program it would run.
func (c *command) goBuild(ctx context.Context) error {
	flags, pkgs, args := splitGoRun(c.argv[2:])
	if len(pkgs) == 0 {
		return errors.New("go run: no package to run")
	}
	dir, err := os.MkdirTemp("", "agentproof-build-")
	if err != nil {
		return err
	}
	c.dir = dir
	program := filepath.Join(dir, "agent")
	build := exec.CommandContext(ctx, c.argv[0], slices.Concat([]string{"build", "-o", program}, flags, pkgs)...)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", strings.Join(pkgs, " "), err, out)
	}
	c.argv = append([]string{program}, args...)
	return nil
}

// splitGoRun separates build flags, packages or .go files, and the program's
// arguments, as go run does.
func splitGoRun(args []string) (flags, pkgs, rest []string) {
	valued := []string{"-C", "-asmflags", "-buildmode", "-buildvcs", "-compiler", "-covermode", "-coverpkg", "-gcflags",
		"-ldflags", "-mod", "-modfile", "-overlay", "-p", "-pgo", "-pkgdir", "-tags", "-toolexec"}
	i := 0
	for i < len(args) && strings.HasPrefix(args[i], "-") {
		n := 1
		if slices.Contains(valued, args[i]) {
			n = 2
		}
		n = min(n, len(args)-i)
		flags = append(flags, args[i:i+n]...)
		i += n
	}
	first := i
	for i < len(args) && strings.HasSuffix(args[i], ".go") {
		i++
	}
	if i == first && i < len(args) {
		i++
	}
	return flags, args[first:i], args[i:]
}

// environ is this process's environment without what an agent could mistake
// for its own, and with what it must be told.
func environ(env engine.Environment) []string {
	var out []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "AGENTPROOF_") || strings.HasPrefix(name, "OPENGENI_") || name == "DISPLAY" || name == "PWD" {
			continue
		}
		out = append(out, kv)
	}
	out = append(out,
		"PWD="+env.Root,
		"AGENTPROOF_NATS_URL="+strings.Join(env.URLs, ","),
		"AGENTPROOF_NATS_TOKEN="+env.Token,
		"AGENTPROOF_WORKSPACE_ID="+env.WorkspaceID,
		"AGENTPROOF_AGENT_ID="+env.AgentID,
		"AGENTPROOF_EPOCH="+strconv.FormatUint(uint64(env.Epoch), 10),
		"AGENTPROOF_RELAY_URL="+env.RelayURL,
		"AGENTPROOF_RELAY_TOKEN="+env.RelayToken,
		"AGENTPROOF_SCREEN_CONTROL="+strconv.FormatBool(env.ScreenControl),
		"OPENGENI_CONFIG_DIR="+env.ConfigDir,
	)
	if env.Display != "" {
		out = append(out, "DISPLAY="+env.Display)
	}
	if env.CAFile != "" {
		out = append(out, "SSL_CERT_FILE="+env.CAFile)
	}
	return env.Layer(out)
}

// credentials is the file that deployed agents read.
type credentials struct {
	AgentID                string   `json:"agent_id"`
	WorkspaceID            string   `json:"workspace_id"`
	NATSBearer             string   `json:"nats_bearer"`
	NATSURLs               []string `json:"nats_urls"`
	RelayURL               string   `json:"relay_url"`
	RelayToken             string   `json:"relay_token"`
	UpdatePubkey           string   `json:"update_pubkey"`
	ConsentedWholeMachine  bool     `json:"consented_whole_machine"`
	ConsentedScreenControl bool     `json:"consented_screen_control"`
	UpdateChannel          string   `json:"update_channel"`
	ResumeToken            string   `json:"resume_token"`
	LastKnownEpoch         uint32   `json:"last_known_epoch"`
}

func writeCredentials(env engine.Environment) error {
	data, err := json.MarshalIndent(credentials{
		AgentID: env.AgentID, WorkspaceID: env.WorkspaceID,
		NATSBearer: env.Token, NATSURLs: env.URLs,
		RelayURL: env.RelayURL, RelayToken: env.RelayToken,
		ConsentedWholeMachine: true, ConsentedScreenControl: env.ScreenControl,
		UpdateChannel: "stable", LastKnownEpoch: env.Epoch,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.ConfigDir, "credentials.json"), data, 0o600)
}

// spawned is an agent in a process of its own.
type spawned struct {
	cmd  *exec.Cmd
	done chan struct{}
	tree processTree
}

func startProcess(cmd *exec.Cmd) (engine.Process, error) {
	p := &spawned{cmd: cmd, done: make(chan struct{})}
	p.tree.prepare(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait()
	}()
	return p, nil
}

func (p *spawned) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }
func (p *spawned) Kill() error              { return p.tree.kill(p.cmd) }
func (p *spawned) Done() <-chan struct{}    { return p.done }

func (p *spawned) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

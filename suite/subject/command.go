package subject

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"agentproof/suite/helper"
)

// Command is an agent that argv starts, told everything by its environment
// (the AGENTPROOF_ variables), by a credentials.json in $OPENGENI_CONFIG_DIR,
// and by its working directory, which is its workspace root.
//
// A program with a slash in its name is relative to this process's directory.
// "go run PACKAGE" is built first and the result started, since go run neither
// runs a package from another directory nor passes SIGTERM on. done removes
// what was built.
func Command(argv ...string) (s Subject, done func(), err error) {
	if len(argv) == 0 || argv[0] == "" {
		return Subject{}, nil, errors.New("the agent's command is empty")
	}
	// Every instance runs in a directory of its own.
	program, err := exec.LookPath(argv[0])
	if err == nil || errors.Is(err, exec.ErrDot) {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return Subject{}, nil, fmt.Errorf("find the agent's command: %w", err)
	}
	c := &command{program: program, args: slices.Clone(argv[1:])}
	if filepath.Base(argv[0]) == "go" && len(argv) > 1 && argv[1] == "run" {
		if c.build, err = newBuild(program, argv[2:]); err != nil {
			return Subject{}, nil, err
		}
	}
	started := slices.Clone(argv)
	if c.build != nil { // here, where its package is
		started = slices.Concat(argv[:1], c.build.args)
	}
	return Subject{Name: strings.Join(argv, " "), Argv: started, Start: c.start}, c.close, nil
}

// command starts instances of one agent.
type command struct {
	program string // absolute
	args    []string
	build   *build // makes the program first; nil for one that exists
}

func (c *command) close() {
	if c.build != nil {
		c.build.remove()
	}
}

func (c *command) start(ctx context.Context, env Environment) (Process, error) {
	program, args := c.program, c.args
	if c.build != nil {
		var err error
		if program, err = c.build.run(ctx); err != nil {
			return nil, err
		}
		args = c.build.args
	}
	if err := writeCredentials(env); err != nil {
		return nil, fmt.Errorf("write the agent's credentials: %w", err)
	}
	if err := writeCA(env); err != nil {
		return nil, fmt.Errorf("write the broker's CA: %w", err)
	}
	// Not CommandContext: an instance outlives the context of its start, and
	// its owner ends it.
	cmd := exec.Command(program, args...)
	cmd.Dir = env.Root
	cmd.Env = environ(env)
	cmd.Stdout, cmd.Stderr = env.Output, env.Output
	return startProcess(cmd)
}

// spawned is an agent in a process of its own.
type spawned struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu       sync.Mutex
	children []helper.Process // descendants that the agent had when it was signalled
}

func startProcess(cmd *exec.Cmd) (Process, error) {
	p := &spawned{cmd: cmd, done: make(chan struct{})}
	prepareTree(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait()
	}()
	return p, nil
}

func (p *spawned) Signal(s os.Signal) error {
	p.note()
	return p.cmd.Process.Signal(s)
}

func (p *spawned) Kill() error {
	p.note()
	err := killTree(p.cmd)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, child := range p.children {
		err = errors.Join(err, helper.Kill(child))
	}
	p.children = nil
	return err
}

func (p *spawned) Done() <-chan struct{} { return p.done }
func (p *spawned) ExitCode() int         { return p.cmd.ProcessState.ExitCode() }

// note remembers the agent's descendants while their parents lead to it, which
// is over when it has ended. Where the system does not list processes, what
// left the agent's group is not found.
func (p *spawned) note() {
	found, err := helper.Descendants(p.cmd.Process.Pid)
	if err != nil {
		return
	}
	select {
	case <-p.done:
		return // the id may have been another process's already
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.children = append(p.children, found...)
}

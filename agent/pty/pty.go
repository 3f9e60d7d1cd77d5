// Package pty serves the terminal operations of the agent: real terminals of
// this machine, whose bytes ride a relay (docs/spec/agent.md, Terminal).
package pty

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/google/uuid"

	"agentproof/agent/internal/operr"
	"agentproof/agent/internal/process"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream/producer"
)

const (
	// Port is the exposed port that stands for terminals.
	Port = 7681
	// DefaultTerm is TERM where a request names none (pty.term).
	DefaultTerm = "xterm-256color"

	defaultCols, defaultRows = 80, 24

	// keptEnds is how many terminals that ended by themselves are remembered
	// for the exit code that a close asks for.
	keptEnds = 256
)

// Config is what terminals need of the agent.
type Config struct {
	WorkspaceID string
	AgentID     string
	// Relay is how every terminal's channel is opened; its Channel is filled
	// in.
	Relay producer.Config
	// Processes runs the terminals' commands.
	Processes *process.Runner
	// Shell is what an empty command starts.
	Shell string
	// Environ layers a request's variables over the agent's.
	Environ func(over map[string]string) ([]string, error)
	// Resolve makes a request's cwd absolute.
	Resolve func(cwd string) (string, error)
	// Logger hears of terminals that open and end; nil is silent.
	Logger *slog.Logger
}

// Terminals are the open terminals of one agent. Its methods are safe for
// concurrent use.
type Terminals struct {
	cfg Config

	mu     sync.Mutex // guards the fields below
	open   map[string]*terminal
	ended  map[string]int // exit codes, of the last keptEnds in order
	order  []string
	closed bool
	wg     sync.WaitGroup // one for every terminal
}

// New returns Terminals with none open.
func New(cfg Config) *Terminals {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Terminals{cfg: cfg, open: make(map[string]*terminal), ended: make(map[string]int)}
}

// errStopping is the answer while the agent goes.
func errStopping() error {
	return operr.New(agentv1.ErrorCode_ERROR_CODE_DRAINING, "the agent is stopping")
}

// Open starts a command on a new terminal whose channel the relay has accepted
// (pty.open). A relay that cannot be reached or refuses is STREAM, and nothing
// was started then (pty.relay-down).
func (ts *Terminals) Open(ctx context.Context, req *agentv1.PtyOpenRequest) (*agentv1.PtyOpenResponse, error) {
	cmd, err := ts.command(req)
	if err != nil {
		return nil, err
	}
	channel := &agentv1.StreamChannel{
		ChannelId:   uuid.NewString(),
		WorkspaceId: ts.cfg.WorkspaceID,
		AgentId:     ts.cfg.AgentID,
		Kind:        agentv1.StreamKind_STREAM_KIND_PTY,
		Port:        Port,
	}
	if !ts.begin() {
		return nil, errStopping()
	}
	relay := ts.cfg.Relay
	relay.Channel = channel
	out, err := producer.Open(ctx, relay)
	if err != nil {
		ts.wg.Done()
		return nil, relayError(err)
	}
	t, err := start(ctx, ts.cfg.Processes, cmd, sizeOf(req), out)
	if err != nil {
		abandon(out)
		ts.wg.Done()
		return nil, err
	}
	id := uuid.NewString()
	ts.add(id, t)
	ts.cfg.Logger.Info("terminal opened", "pty", id, "channel", channel.GetChannelId())
	go func() {
		defer ts.wg.Done()
		t.run()
		ts.remove(id, t)
		ts.cfg.Logger.Info("terminal ended", "pty", id, "exit_code", t.exitCode())
	}()
	return &agentv1.PtyOpenResponse{PtyId: id, Channel: channel}, nil
}

// command is what a request starts (pty.open, pty.term, pty.env, pty.cwd).
func (ts *Terminals) command(req *agentv1.PtyOpenRequest) (process.Command, error) {
	over := make(map[string]string, len(req.GetEnv())+1)
	for k, v := range req.GetEnv() {
		over[k] = v
	}
	over["TERM"] = DefaultTerm
	if req.GetTerm() != "" {
		over["TERM"] = req.GetTerm()
	}
	env, err := ts.cfg.Environ(over)
	if err != nil {
		return process.Command{}, err
	}
	dir, err := ts.cfg.Resolve(req.GetCwd())
	if err != nil {
		return process.Command{}, err
	}
	argv := req.GetCommand()
	if len(argv) == 0 {
		argv = []string{ts.cfg.Shell}
	}
	return process.Command{Argv: argv, Dir: dir, Env: env}, nil
}

func relayError(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	e := operr.New(agentv1.ErrorCode_ERROR_CODE_STREAM, "open a channel at the relay: %v", err)
	e.Err = err
	return e
}

// Write types data into a terminal (pty.write). It waits while the terminal
// takes no more.
func (ts *Terminals) Write(ctx context.Context, req *agentv1.PtyWriteRequest) (*agentv1.PtyWriteResponse, error) {
	t, err := ts.find(req.GetPtyId())
	if err != nil {
		return nil, err
	}
	n, err := t.write(ctx, req.GetData())
	if err != nil {
		return nil, err
	}
	return &agentv1.PtyWriteResponse{BytesWritten: uint64(n)}, nil
}

// Resize changes a terminal's size, of which the child hears by SIGWINCH
// (pty.resize). A size of 0 keeps what it was.
func (ts *Terminals) Resize(_ context.Context, req *agentv1.PtyResizeRequest) (*agentv1.PtyResizeResponse, error) {
	t, err := ts.find(req.GetPtyId())
	if err != nil {
		return nil, err
	}
	if err := t.resize(size{cols: req.GetCols(), rows: req.GetRows()}); err != nil {
		return nil, err
	}
	return &agentv1.PtyResizeResponse{}, nil
}

// Close ends a terminal and its process tree (pty.close). One that ended by
// itself gives its exit code, once (pty.close-ended).
func (ts *Terminals) Close(ctx context.Context, req *agentv1.PtyCloseRequest) (*agentv1.PtyCloseResponse, error) {
	id := req.GetPtyId()
	ts.mu.Lock()
	t, running := ts.open[id]
	code, ended := ts.ended[id]
	delete(ts.open, id)
	delete(ts.ended, id)
	ts.mu.Unlock()
	switch {
	case running:
		return &agentv1.PtyCloseResponse{ExitCode: int32(t.close(ctx))}, nil
	case ended:
		return &agentv1.PtyCloseResponse{ExitCode: int32(code)}, nil
	default:
		return nil, unknown(id)
	}
}

// Active counts the open terminals.
func (ts *Terminals) Active() int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return len(ts.open)
}

// Shutdown ends all terminals. No other method may be called afterwards.
func (ts *Terminals) Shutdown(ctx context.Context) error {
	ts.mu.Lock()
	ts.closed = true
	for _, t := range ts.open {
		t.end()
	}
	ts.mu.Unlock()
	done := make(chan struct{})
	go func() {
		ts.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the terminals to end: %w", context.Cause(ctx))
	}
}

// begin counts a terminal that is about to be opened; false once the agent
// stops.
func (ts *Terminals) begin() bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.closed {
		return false
	}
	ts.wg.Add(1)
	return true
}

func (ts *Terminals) add(id string, t *terminal) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.open[id] = t
	if ts.closed { // Shutdown came while the relay was being dialled
		t.end()
	}
}

// remove forgets a terminal that has ended, but for the exit code of one that
// ended by itself.
func (ts *Terminals) remove(id string, t *terminal) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if _, ok := ts.open[id]; !ok {
		return // Close has it
	}
	delete(ts.open, id)
	ts.ended[id] = t.exitCode()
	ts.order = append(ts.order, id)
	if len(ts.order) > keptEnds {
		delete(ts.ended, ts.order[0])
		ts.order = ts.order[1:]
	}
}

func (ts *Terminals) find(id string) (*terminal, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t, ok := ts.open[id]; ok && !t.over() {
		return t, nil
	}
	return nil, unknown(id)
}

// unknown is the answer about an id that is not open (pty.unknown).
func unknown(id string) error {
	return operr.New(agentv1.ErrorCode_ERROR_CODE_NOT_FOUND, "no terminal %q is open", id)
}

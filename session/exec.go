package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// ExecParams is a command line for the machine's shell.
type ExecParams struct {
	Cmd string
	// Workdir is mapped by ToMachinePath; empty is the working directory.
	Workdir string
	// Shell, Login and TTY are part of a sandbox session's shape and change
	// nothing at revision r0.2: the agent runs its own shell, not as a login
	// shell, on pipes.
	Shell string
	Login bool
	TTY   bool
	// RunAs must be empty: commands run as the agent's user.
	RunAs string
}

// ExecResult is what a command left behind. Strings are the bytes as they
// came, not necessarily UTF-8.
type ExecResult struct {
	Output   string // the same as Stdout
	Stdout   string
	Stderr   string
	ExitCode int // -1 when a signal ended the command
	TimedOut bool
	// Duration is the agent's measure, in whole milliseconds.
	Duration time.Duration
}

// Exec runs a command to its end; there is no limit but the session's timeout
// (session.op.exec). A non-zero exit is a result, not an error. RunAs gives an
// error that wraps errors.ErrUnsupported.
func (s *Session) Exec(ctx context.Context, p ExecParams) (ExecResult, error) {
	if p.RunAs != "" {
		return ExecResult{}, fmt.Errorf("exec as user %q: commands run as the agent's user: %w", p.RunAs, errors.ErrUnsupported)
	}
	resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Exec{Exec: &agentv1.ExecRequest{
		Command: []string{p.Cmd},
		Shell:   true,
		Cwd:     s.machinePath(p.Workdir),
	}}})
	if err != nil {
		return ExecResult{}, fmt.Errorf("exec: %w", err)
	}
	r := resp.GetExec()
	stdout := string(r.GetStdout())
	return ExecResult{
		Output:   stdout,
		Stdout:   stdout,
		Stderr:   string(r.GetStderr()),
		ExitCode: int(r.GetExitCode()),
		TimedOut: r.GetTimedOut(),
		Duration: time.Duration(min(r.GetDurationMs(), math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond,
	}, nil
}

// ExecCommandParams is ExecParams without what has no effect.
type ExecCommandParams struct {
	Cmd     string
	Workdir string
	RunAs   string
}

// ExecCommand is Exec for callers that want the standard output alone.
func (s *Session) ExecCommand(ctx context.Context, p ExecCommandParams) (string, error) {
	r, err := s.Exec(ctx, ExecParams{Cmd: p.Cmd, Workdir: p.Workdir, RunAs: p.RunAs})
	return r.Stdout, err
}

// SupportsPTY reports whether Exec can be given input while it runs: never,
// over request and reply. Terminals are reached through ResolveExposedPort.
func (s *Session) SupportsPTY() bool { return false }

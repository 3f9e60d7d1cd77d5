package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
)

// exitEnded is the exit code for a command that its limit or a signal ended,
// as timeout(1) has it.
const exitEnded = 124

// execFlags are the flags of `fakeagent call exec`.
type execFlags struct {
	cwd   string
	env   []string
	limit time.Duration
	argv  bool
	stdin bool
}

func (f *callFlags) execCommand() *cobra.Command {
	var x execFlags
	cmd := &cobra.Command{
		Use:   "exec COMMAND...",
		Short: "Run a command on the machine",
		Long: `Run a command on the machine. The words are joined by blanks and given to the
machine's shell, as ssh does; with --argv they are a program and its arguments.

Output and exit code are the command's own. A command that was ended by its
--limit or by a signal gives 124.`,
		Example: `  fakeagent call exec uname -a
  fakeagent call exec --cwd src 'git log | head -1'
  tar c . | fakeagent call exec --stdin --limit 5m 'tar x -C /tmp/copy'`,
		Args: cli.Args(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := x.request(cmd, args)
			if err != nil {
				return err
			}
			if x.limit > 0 && !cmd.Flags().Changed("timeout") {
				// The reply comes after the limit.
				f.timeout = max(f.timeout, x.limit+session.DefaultTimeout)
			}
			req.Cwd = session.ToMachinePath(x.cwd, f.workdir)
			return f.do(cmd, "exec", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Exec{Exec: req}},
				func(resp *agentv1.ControlResponse) error {
					r := resp.GetExec()
					code := int(r.GetExitCode())
					if r.GetTimedOut() {
						code = -1
					}
					return pass(cmd, r.GetStdout(), r.GetStderr(), code)
				})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&x.cwd, "cwd", "", "run in this `DIR`")
	fl.StringArrayVar(&x.env, "env", nil, "set `NAME=VALUE` for the command (repeatable)")
	fl.DurationVar(&x.limit, "limit", 0, "let the agent end the command after this `LONG`; 0 is never")
	fl.BoolVar(&x.argv, "argv", false, "run a program with arguments, without a shell")
	fl.BoolVarP(&x.stdin, "stdin", "i", false, "pass standard input on, read to its end first")
	// What follows the command's name belongs to the command.
	fl.SetInterspersed(false)
	return cmd
}

// request is what the agent is asked, the directory aside.
func (x *execFlags) request(cmd *cobra.Command, args []string) (*agentv1.ExecRequest, error) {
	req := &agentv1.ExecRequest{Command: args, TimeoutMs: uint32(x.limit.Milliseconds())}
	if !x.argv {
		req.Command, req.Shell = []string{strings.Join(args, " ")}, true
	}
	if x.limit < 0 || x.limit.Milliseconds() > math.MaxUint32 || x.limit > 0 && x.limit < time.Millisecond {
		return nil, cli.Usage("--limit %v: it must be 1ms to %v, or 0", x.limit, math.MaxUint32*time.Millisecond)
	}
	var err error
	if req.Env, err = variables(x.env); err != nil {
		return nil, cli.Usage("%w", err)
	}
	if x.stdin {
		if req.Stdin, err = io.ReadAll(cmd.InOrStdin()); err != nil {
			return nil, &cli.ExitError{Code: exitFailed, Err: fmt.Errorf("read standard input: %w", err)}
		}
	}
	return req, nil
}

// pass hands a remote command's outcome through.
func pass(cmd *cobra.Command, stdout, stderr []byte, code int) error {
	_, err := cmd.OutOrStdout().Write(stdout)
	_, err2 := cmd.ErrOrStderr().Write(stderr)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	switch {
	case code < 0:
		return &cli.ExitError{Code: exitEnded}
	case code > 0:
		return &cli.ExitError{Code: code}
	}
	return nil
}

// do sends an operation and hands the answer to show, which may be nil.
func (f *callFlags) do(cmd *cobra.Command, what string, req *agentv1.ControlRequest, show func(*agentv1.ControlResponse) error) error {
	return f.with(cmd, func(ctx context.Context, s *session.Session) error {
		resp, err := s.Do(ctx, req)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if show == nil {
			return nil
		}
		return show(resp)
	})
}

package agent

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"agentproof/agent/internal/operr"
	"agentproof/agent/internal/process"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func (a *Agent) exec(ctx context.Context, req *agentv1.ExecRequest) (*agentv1.ExecResponse, error) {
	c, err := a.command(req)
	if err != nil {
		return nil, err
	}
	res, err := a.commands.Run(ctx, c)
	if err != nil {
		return nil, err
	}
	if res.Overflow && !res.TimedOut {
		return nil, operr.TooLarge("exec", res.OutputBytes, int64(a.MaxPayload())).
			With("total_output_bytes", strconv.FormatInt(res.OutputBytes, 10))
	}
	if res.TimedOut {
		a.explainTimeout(c.Timeout, &res)
	}
	return &agentv1.ExecResponse{
		ExitCode:   int32(res.ExitCode),
		Stdout:     res.Stdout,
		Stderr:     res.Stderr,
		TimedOut:   res.TimedOut,
		DurationMs: uint64(res.Duration.Milliseconds()),
	}, nil
}

// command translates the request (exec.argv, exec.shell, exec.env, exec.cwd).
func (a *Agent) command(req *agentv1.ExecRequest) (process.Command, error) {
	argv := req.GetCommand()
	if len(argv) == 0 {
		return process.Command{}, operr.New(agentv1.ErrorCode_ERROR_CODE_OS, "the command is empty")
	}
	if req.GetShell() {
		argv = []string{a.env.shell, "-c", strings.Join(argv, " ")}
	}
	env, err := a.env.with(req.GetEnv())
	if err != nil {
		return process.Command{}, err
	}
	dir, err := a.root.Resolve(req.GetCwd())
	if err != nil {
		return process.Command{}, err
	}
	return process.Command{
		Argv:      argv,
		Dir:       dir,
		Env:       env,
		Stdin:     req.GetStdin(),
		Timeout:   time.Duration(req.GetTimeoutMs()) * time.Millisecond,
		MaxOutput: a.maxOutput(),
	}, nil
}

// maxOutput is what is kept of one command's output, in bytes: at least what a
// reply could carry.
func (a *Agent) maxOutput() int64 { return max(a.cfg.MaxOutput, int64(a.MaxPayload())) }

// replyOverhead is more than what a reply needs beside its output, in bytes;
// request ids are short.
const replyOverhead = 4 << 10

// explainTimeout says in stderr what happened. A timeout is a result even if
// the command wrote more than fits a reply (exec.timeout): then what is kept
// is cut, and stderr says that too.
func (a *Agent) explainTimeout(timeout time.Duration, res *process.Result) {
	note := fmt.Sprintf("timed out after %v\n", timeout)
	if limit := a.MaxPayload() - replyOverhead; limit > 0 {
		over := len(res.Stdout) + len(res.Stderr) - limit
		if cut := min(max(over, 0), len(res.Stdout)); cut > 0 {
			res.Stdout = res.Stdout[:len(res.Stdout)-cut]
			over -= cut
		}
		if over > 0 {
			res.Stderr = res.Stderr[:len(res.Stderr)-over]
		}
	}
	if lost := res.OutputBytes - int64(len(res.Stdout)+len(res.Stderr)); lost > 0 {
		note += fmt.Sprintf("%d bytes of output are missing here\n", lost)
	}
	if len(res.Stderr) > 0 && !bytes.HasSuffix(res.Stderr, []byte("\n")) {
		note = "\n" + note
	}
	res.Stderr = append(res.Stderr, note...)
}

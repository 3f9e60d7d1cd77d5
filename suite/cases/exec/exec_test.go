package exec_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	cases "agentproof/suite/cases/exec"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

const (
	notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	osError  = agentv1.ErrorCode_ERROR_CODE_OS
)

func mutant(name, id, says string, fault agent.Middleware) trial.Mutant {
	return trial.Mutant{Name: name, Case: id, Says: says, Fault: fault}
}

// before changes commands before they run.
func before(edit func(*agentv1.ExecRequest)) agent.Middleware {
	return trial.Before(func(req *agentv1.ControlRequest) {
		if r := req.GetExec(); r != nil {
			edit(r)
		}
	})
}

// after changes the results of commands.
func after(edit func(*agentv1.ExecRequest, *agentv1.ExecResponse)) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetExec(); r != nil {
			edit(req.GetExec(), r)
		}
	})
}

// instead answers some commands in another way than running them.
func instead(run func(*agentv1.ExecRequest) *agentv1.ExecResponse) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if r := req.GetExec(); r != nil {
				if out := run(r); out != nil {
					return &agentv1.ControlResponse{RequestId: req.RequestId, Result: &agentv1.ControlResponse_Exec{Exec: out}}
				}
			}
			return next(ctx, req)
		}
	}
}

// retried runs a command that was refused with the code once more, changed.
func retried(code agentv1.ErrorCode, edit func(*agentv1.ExecRequest)) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			resp := next(ctx, req)
			if req.GetExec() == nil || resp.GetError() == nil || resp.GetError().GetCode() != code {
				return resp
			}
			again := proto.CloneOf(req)
			edit(again.GetExec())
			return next(ctx, again)
		}
	}
}

// refusing answers commands that match with an error.
func refusing(code agentv1.ErrorCode, match func(*agentv1.ExecRequest) bool) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if r := req.GetExec(); r != nil && match(r) {
				return &agentv1.ControlResponse{RequestId: req.RequestId, Error: &agentv1.AgentError{Code: code}}
			}
			return next(ctx, req)
		}
	}
}

// shellLine is the request with its shell replaced by argv.
func shellLine(argv func(r *agentv1.ExecRequest, line string) []string) agent.Middleware {
	return before(func(r *agentv1.ExecRequest) {
		if r.Shell {
			r.Shell, r.Command = false, argv(r, strings.Join(r.Command, " "))
		}
	})
}

// withEnv runs commands through env, with an environment of their own.
func withEnv(r *agentv1.ExecRequest) {
	words := []string{"/usr/bin/env", "-i"}
	for name, value := range r.Env {
		words = append(words, name+"="+value)
	}
	r.Command = append(words, r.Command...)
}

func TestCasesNoticeWrongCommandLines(t *testing.T) {
	var runs atomic.Int64
	var lines []string
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("drops empty words", "exec.argv/words-verbatim", "the number of words",
			before(func(r *agentv1.ExecRequest) {
				r.Command = strings.Split(strings.Trim(strings.Join(r.Command, "\x00"), "\x00"), "\x00")
			})),
		mutant("trims words", "exec.argv/words-verbatim", "the word",
			before(func(r *agentv1.ExecRequest) {
				for i := range r.Command {
					r.Command[i] = strings.TrimSpace(r.Command[i])
				}
			})),
		mutant("runs words through a shell", "exec.argv/nothing-interpreted", "a file",
			before(func(r *agentv1.ExecRequest) { r.Shell = true })),
		mutant("fails to start some programs", "exec.argv/just-written-program", "could not be started",
			refusing(osError, func(*agentv1.ExecRequest) bool { return runs.Add(1)%40 == 0 })),
		mutant("takes no command for success", "exec.empty/argv", "a result",
			instead(func(r *agentv1.ExecRequest) *agentv1.ExecResponse {
				if len(r.Command) > 0 || r.Shell {
					return nil
				}
				return &agentv1.ExecResponse{}
			})),
		mutant("runs an empty line of shell", "exec.empty/shell", "a result",
			before(func(r *agentv1.ExecRequest) {
				if r.Shell && len(r.Command) == 0 {
					r.Command = []string{""}
				}
			})),
		mutant("looks programs up in its own PATH", "exec.argv/found-in-the-requests-path", "NOT_FOUND",
			refusing(notFound, func(r *agentv1.ExecRequest) bool {
				_, err := exec.LookPath(r.Command[0])
				return err != nil && !strings.Contains(r.Command[0], "/")
			})),
		mutant("searches PATH from its end", "exec.argv/first-in-path-wins", "one",
			before(func(r *agentv1.ExecRequest) {
				if a, b, ok := strings.Cut(r.Env["PATH"], ":"); ok {
					r.Env["PATH"] = b + ":" + a
				}
			})),
		mutant("has no PATH of its own", "exec.argv/found-in-the-agents-path", "NOT_FOUND",
			before(func(r *agentv1.ExecRequest) {
				if r.Env["PATH"] == "" {
					r.Env = map[string]string{"PATH": "/nowhere"}
				}
			})),
		mutant("adds its own PATH", "exec.argv/path-of-the-request-alone", "a result",
			before(func(r *agentv1.ExecRequest) {
				if r.Env["PATH"] != "" {
					r.Env["PATH"] += ":" + os.Getenv("PATH")
				}
			})),
		mutant("resolves programs from its root", "exec.argv/slash-is-relative-to-the-cwd", "NOT_FOUND",
			before(func(r *agentv1.ExecRequest) {
				if name := r.Command[0]; strings.Contains(name, "/") && !filepath.IsAbs(name) {
					r.Command[0] = strings.Repeat("../", 1+strings.Count(r.Cwd, "/")) + name
				}
			})),
		mutant("finds programs in the cwd", "exec.argv/bare-name-is-not-in-the-cwd", "a result",
			before(func(r *agentv1.ExecRequest) { r.Env = map[string]string{"PATH": "."} })),
		mutant("gives a missing program exit code 127", "exec.missing-program/by-path", "a result",
			retried(notFound, func(r *agentv1.ExecRequest) { r.Command = []string{"/bin/sh", "-c", "exit 127"} })),
		mutant("gives a missing program exit code 127", "exec.missing-program/by-name", "a result",
			retried(notFound, func(r *agentv1.ExecRequest) { r.Command = []string{"/bin/sh", "-c", "exit 127"} })),
		mutant("takes a plain file for missing", "exec.not-executable/file", "NOT_FOUND", trial.Recode(osError, notFound)),
		mutant("takes a directory for missing", "exec.not-executable/directory", "NOT_FOUND", trial.Recode(osError, notFound)),

		mutant("ignores the shell flag", "exec.shell/interprets", "NOT_FOUND",
			before(func(r *agentv1.ExecRequest) { r.Shell = false })),
		mutant("joins words by two spaces", "exec.shell/dash-c-and-one-string", "the shell's arguments",
			before(func(r *agentv1.ExecRequest) { r.Command = []string{strings.Join(r.Command, "  ")} })),
		mutant("quotes words for the shell", "exec.shell/dash-c-and-one-string", "the shell's arguments",
			before(func(r *agentv1.ExecRequest) { r.Command = []string{"'" + strings.Join(r.Command, "' '") + "'"} })),
		mutant("runs the request's shell", "exec.shell/requests-shell-variable-ignored", "another shell",
			shellLine(func(r *agentv1.ExecRequest, line string) []string { return []string{r.Env["SHELL"], "-c", line} })),
		mutant("has no shell to fall back on", "exec.shell/bin-sh-when-unset", "NOT_FOUND",
			refusing(notFound, func(r *agentv1.ExecRequest) bool { return r.Shell })),
		mutant("runs a login shell", "exec.shell/no-login-shell", "this is a login shell",
			shellLine(func(_ *agentv1.ExecRequest, line string) []string { return []string{"/bin/sh", "-l", "-c", line} })),
		mutant("gives its shell no variables", "exec.shell/cwd-and-variables", "what the shell wrote",
			before(func(r *agentv1.ExecRequest) { r.Env = nil })),
		mutant("keeps one shell", "exec.shell/a-new-one-each-time", "elsewhere",
			before(func(r *agentv1.ExecRequest) {
				if r.Shell {
					lines = append(lines, strings.Join(r.Command, " "))
					r.Command = []string{strings.Join(lines, "; ")}
				}
			})),
	})
}

func TestCasesNoticeWrongSurroundings(t *testing.T) {
	var last, previous atomic.Value
	last.Store("")
	previous.Store("")
	env := make(map[string]string)
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("ignores the cwd", "exec.cwd/relative-names", "the exit code 0",
			before(func(r *agentv1.ExecRequest) { r.Cwd = "" })),
		mutant("changes its own directory", "exec.cwd/side-by-side", "elsewhere",
			before(func(r *agentv1.ExecRequest) { r.Cwd = last.Swap(r.Cwd).(string) })),
		mutant("stays in the last cwd", "exec.cwd/not-remembered", "the next command in the root",
			before(func(r *agentv1.ExecRequest) {
				if r.Cwd == "" {
					r.Cwd = previous.Load().(string)
				}
				previous.Store(r.Cwd)
			})),
		mutant("runs in the root instead of a missing cwd", "exec.cwd-missing/argv", "a result",
			retried(notFound, func(r *agentv1.ExecRequest) { r.Cwd = "" })),
		mutant("runs the shell in the root instead of a missing cwd", "exec.cwd-missing/shell", "a result",
			retried(notFound, func(r *agentv1.ExecRequest) { r.Cwd = "" })),
		mutant("does not say which cwd is missing", "exec.cwd-missing-named/context", "the cwd in the detail",
			trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				delete(resp.GetError().GetDetail(), "context")
			})),

		mutant("hides its environment", "exec.env/inherits-the-agents", "present false", before(withEnv)),
		mutant("replaces its environment", "exec.env/added-to-the-agents", "missing",
			before(func(r *agentv1.ExecRequest) {
				if len(r.Env) > 0 {
					withEnv(r)
				}
			})),
		mutant("lets its own variables win", "exec.env/overrides-the-agents", "of the agent",
			before(func(r *agentv1.ExecRequest) { r.Env = nil })),
		mutant("drops empty variables", "exec.env/empty-value", "present",
			before(func(r *agentv1.ExecRequest) {
				for name, value := range r.Env {
					if value == "" {
						delete(r.Env, name)
					}
				}
			})),
		mutant("trims values", "exec.env/values-verbatim", "_BLANKS",
			before(func(r *agentv1.ExecRequest) {
				for name, value := range r.Env {
					r.Env[name] = strings.Trim(value, " ")
				}
			})),
		mutant("cuts values at an equals sign", "exec.env/values-verbatim", "_EQUALS",
			before(func(r *agentv1.ExecRequest) {
				for name, value := range r.Env {
					r.Env[name], _, _ = strings.Cut(value, "=")
				}
			})),
		mutant("remembers variables", "exec.env/one-command-only", "the variable",
			before(func(r *agentv1.ExecRequest) {
				for name, value := range r.Env {
					env[name] = value
				}
				r.Env = env
			})),

		mutant("loses the last byte of stdin", "exec.stdin/fed-whole", "what the command read",
			before(func(r *agentv1.ExecRequest) { r.Stdin = r.Stdin[:max(len(r.Stdin)-1, 0)] })),
		mutant("cuts large stdin", "exec.stdin-large/through-a-filter", "4194304 bytes",
			before(func(r *agentv1.ExecRequest) { r.Stdin = r.Stdin[:min(len(r.Stdin), 4<<20)] })),
		mutant("cuts large stdin", "exec.stdin-large/output-first", "another digest",
			before(func(r *agentv1.ExecRequest) { r.Stdin = r.Stdin[:min(len(r.Stdin), 4<<20)] })),
	})
}

func TestCasesNoticeWrongResults(t *testing.T) {
	var runs atomic.Int64
	const tooLarge = agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE
	running := make(chan struct{}, 64)
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("changes one byte at 64 KiB", "exec.output/apart-and-byte-exact", "offset 65536",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) {
				if len(r.Stdout) > 64<<10 {
					r.Stdout[64<<10] ^= 1
				}
			})),
		mutant("mixes stderr into stdout", "exec.output/apart-and-byte-exact", "stdout",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) {
				r.Stdout, r.Stderr = append(r.Stdout, r.Stderr...), nil
			})),
		mutant("repairs UTF-8", "exec.output/apart-and-byte-exact", "stdout",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) {
				r.Stdout = bytes.ToValidUTF8(r.Stdout, []byte("\uFFFD"))
			})),
		mutant("adds a line end", "exec.output/nothing-added", "stdout",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) {
				if !bytes.HasSuffix(r.Stdout, []byte("\n")) {
					r.Stdout = append(r.Stdout, '\n')
				}
			})),
		mutant("loses the last bytes now and then", "exec.output/last-bytes-at-the-exit", "less",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) {
				if runs.Add(1)%50 == 0 {
					r.Stdout = nil
				}
			})),
		mutant("drops NUL bytes", "exec.output/tiny-writes", "stdout",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) {
				r.Stdout = bytes.ReplaceAll(r.Stdout, []byte{0}, nil)
			})),
		mutant("drops the output of failures", "exec.output/of-a-failed-command", "stdout",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) {
				if r.ExitCode != 0 {
					r.Stdout = nil
				}
			})),
		mutant("cuts what is too large", "exec.output-bounded/reply", "a result",
			retried(tooLarge, func(r *agentv1.ExecRequest) { r.Command = []string{"/bin/sh", "-c", "exit 0"} })),
		mutant("does not count what is too large", "exec.output-bounded/reply", "total_output_bytes",
			trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				delete(resp.GetError().GetDetail(), "total_output_bytes")
			})),
		mutant("keeps less than fits", "exec.output-bounded/what-fits-is-kept", "PAYLOAD_TOO_LARGE",
			trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if len(resp.GetExec().GetStdout()) > 512<<10 {
					resp.Result, resp.Error = nil, &agentv1.AgentError{Code: tooLarge}
				}
			})),
		mutant("keeps seven bits of an exit code", "exec.exit-code/as-the-command-set-it", "the exit code 128",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) { r.ExitCode &= 0x7f })),
		mutant("takes the shell's 127 for a missing program", "exec.exit-code/shell-that-finds-nothing", "NOT_FOUND",
			trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if resp.GetExec().GetExitCode() == 127 {
					resp.Result, resp.Error = nil, &agentv1.AgentError{Code: notFound}
				}
			})),
		mutant("gives a signal the shell's code", "exec.signal/minus-one", "137",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) {
				if r.ExitCode == -1 {
					r.ExitCode = 137
				}
			})),
		mutant("drops the output of a crash", "exec.signal/output-kept", "stdout",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) {
				if r.ExitCode == -1 {
					r.Stdout = nil
				}
			})),
		mutant("tells no duration", "exec.duration/of-a-command-that-sleeps", "a shorter one",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) { r.DurationMs = 0 })),
		mutant("tells microseconds", "exec.duration/of-a-command-that-ends-at-once", "a longer one",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) { r.DurationMs = 1000 * (r.DurationMs + 1) })),
		mutant("tells no duration of what timed out", "exec.duration/of-a-command-that-times-out", "a shorter one",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) { r.DurationMs = 0 })),

		mutant("answers late", "exec.timeout/on-time", "a later one",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) {
				if r.TimedOut {
					time.Sleep(1500 * time.Millisecond)
				}
			})),
		mutant("answers early", "exec.timeout/on-time", "an earlier one",
			before(func(r *agentv1.ExecRequest) { r.TimeoutMs /= 50 })),
		mutant("does not say why", "exec.timeout/result", "stderr that contains",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) { r.Stderr = nil })),
		mutant("gives a timeout an exit code", "exec.timeout/result", "124",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) {
				if r.TimedOut {
					r.ExitCode = 124
				}
			})),
		mutant("tells of a limit that was not reached", "exec.timeout/not-reached", "timed out",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) { r.TimedOut = true })),
		mutant("starts the limit anew at each line", "exec.timeout/command-that-keeps-writing", "one that is not",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) { r.TimedOut = r.TimedOut && len(r.Stdout) == 0 })),
		mutant("makes output up", "exec.timeout/output-so-far", "what the command had written",
			after(func(_ *agentv1.ExecRequest, r *agentv1.ExecResponse) { r.Stdout = append(r.Stdout, "after\n"...) })),
		mutant("has a limit of its own", "exec.timeout-zero/no-limit", "timed out",
			before(func(r *agentv1.ExecRequest) {
				if r.TimeoutMs == 0 {
					r.TimeoutMs = 1000
				}
			})),
		mutant("runs 64 commands at once", "exec.parallel/hundred-at-once", "fewer",
			func(next agent.Handler) agent.Handler {
				return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
					if req.GetExec() != nil {
						running <- struct{}{}
						defer func() { <-running }()
					}
					return next(ctx, req)
				}
			}),
	})
}

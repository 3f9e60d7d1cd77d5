//go:build unix

package exec_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	cases "agentproof/suite/cases/exec"
)

// naive runs commands in the way of an agent that was written in an hour. The
// zero value kills nothing; every other field is a shortcut of its own.
type naive struct {
	keepsStdinOpen bool                // nobody closes stdin
	feedsFirst     bool                // stdin is written whole before the clock starts
	minds          error               // an error of feeding stdin that fails the request
	closesOutput   bool                // stdout is closed when there is much of it
	trustsEOF      bool                // the end of the output is taken for that of the command
	awaitsEOF      bool                // the reply waits for the end of the output
	trustsExit     bool                // what a killed command says of itself is believed
	kill           func(pid int) error // at a timeout
	hurry          map[string]string   // words replaced, so that a test need not wait as long as a case
}

func killOne(pid int) error   { return syscall.Kill(pid, syscall.SIGKILL) }
func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }
func termGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGTERM) }

func (n naive) middleware(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		r := req.GetExec()
		// The case's own look at processes stays with an agent that works.
		if r == nil || slices.Contains(r.Command, "alive") {
			return next(ctx, req)
		}
		where := next(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Exec{
			Exec: &agentv1.ExecRequest{Command: []string{"/bin/sh", "-c", "pwd -P"}, Cwd: r.Cwd},
		}})
		dir := strings.TrimSpace(string(where.GetExec().GetStdout()))
		resp := &agentv1.ControlResponse{RequestId: req.RequestId}
		out, err := n.run(r, dir)
		if err != nil {
			resp.Error = &agentv1.AgentError{Code: osError, Message: err.Error()}
		} else {
			resp.Result = &agentv1.ControlResponse_Exec{Exec: out}
		}
		return resp
	}
}

func (n naive) run(r *agentv1.ExecRequest, dir string) (*agentv1.ExecResponse, error) {
	words := slices.Clone(r.Command)
	for i, word := range words {
		if other, ok := n.hurry[word]; ok {
			words[i] = other
		}
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Env = dir, os.Environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, stdout, err := n.start(cmd)
	if err != nil {
		return nil, err
	}
	fed := make(chan error, 1)
	feed := func() {
		_, err := stdin.Write(r.Stdin)
		if !n.keepsStdinOpen {
			_ = stdin.Close()
		}
		fed <- err
	}
	if n.feedsFirst {
		feed()
	} else {
		go feed()
	}
	out := n.await(cmd, stdout, time.Duration(r.TimeoutMs)*time.Millisecond)
	runtime.KeepAlive(stdin) // or else it is closed when the garbage is collected
	if n.minds != nil {
		if err := <-fed; errors.Is(err, n.minds) {
			return nil, err
		}
	}
	return out, nil
}

func (n naive) start(cmd *exec.Cmd) (stdin *os.File, stdout *collector, err error) {
	childIn, stdin, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer childIn.Close()
	outRead, childOut, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer childOut.Close()
	cmd.Stdin, cmd.Stdout = childIn, childOut
	stdout = &collector{ended: make(chan struct{})}
	go func() {
		defer close(stdout.ended)
		defer outRead.Close()
		var from io.Reader = outRead
		if n.closesOutput {
			from = io.LimitReader(outRead, 1<<20)
		}
		_, _ = io.Copy(stdout, from)
	}()
	return stdin, stdout, cmd.Start()
}

func (n naive) await(cmd *exec.Cmd, stdout *collector, limit time.Duration) *agentv1.ExecResponse {
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	ended := exited
	if n.trustsEOF {
		ended = stdout.ended
	}
	select {
	case <-ended:
	case <-time.After(min(limit, 3*time.Second)): // no case here has to wait longer
		if n.kill != nil {
			_ = n.kill(cmd.Process.Pid)
		}
		if !n.trustsExit {
			return &agentv1.ExecResponse{ExitCode: -1, TimedOut: true, Stdout: stdout.bytes(), Stderr: []byte("timed out")}
		}
		<-exited
	}
	if n.awaitsEOF {
		<-stdout.ended
	}
	if n.trustsEOF {
		return &agentv1.ExecResponse{Stdout: stdout.bytes()}
	}
	return &agentv1.ExecResponse{ExitCode: int32(cmd.ProcessState.ExitCode()), Stdout: stdout.bytes()}
}

// collector is a buffer that can be looked at while it grows.
type collector struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	ended chan struct{}
}

func (c *collector) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.Write(p)
}

func (c *collector) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.buf.Bytes())
}

func TestCasesNoticeNaiveAgents(t *testing.T) {
	var mutants []trial.Mutant
	add := func(name, id, says string, n naive) {
		mutants = append(mutants, mutant(name, id, says, n.middleware))
	}
	add("never closes stdin", "exec.stdin/closed-at-its-end", "timed out", naive{keepsStdinOpen: true})
	add("never closes an empty stdin", "exec.stdin/empty-is-eof", "timed out", naive{keepsStdinOpen: true})
	add("minds a broken pipe", "exec.stdin-unread/command-exits", "broken pipe", naive{minds: syscall.EPIPE})
	add("minds a broken pipe", "exec.stdin-unread/command-closes-it", "broken pipe", naive{minds: syscall.EPIPE})
	add("feeds stdin before the clock starts", "exec.stdin-unread/command-sleeps", "one that is not",
		naive{feedsFirst: true, hurry: map[string]string{"20s": "9s"}})
	add("closes the pipe on too much output", "exec.output-bounded/pipes-drained", "one that did not", naive{closesOutput: true})
	add("takes the end of output for the end", "exec.timeout/command-that-closed-its-output", "one that is not", naive{trustsEOF: true})
	add("believes a command that it ended", "exec.timeout/command-that-exits-when-told", "one that is not",
		naive{kill: termGroup, trustsExit: true})

	add("kills nothing", "exec.timeout-kills-command/dead", "it is alive", naive{})
	add("asks only", "exec.timeout-kills-command/that-ignores-term", "it is alive", naive{kill: termGroup})
	add("kills one process", "exec.timeout-kills-group/child", "it is alive", naive{kill: killOne})
	add("asks the group only", "exec.timeout-kills-group/child-that-ignores-term", "it is alive", naive{kill: termGroup})
	add("kills one process", "exec.timeout-kills-group/orphan", "it is alive", naive{kill: killOne})
	add("kills the group alone", "exec.timeout-kills-setsid/session-leader", "it is alive", naive{kill: killGroup})
	add("kills the group alone", "exec.timeout-kills-setsid/orphan", "it is alive", naive{kill: killGroup})
	add("kills the group alone", "exec.timeout-kills-setsid/session-leader-that-ignores-term", "it is alive", naive{kill: killGroup})

	waits := naive{awaitsEOF: true, hurry: map[string]string{"8s": "3s"}}
	add("waits for the pipes", "exec.background/child", "a later one", waits)
	add("waits for the pipes", "exec.background/child-in-its-own-session", "a later one", waits)
	add("waits for the pipes", "exec.background/child-that-keeps-writing", "a later one", waits)
	trial.Noticed(t, cases.Cases(), mutants)
}

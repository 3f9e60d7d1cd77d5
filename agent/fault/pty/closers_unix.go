//go:build unix

package pty

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// closings are agents that end terminals and what runs on them in a way of
// their own.
func closings() []fault.Mutant {
	const shells = "pty.relay-down/"
	mutants := []fault.Mutant{
		{Name: "closes terminals by forgetting them", Case: "pty.close/child-is-gone", Beside: closer(func(int) {})},
		{Name: "hangs up only", Case: "pty.close/hangup-ignored", Beside: closer(signaller(syscall.SIGHUP, true))},
		{Name: "terminates only", Case: "pty.close/hangup-ignored", Beside: closer(signaller(syscall.SIGTERM, true))},
		{Name: "kills the program alone", Case: "pty.close/descendants-are-gone", Beside: closer(signaller(syscall.SIGKILL, false))},
		{Name: "kills the group alone", Case: "pty.close/descendants-are-gone", Beside: closer(signaller(syscall.SIGKILL, true))},
		{Name: "closes terminals by forgetting them, flood or not", Case: "pty.close/while-a-viewer-does-not-read", Beside: closer(func(int) {})},
	}
	for i := range mutants {
		mutants[i].Says = "still there"
		mutants[i].Also = []string{"pty.close/*"}
	}
	return append(mutants,
		fault.Mutant{Name: "leaves the shell when the relay is down", Case: shells + "connection-refused", Says: "one that runs",
			Also: []string{shells + "*"}, Beside: startedFirst},
		fault.Mutant{Name: "leaves the shell when the relay rejects it", Case: shells + "token-rejected", Says: "one that runs",
			Also: []string{shells + "*"}, Beside: startedFirst})
}

// A closer ends terminals in a way of its own: kill is given the pid of the
// command. All that it does not kill ends with the agent.
func closer(kill func(pid int)) func(*agent.Config) (stop func(), err error) {
	return func(cfg *agent.Config) (stop func(), err error) {
		dir, err := os.MkdirTemp("", "agentproof-mutant-")
		if err != nil {
			return nil, fmt.Errorf("keep the ids of processes: %w", err)
		}
		file := filepath.Join(dir, "pid")
		inner := within("echo $$ >'" + file + `.new' && mv '` + file + `.new' '` + file + `' && exec "$@"`)
		cfg.Middleware = append(cfg.Middleware, func(next agent.Handler) agent.Handler {
			open := inner(next)
			return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
				if req.GetPtyClose() == nil {
					return open(ctx, req)
				}
				text, err := os.ReadFile(file)
				if pid, convErr := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && convErr == nil {
					kill(pid)
				}
				return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Result: &agentv1.ControlResponse_PtyClose{
					PtyClose: &agentv1.PtyCloseResponse{ExitCode: -1}}}
			}
		})
		return func() { _ = os.RemoveAll(dir) }, nil
	}
}

func signaller(sig syscall.Signal, group bool) func(pid int) {
	return func(pid int) {
		if group {
			pid = -pid
		}
		_ = syscall.Kill(pid, sig)
	}
}

// startedFirst runs the command of a terminal before the relay was asked, and
// leaves it until the agent ends.
func startedFirst(cfg *agent.Config) (stop func(), err error) {
	var mu sync.Mutex
	var left []*exec.Cmd
	cfg.Middleware = append(cfg.Middleware, opening(func(r *agentv1.PtyOpenRequest) {
		cmd := exec.Command(r.GetCommand()[0], r.GetCommand()[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if cmd.Start() != nil {
			return
		}
		mu.Lock()
		left = append(left, cmd)
		mu.Unlock()
		// The report of what runs must be there before the refusal.
		time.Sleep(time.Second)
	}))
	return func() {
		mu.Lock()
		defer mu.Unlock()
		for _, cmd := range left {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
		}
	}, nil
}

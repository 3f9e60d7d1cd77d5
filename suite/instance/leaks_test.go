package instance_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/verdict"
)

// working uses files, a command and, with terminal, a terminal, and cleans up.
func working(id, clause string, l *engine.Launch, terminal bool) engine.Case {
	return engine.Case{ID: id, Clause: clause, Explain: "It tests the leak checks.", Launch: l,
		Run: func(ctx context.Context, t *engine.T) {
			t.File(ctx, "file", "content")
			t.Run(ctx, "exit", "0")
			if terminal {
				term := t.HelperTerminal(ctx, "sleep", "1m")
				term.Close(ctx)
			}
		}}
}

// told wraps the handler of an agent with its configuration at hand.
func told(fault func(cfg *agent.Config) agent.Middleware) func(*agent.Config) {
	return func(cfg *agent.Config) { cfg.Middleware = append(cfg.Middleware, fault(cfg)) }
}

func TestWhatIsLeftBehindIsAVerdictOnTheCase(t *testing.T) {
	t.Parallel()
	own := &engine.Launch{}
	cases := []engine.Case{
		working("metrics.sample/own", "metrics.sample", own, true),
		working("metrics.sample/pooled", "metrics.sample", nil, true),
	}
	// It leaves a process in the directory of every command.
	leaving := func(t *testing.T) func(*agent.Config) {
		return told(func(cfg *agent.Config) agent.Middleware {
			return trial.Before(func(req *agentv1.ControlRequest) {
				if req.GetExec() == nil {
					return
				}
				cmd := exec.Command(self(t), helper.Command, "sleep", "1m")
				cmd.Dir = filepath.Join(cfg.Root, req.GetExec().GetCwd())
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			})
		})
	}
	littering := told(func(cfg *agent.Config) agent.Middleware {
		return trial.Before(func(req *agentv1.ControlRequest) {
			if req.GetFsWrite() != nil {
				_ = os.WriteFile(filepath.Join(cfg.Root, ".scratch"), nil, 0o600)
			}
		})
	})
	// It answers without doing anything.
	pretending := func(is func(*agentv1.ControlRequest) bool, answer *agentv1.ControlResponse) agent.Middleware {
		return func(next agent.Handler) agent.Handler {
			return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
				if !is(req) {
					return next(ctx, req)
				}
				return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Result: answer.Result}
			}
		}
	}
	keeping := pretending(func(req *agentv1.ControlRequest) bool { return req.GetFsRemove() != nil },
		&agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsRemove{FsRemove: &agentv1.FsRemoveResponse{}}})
	open := pretending(func(req *agentv1.ControlRequest) bool { return req.GetPtyClose() != nil },
		&agentv1.ControlResponse{Result: &agentv1.ControlResponse_PtyClose{PtyClose: &agentv1.PtyCloseResponse{}}})
	subscribing := func(cfg *agent.Config) {
		var conn atomic.Pointer[nats.Conn]
		cfg.NATSOptions = append(cfg.NATSOptions, nats.ConnectHandler(conn.Store))
		told(func(cfg *agent.Config) agent.Middleware {
			return trial.Before(func(req *agentv1.ControlRequest) {
				if nc := conn.Load(); nc != nil && req.GetExec() != nil {
					_, _ = nc.Subscribe("agent."+cfg.WorkspaceID+"."+cfg.AgentID+".more", func(*nats.Msg) {})
				}
			})
		})(cfg)
	}
	mutants := []trial.Mutant{
		{Name: "leaves files in its root", Case: "metrics.sample/own", Says: "leak: want no file left in the root", Config: littering},
		{Name: "leaves files in a root that the pool owns", Case: "metrics.sample/pooled", Says: "leak: want no file left in the root", Config: littering},
		{Name: "keeps a directory that it says is removed", Case: "metrics.sample/pooled", Says: "leak: want nothing left of the case's directory", Fault: keeping},
		{Name: "keeps a terminal that it says is closed", Case: "metrics.sample/own", Says: "leak: want no channel of a closed terminal", Fault: open},
		{Name: "keeps one on an instance of the pool", Case: "metrics.sample/pooled", Says: "leak: want no channel of a closed terminal", Fault: open},
		{Name: "subscribes at every command", Case: "metrics.sample/own", Says: "leak: want no subscription beyond those at the start; got one on <base>.more", Config: subscribing},
	}
	if runtime.GOOS == "linux" {
		mutants = append(mutants,
			trial.Mutant{Name: "leaves processes behind", Case: "metrics.sample/own", Says: "leak: want no process left", Config: leaving(t)},
			trial.Mutant{Name: "leaves processes behind on an instance of the pool", Case: "metrics.sample/pooled", Says: "leak: want no process left", Config: leaving(t)})
	}
	trial.Noticed(t, cases, mutants)
}

// TestALeakIsBlamedOnNobodyElse runs a case that loses a process beside others.
func TestALeakIsBlamedOnNobodyElse(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the working directories of processes")
	}
	cases := []engine.Case{
		working("metrics.sample/one", "metrics.sample", nil, false),
		working("metrics.sample/two", "metrics.sample", nil, false),
		working("metrics.sample/three", "metrics.sample", nil, false),
	}
	trial.Tolerated(t, cases, verdict.Selection{}, trial.Mutant{
		Name: "loses a process of one case", Case: "metrics.sample/two", Says: "leak: want no process left",
		Config: told(func(cfg *agent.Config) agent.Middleware {
			return trial.Before(func(req *agentv1.ControlRequest) {
				dir := req.GetExec().GetCwd()
				if filepath.Base(dir) != "metrics.sample+two" {
					return
				}
				cmd := exec.Command(self(t), helper.Command, "sleep", "1m")
				cmd.Dir = filepath.Join(cfg.Root, dir)
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			})
		}),
	})
}

// TestACaseMayLeaveWhatItNames pins that the suite's own doing is not taken for
// the agent's.
func TestACaseMayLeaveWhatItNames(t *testing.T) {
	t.Parallel()
	named := func(id string, l *engine.Launch) engine.Case {
		return engine.Case{ID: id, Clause: "fs.write.no-torn-file", Explain: "It tests the leak checks.", Launch: l, Background: true,
			Run: func(ctx context.Context, t *engine.T) {
				t.Write(ctx, "named.txt", []byte("x"))
				cmd := []string{"/bin/sh", "-c", `"$0" "$@" >/dev/null 2>&1 &`}
				t.Exec(ctx, &agentv1.ExecRequest{Command: append(cmd, t.Helper(ctx, "sleep", "100ms")...), Cwd: t.Dir(ctx), TimeoutMs: 10_000})
			}}
	}
	trial.Tolerated(t, []engine.Case{named("fs.write.no-torn-file/own", &engine.Launch{}), named("fs.write.no-torn-file/pooled", nil)},
		verdict.Selection{}, trial.Mutant{Name: "has no fault", Case: "none/none"})
}

func self(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

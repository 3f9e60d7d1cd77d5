//go:build unix

package pty_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
	"agentproof/stream/producer"
	"agentproof/suite/cases/pty"
)

// answer replaces the agent's answer to the requests that match.
func answer(match func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) bool, with proto.Message) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if !match(req, resp) {
			return
		}
		resp.Error, resp.Result = nil, nil
		switch with := with.(type) {
		case *agentv1.PtyWriteResponse:
			resp.Result = &agentv1.ControlResponse_PtyWrite{PtyWrite: with}
		case *agentv1.PtyResizeResponse:
			resp.Result = &agentv1.ControlResponse_PtyResize{PtyResize: with}
		case *agentv1.PtyCloseResponse:
			resp.Result = &agentv1.ControlResponse_PtyClose{PtyClose: with}
		}
	})
}

func lostWrite(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) bool {
	return req.GetPtyWrite() != nil && resp.GetError() != nil
}

func lostResize(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) bool {
	return req.GetPtyResize() != nil && resp.GetError() != nil
}

func lostClose(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) bool {
	return req.GetPtyClose() != nil && resp.GetError() != nil
}

func anyClose(req *agentv1.ControlRequest, _ *agentv1.ControlResponse) bool {
	return req.GetPtyClose() != nil
}

// A closer ends terminals in a way of its own: kill is given the pid of the
// command. All that it does not kill ends with the agent.
func closer(t *testing.T, kill func(pid int)) agent.Middleware {
	file := filepath.Join(t.TempDir(), "pid")
	inner := within("echo $$ >'" + file + `.new' && mv '` + file + `.new' '` + file + `' && exec "$@"`)
	return func(next agent.Handler) agent.Handler {
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

// crossed types what one of two terminals is given into the other.
func crossed() agent.Middleware {
	var mu sync.Mutex
	var ids []string
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			mu.Lock()
			if r := req.GetPtyWrite(); r != nil && len(ids) == 2 {
				r.PtyId = ids[1-slices.Index(ids, r.GetPtyId())]
			}
			mu.Unlock()
			resp := next(ctx, req)
			if r := resp.GetPtyOpen(); r != nil {
				mu.Lock()
				ids = append(ids, r.GetPtyId())
				mu.Unlock()
			}
			return resp
		}
	}
}

func TestCasesNoticeWrongEnds(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, pty.Cases(), []trial.Mutant{
		mutant("says that a closed program succeeded", "pty.close/exit-code-of-a-running-one", "the exit code -1",
			answer(anyClose, &agentv1.PtyCloseResponse{})),
		mutant("closes terminals by forgetting them", "pty.close/child-is-gone", "some still there", closer(t, func(int) {})),
		mutant("hangs up only", "pty.close/hangup-ignored", "some still there", closer(t, signaller(syscall.SIGHUP, true))),
		mutant("terminates only", "pty.close/hangup-ignored", "some still there", closer(t, signaller(syscall.SIGTERM, true))),
		mutant("kills the program alone", "pty.close/descendants-are-gone", "some still there", closer(t, signaller(syscall.SIGKILL, false))),
		mutant("kills the group alone", "pty.close/descendants-are-gone", "some still there", closer(t, signaller(syscall.SIGKILL, true))),
		mutant("closes terminals by forgetting them, flood or not", "pty.close/while-a-viewer-does-not-read", "some still there",
			closer(t, func(int) {})),
		mutant("takes input for a closed terminal", "pty.close/id-is-unknown-afterwards", "a result",
			answer(lostWrite, &agentv1.PtyWriteResponse{BytesWritten: 1})),
		mutant("resizes a closed terminal", "pty.close/id-is-unknown-afterwards", "a result", answer(lostResize, &agentv1.PtyResizeResponse{})),
		mutant("gives -1 for a program that ended", "pty.close-ended/its-own-exit-code", "the exit code 7",
			answer(anyClose, &agentv1.PtyCloseResponse{ExitCode: -1})),
		mutant("gives 0 for every program that ended", "pty.close-ended/its-own-exit-code", "the exit code 7",
			answer(anyClose, &agentv1.PtyCloseResponse{})),
		mutant("takes input for no terminal", "pty.unknown/never-existed", "a result", answer(lostWrite, &agentv1.PtyWriteResponse{BytesWritten: 1})),
		mutant("resizes no terminal", "pty.unknown/never-existed", "a result", answer(lostResize, &agentv1.PtyResizeResponse{})),
		mutant("closes no terminal", "pty.unknown/never-existed", "a result", answer(lostClose, &agentv1.PtyCloseResponse{})),
		mutant("closes a terminal twice", "pty.unknown/closed", "a result", answer(lostClose, &agentv1.PtyCloseResponse{ExitCode: -1})),
		mutant("calls a terminal that is gone an error of the system", "pty.unknown/closed", "got OS",
			trial.Recode(notFound, agentv1.ErrorCode_ERROR_CODE_OS)),
		mutant("takes input for a program that ended", "pty.unknown/ended-takes-no-input", "a result",
			answer(lostWrite, &agentv1.PtyWriteResponse{BytesWritten: 1})),
		silent("waits for what a program started", "pty.exit/a-background-process-does-not-hold-it", "nothing more in time",
			within(`"$@"; sleep 100`)),
		mutant("types into the other terminal", "pty.distinct/bytes-apart", "what this terminal was given", crossed()),
	})
}

// startedFirst runs the command of a terminal before the relay was asked, and
// leaves it.
func startedFirst(t *testing.T) agent.Middleware {
	return opening(func(r *agentv1.PtyOpenRequest) {
		cmd := exec.Command(r.GetCommand()[0], r.GetCommand()[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			t.Errorf("start a terminal's command: %v", err)
			return
		}
		t.Cleanup(func() {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
		})
		// The report of what runs must be there before the refusal.
		time.Sleep(time.Second)
	})
}

// leavesChannel registers a channel for a terminal that does not start.
func leavesChannel(t *testing.T) func(*agent.Config) {
	return func(cfg *agent.Config) {
		relay := producer.Config{RelayURL: cfg.RelayURL, Token: stream.Secret(cfg.RelayToken), Channel: &agentv1.StreamChannel{
			ChannelId: "left", WorkspaceId: cfg.WorkspaceID, AgentId: cfg.AgentID,
			Kind: agentv1.StreamKind_STREAM_KIND_PTY, Port: stream.TerminalPort,
		}}
		cfg.Middleware = []agent.Middleware{trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
			if req.GetPtyOpen() == nil || resp.GetError() == nil {
				return
			}
			p, err := producer.Open(t.Context(), relay)
			if err != nil {
				t.Errorf("leave a channel: %v", err)
				return
			}
			t.Cleanup(func() {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				_ = p.Close(ctx, agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, "")
			})
		})}
	}
}

func TestCasesNoticeWrongWaysWithTheRelay(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var failure *agentv1.AgentError
	grudge := trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if req.GetPtyOpen() == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if failure == nil {
			failure = resp.GetError()
		}
		resp.Result, resp.Error = nil, failure
	})
	claims := func(cfg *agent.Config) { cfg.RelayURL, cfg.RelayToken = "ws://127.0.0.1:1/stream", "none" }
	hangs := func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if req.GetPtyOpen() != nil {
				<-ctx.Done()
			}
			return next(ctx, req)
		}
	}
	const streamError = agentv1.ErrorCode_ERROR_CODE_STREAM
	trial.Noticed(t, pty.Cases(), []trial.Mutant{
		mutant("waits for a silent relay for ever", "pty.relay-silent/typed-error-in-time", "no reply", hangs),
		mutant("leaves the shell when the relay is down", "pty.relay-down/connection-refused", "one that runs", startedFirst(t)),
		mutant("leaves the shell when the relay rejects it", "pty.relay-down/token-rejected", "one that runs", startedFirst(t)),
		mutant("calls a relay that is down unknown", "pty.relay-down/connection-refused", "NOT_FOUND", trial.Recode(streamError, notFound)),
		mutant("calls a rejection unknown", "pty.relay-down/token-rejected", "NOT_FOUND", trial.Recode(streamError, notFound)),
		mutant("never asks a relay again that was down", "pty.relay-down/serves-again-when-it-is-back", "STREAM", grudge),
		mutant("calls a missing relay unknown", "pty.no-relay/refused", "NOT_FOUND", trial.Recode(unsupported, notFound)),
		{Name: "claims terminals without a relay", Case: "pty.no-relay-hello/says-no-terminals", Says: "pty in the Hello", Config: claims},
		{Name: "leaves a channel behind", Case: "pty.spawn-failure/leaves-no-channel", Says: "one at the relay", Config: leavesChannel(t)},
	})
}

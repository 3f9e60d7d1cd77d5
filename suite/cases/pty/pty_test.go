//go:build unix

package pty_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases/pty"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

const (
	notFound    = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	unsupported = agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED

	// soon is the scale of trials that show in nothing coming.
	soon = 0.2
)

func mutant(name, id, says string, fault agent.Middleware) trial.Mutant {
	return trial.Mutant{Name: name, Case: id, Says: says, Fault: fault}
}

// silent is a mutant that shows in nothing coming.
func silent(name, id, says string, fault agent.Middleware) trial.Mutant {
	return trial.Mutant{Name: name, Case: id, Says: says, Fault: fault, Scale: soon}
}

// opening changes what terminals are asked to be.
func opening(edit func(*agentv1.PtyOpenRequest)) agent.Middleware {
	return trial.Before(func(req *agentv1.ControlRequest) {
		if r := req.GetPtyOpen(); r != nil {
			edit(r)
		}
	})
}

// opened changes what is told of new terminals.
func opened(edit func(*agentv1.PtyOpenResponse)) agent.Middleware {
	return trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetPtyOpen(); r != nil {
			edit(r)
		}
	})
}

// typing changes what is typed by pty_write.
func typing(edit func([]byte) []byte) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			r := req.GetPtyWrite()
			if r == nil {
				return next(ctx, req)
			}
			claimed := uint64(len(r.GetData()))
			r.Data = edit(r.GetData())
			resp := next(ctx, req)
			if w := resp.GetPtyWrite(); w != nil {
				w.BytesWritten = claimed
			}
			return resp
		}
	}
}

// retried opens a terminal that was refused with the code once more, changed.
func retried(code agentv1.ErrorCode, edit func(*agentv1.PtyOpenRequest)) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			resp := next(ctx, req)
			if req.GetPtyOpen() == nil || resp.GetError() == nil || resp.GetError().GetCode() != code {
				return resp
			}
			again := proto.CloneOf(req)
			edit(again.GetPtyOpen())
			return next(ctx, again)
		}
	}
}

// within runs the command of a terminal inside another one, which has it as
// "$@".
func within(script string) agent.Middleware {
	return opening(func(r *agentv1.PtyOpenRequest) {
		if len(r.GetCommand()) > 0 {
			r.Command = append([]string{"/bin/sh", "-c", script, "sh"}, r.Command...)
		}
	})
}

func TestCasesNoticeTerminalsOfAnotherKind(t *testing.T) {
	t.Parallel()
	var first sync.Once
	var reply *agentv1.PtyOpenResponse
	trial.Noticed(t, pty.Cases(), []trial.Mutant{
		mutant("leaves the pty_id out", "pty.open/channel-of-this-agent", "a pty_id",
			opened(func(r *agentv1.PtyOpenResponse) { r.PtyId = "" })),
		mutant("does not say which channel", "pty.open/channel-of-this-agent", "a channel_id",
			opened(func(r *agentv1.PtyOpenResponse) { r.Channel.ChannelId = "" })),
		mutant("leaves the kind of the channel out", "pty.open/channel-of-this-agent", "kind",
			opened(func(r *agentv1.PtyOpenResponse) { r.Channel.Kind = 0 })),
		mutant("tells no port", "pty.open/channel-of-this-agent", "port",
			opened(func(r *agentv1.PtyOpenResponse) { r.Channel.Port = 0 })),
		mutant("swaps workspace and agent in the channel", "pty.open/channel-of-this-agent", "workspace",
			opened(func(r *agentv1.PtyOpenResponse) {
				r.Channel.WorkspaceId, r.Channel.AgentId = r.Channel.AgentId, r.Channel.WorkspaceId
			})),
		mutant("asks for consent to open a terminal", "pty.headless/no-display-and-no-consent", "CONSENT_REQUIRED",
			func(agent.Handler) agent.Handler {
				return func(_ context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
					return &agentv1.ControlResponse{RequestId: req.GetRequestId(),
						Error: &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED}}
				}
			}),
		silent("starts nothing without a command", "pty.open/no-command-is-a-shell", "42-is-the-answer",
			opening(func(r *agentv1.PtyOpenRequest) {
				if len(r.GetCommand()) == 0 {
					r.Command = []string{"/bin/cat"}
				}
			})),
		mutant("joins the command for a shell", "pty.open/command-is-argv", "as it was given",
			opening(func(r *agentv1.PtyOpenRequest) {
				r.Command = []string{"/bin/sh", "-c", strings.Replace(strings.Join(r.Command, " "), "it's", "its", 1)}
			})),
		silent("waits for the first output", "pty.open-silent/reply-before-output", "none in time",
			func(next agent.Handler) agent.Handler {
				return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
					resp := next(ctx, req)
					if req.GetPtyOpen() != nil {
						<-ctx.Done()
					}
					return resp
				}
			}),
		mutant("gives the same terminal twice", "pty.distinct/ids-and-channels", "two pty_ids",
			opened(func(r *agentv1.PtyOpenResponse) {
				first.Do(func() { reply = proto.CloneOf(r) })
				r.PtyId, r.Channel = reply.GetPtyId(), reply.GetChannel()
			})),
		mutant("gives a missing program a terminal", "pty.spawn-failure/missing-program", "NOT_FOUND",
			retried(notFound, func(r *agentv1.PtyOpenRequest) { r.Command = []string{"/bin/sh", "-c", "exit 127"} })),
		mutant("blames the request for a missing program", "pty.spawn-failure/missing-program", "PROTOCOL",
			trial.Recode(notFound, agentv1.ErrorCode_ERROR_CODE_PROTOCOL)),

		mutant("starts commands with a pipe for output", "pty.isatty/one-controlling-terminal", "stdout a terminal", within(`"$@" | cat`)),
		mutant("starts commands without input", "pty.isatty/one-controlling-terminal", "stdin a terminal", within(`exec "$@" </dev/null`)),
		mutant("keeps errors apart", "pty.isatty/one-controlling-terminal", "stderr a terminal", within(`exec "$@" 2>/dev/null`)),
		mutant("leaves commands in the background", "pty.isatty/one-controlling-terminal", "foreground", within(`set -m; "$@" & wait`)),
	})
}

// shaped makes every terminal of one size, where the request matches.
func shaped(match func(cols, rows uint32) bool, cols, rows uint32) agent.Middleware {
	return opening(func(r *agentv1.PtyOpenRequest) {
		if match(r.GetCols(), r.GetRows()) {
			r.Cols, r.Rows = cols, rows
		}
	})
}

func TestCasesNoticeWrongSurroundings(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, pty.Cases(), []trial.Mutant{
		mutant("ignores the size", "pty.size/as-asked", "columns 132",
			shaped(func(uint32, uint32) bool { return true }, 80, 24)),
		mutant("swaps columns and rows", "pty.size/as-asked", "columns 132",
			opening(func(r *agentv1.PtyOpenRequest) { r.Cols, r.Rows = r.Rows, r.Cols })),
		mutant("has another default size", "pty.size/both-default", "rows 24",
			shaped(func(cols, rows uint32) bool { return cols == 0 && rows == 0 }, 80, 25)),
		mutant("drops the rows when there are no columns", "pty.size/columns-default-alone", "rows 50",
			shaped(func(cols, _ uint32) bool { return cols == 0 }, 80, 24)),
		mutant("drops the columns when there are no rows", "pty.size/rows-default-alone", "columns 132",
			shaped(func(_, rows uint32) bool { return rows == 0 }, 80, 24)),
		mutant("ignores the term", "pty.term/as-asked", `TERM "vt100"`,
			opening(func(r *agentv1.PtyOpenRequest) { r.Term = "" })),
		mutant("has another default term", "pty.term/default", `TERM "xterm-256color"`,
			opening(func(r *agentv1.PtyOpenRequest) {
				if r.Term == "" {
					r.Term = "xterm"
				}
			})),
		mutant("lets TERM of the variables win", "pty.term/wins-over-env", `TERM "vt220"`,
			opening(func(r *agentv1.PtyOpenRequest) { r.Term = r.GetEnv()["TERM"] })),
		mutant("lets the variable win only without a term", "pty.term/default-wins-over-env", `TERM "xterm-256color"`,
			opening(func(r *agentv1.PtyOpenRequest) {
				if r.Term == "" {
					r.Term = r.GetEnv()["TERM"]
				}
			})),
		mutant("drops the variables", "pty.env/layered-over-the-agents", "the added variable",
			opening(func(r *agentv1.PtyOpenRequest) { r.Env = nil })),
		mutant("drops empty variables", "pty.env/layered-over-the-agents", "the empty variable",
			opening(func(r *agentv1.PtyOpenRequest) {
				for name, value := range r.GetEnv() {
					if value == "" {
						delete(r.Env, name)
					}
				}
			})),
		mutant("replaces its environment", "pty.env/layered-over-the-agents", "PATH",
			within(`exec /usr/bin/env -i CASE_ADDED="$CASE_ADDED" CASE_EMPTY= "$@"`)),
		mutant("lets its own variables win", "pty.env/overrides-the-agents", "the request's HOME",
			opening(func(r *agentv1.PtyOpenRequest) { delete(r.Env, "HOME") })),
		mutant("opens terminals in the home directory", "pty.cwd/empty-is-the-root", "in another",
			opening(func(r *agentv1.PtyOpenRequest) {
				if r.Cwd == "" {
					r.Cwd = "/"
				}
			})),
		mutant("ignores the cwd", "pty.cwd/relative-is-under-the-root", "in another",
			opening(func(r *agentv1.PtyOpenRequest) { r.Cwd = "" })),
		mutant("cuts the cwd at a blank", "pty.cwd/relative-is-under-the-root", "NOT_FOUND",
			opening(func(r *agentv1.PtyOpenRequest) { r.Cwd, _, _ = strings.Cut(r.Cwd, " ") })),
		mutant("puts absolute directories under its root", "pty.cwd/absolute-is-as-it-is", "in another",
			opening(func(r *agentv1.PtyOpenRequest) { r.Cwd = strings.TrimPrefix(r.Cwd, "/") })),
		mutant("opens a terminal in the root instead", "pty.cwd-missing/no-shell", "a result",
			retried(notFound, func(r *agentv1.PtyOpenRequest) { r.Cwd = "" })),
	})
}

func TestCasesNoticeWrongInput(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("there is no setsid to start a program away from its terminal with")
	}
	var mu sync.Mutex
	var held []byte
	var once atomic.Bool
	trial.Noticed(t, pty.Cases(), []trial.Mutant{
		silent("strips what is no ASCII", "pty.write/every-byte-value", "byte for byte",
			typing(func(b []byte) []byte {
				return slices.DeleteFunc(slices.Clone(b), func(c byte) bool { return c > 0x7f })
			})),
		silent("makes line ends of returns", "pty.write/every-byte-value", "byte for byte",
			typing(func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "\r", "\n")) })),
		mutant("counts no bytes", "pty.write/every-byte-value", "bytes_written",
			trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if w := resp.GetPtyWrite(); w != nil {
					w.BytesWritten = 0
				}
			})),
		mutant("refuses to write nothing", "pty.write/nothing-is-fine", "a result",
			func(next agent.Handler) agent.Handler {
				return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
					if r := req.GetPtyWrite(); r != nil && len(r.GetData()) == 0 {
						return &agentv1.ControlResponse{RequestId: req.GetRequestId(),
							Error: &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_PROTOCOL}}
					}
					return next(ctx, req)
				}
			}),
		silent("loses the end of a long paste", "pty.write/a-long-paste", "nothing more in time",
			typing(func(b []byte) []byte { return b[:min(len(b), 64<<10)] })),
		mutant("doubles a byte of a long paste", "pty.write/a-long-paste", "the digest",
			typing(func(b []byte) []byte {
				if len(b) > 64<<10 {
					return slices.Insert(slices.Clone(b), 64<<10, b[64<<10])
				}
				return b
			})),
		mutant("lets writes overtake each other", "pty.write/in-order-of-arrival", "the order",
			typing(func(b []byte) []byte {
				mu.Lock()
				defer mu.Unlock()
				if len(b) == 5 && held == nil {
					held = b
					return nil
				}
				b = append(slices.Clone(b), held...)
				held = nil
				return b
			})),
		silent("takes a resize and does nothing", "pty.resize/size-and-signal", "nothing more in time",
			trial.Before(func(req *agentv1.ControlRequest) {
				if r := req.GetPtyResize(); r != nil {
					r.Cols, r.Rows = 0, 0 // which keep what was
				}
			})),
		mutant("swaps columns and rows of a resize", "pty.resize/size-and-signal", "the size",
			trial.Before(func(req *agentv1.ControlRequest) {
				if r := req.GetPtyResize(); r != nil {
					r.Cols, r.Rows = r.Rows, r.Cols
				}
			})),
		mutant("resizes once", "pty.resize/while-output-runs", "columns after the last",
			trial.Before(func(req *agentv1.ControlRequest) {
				if r := req.GetPtyResize(); r != nil && !once.CompareAndSwap(false, true) {
					r.Cols, r.Rows = 0, 0
				}
			})),
		silent("does one thing at a time", "envelope.concurrent/beside-a-terminal-that-takes-no-input", "ping in time",
			func(next agent.Handler) agent.Handler {
				var one sync.Mutex
				return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
					one.Lock()
					defer one.Unlock()
					return next(ctx, req)
				}
			}),
		silent("sends no signal about a resize", "pty.resize/size-and-signal", "nothing more in time",
			within(`exec 3<&0; setsid "$@" <&3 & wait`)),
	})
}

func TestANewlineThatNobodyTypedOnlyWarns(t *testing.T) {
	if testing.Short() {
		t.Skip("runs most cases once more")
	}
	t.Parallel()
	newline := func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			resp := next(ctx, req)
			if r := resp.GetPtyOpen(); r != nil {
				next(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyWrite{
					PtyWrite: &agentv1.PtyWriteRequest{PtyId: r.GetPtyId(), Data: []byte("\n")},
				}})
			}
			return resp
		}
	}
	trial.Tolerated(t, pty.Cases(), engine.Selection{Skip: []string{
		// They judge the connection to the relay, or much more of the same.
		"pty.relay-**", "pty.no-relay**", "pty.survives-relay/killed", "pty.output-complete/sixty-four-mebibytes",
	}}, mutant("types a newline into every terminal", "pty.quiet/nothing-that-nobody-typed", "an empty screen", newline))
}

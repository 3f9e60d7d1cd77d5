package fence_test

import (
	"context"
	"math"
	"os"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases/fence"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

const fenced = agentv1.ErrorCode_ERROR_CODE_FENCED

// unfenced lets stale requests that match pass the fence.
func unfenced(match func(*agentv1.ControlRequest) bool) agent.Middleware {
	return trial.Before(func(req *agentv1.ControlRequest) {
		if match(req) {
			req.Epoch = 0
		}
	})
}

// overfenced refuses requests that match.
func overfenced(match func(*agentv1.ControlRequest) bool) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if match(req) {
				return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: &agentv1.AgentError{Code: fenced}}
			}
			return next(ctx, req)
		}
	}
}

// fencedAfter runs the operation and looks at the epoch then.
func fencedAfter(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetEpoch() != 0 {
			unset := proto.CloneOf(req)
			unset.Epoch = 0
			next(ctx, unset)
		}
		return next(ctx, req)
	}
}

func edit(change func(*agentv1.AgentError)) agent.Middleware {
	return trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if resp.GetError().GetCode() == fenced {
			change(resp.Error)
		}
	})
}

func TestCasesNoticeAFenceWithGaps(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, fence.Cases(), []trial.Mutant{
		{Name: "lets stale metrics pass", Case: "fence.stale/every-operation", Says: "a stale metrics",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetMetrics() != nil })},
		{Name: "takes epoch 1 for none", Case: "fence.stale/every-older-epoch", Says: "FENCED",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetEpoch() == 1 })},
		{Name: "fences only what is far behind", Case: "fence.stale/every-older-epoch", Says: "FENCED",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetEpoch() == engine.SharedEpoch-1 })},
		{Name: "calls a fenced request final", Case: "fence.stale/retryable", Says: "retryable true",
			Fault: edit(func(e *agentv1.AgentError) { e.Retryable = false })},
		{Name: "swaps the epochs", Case: "fence.stale/details", Says: "op_epoch",
			Fault: edit(func(e *agentv1.AgentError) {
				e.Detail["op_epoch"], e.Detail["held_epoch"] = e.Detail["held_epoch"], e.Detail["op_epoch"]
			})},
		{Name: "keeps the held epoch for itself", Case: "fence.stale/details", Says: "held_epoch",
			Fault: edit(func(e *agentv1.AgentError) { delete(e.Detail, "held_epoch") })},
		{Name: "never fences a ping", Case: "fence.first/ping", Says: "FENCED",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetPing() != nil })},
		{Name: "looks for an op first", Case: "fence.first/without-op", Says: "got PROTOCOL",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetOp() == nil })},
		{Name: "looks for a known op first", Case: "fence.first/unknown-op", Says: "got PROTOCOL",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return len(r.ProtoReflect().GetUnknown()) > 0 })},
		{Name: "looks whose op it is first", Case: "fence.first/agent-initiated-op", Says: "got PROTOCOL",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetResume() != nil })},
		{Name: "looks at the path first", Case: "fence.first/wrong-arguments", Says: "got NOT_FOUND",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetFsRead() != nil })},
		{Name: "looks for a display first", Case: "fence.first/screen-control", Says: "got UNSUPPORTED",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetDesktopInput() != nil })},
		{Name: "looks for consent first", Case: "fence.first/screen-control-without-consent", Says: "got CONSENT_REQUIRED",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetDesktopInput() != nil })},
		{Name: "reads the epoch of undecodable bytes", Case: "fence.first/undecodable", Says: "got FENCED",
			Config: func(cfg *agent.Config) {
				cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
					return func(msg *nats.Msg) {
						if proto.Unmarshal(msg.Data, &agentv1.ControlRequest{}) != nil {
							msg.Data = []byte{0x10, 1} // epoch 1, and nothing else
						}
						next(msg)
					}
				}
			}},
	})
}

func TestCasesNoticeAFenceAfterTheFact(t *testing.T) {
	t.Parallel()
	var mutants []trial.Mutant
	for id, says := range map[string]string{
		"fence.stale/a-write-creates-nothing":  "got a file",
		"fence.stale/a-write-changes-nothing":  "got other content",
		"fence.stale/an-append-adds-nothing":   "got other content",
		"fence.stale/a-remove-removes-nothing": "got no file",
		"fence.stale/a-move-moves-nothing":     "got no file",
		"fence.stale/a-mkdir-creates-nothing":  "got a directory",
		"fence.stale/a-command-does-not-run":   "the file that it writes",
	} {
		mutants = append(mutants, trial.Mutant{Name: "runs what it fences, " + id, Case: id, Says: says, Fault: fencedAfter})
	}
	trial.Noticed(t, fence.Cases(), mutants)
}

func TestCasesNoticeAFenceThatIsTooHigh(t *testing.T) {
	t.Parallel()
	var newest atomic.Uint32
	trial.Noticed(t, fence.Cases(), []trial.Mutant{
		{Name: "fences its own epoch", Case: "fence.current/runs", Says: "got the error FENCED",
			Fault: overfenced(func(r *agentv1.ControlRequest) bool { return r.GetEpoch() == engine.SharedEpoch })},
		{Name: "fences what is newer", Case: "fence.newer/runs", Says: "got the error FENCED",
			Fault: overfenced(func(r *agentv1.ControlRequest) bool { return r.GetEpoch() > engine.SharedEpoch })},
		{Name: "compares signed numbers", Case: "fence.newer/full-range", Says: "got the error FENCED",
			Fault: overfenced(func(r *agentv1.ControlRequest) bool { return r.GetEpoch() > math.MaxInt32 })},
		{Name: "fences every epoch while it has none", Case: "fence.newer/agent-without-epoch", Says: "got the error FENCED",
			Fault: overfenced(func(r *agentv1.ControlRequest) bool { return r.GetEpoch() == 1 })},
		{Name: "takes no epoch for the oldest", Case: "fence.unset/never-fenced", Says: "got the error FENCED",
			Fault: overfenced(func(r *agentv1.ControlRequest) bool { return r.GetEpoch() == 0 && r.GetFsWrite() != nil })},
		{Name: "forgets what unset means once it has ratcheted", Case: "fence.unset/after-a-newer-epoch", Says: "got the error FENCED",
			Fault: overfenced(func(r *agentv1.ControlRequest) bool {
				newest.Store(max(newest.Load(), r.GetEpoch()))
				return r.GetEpoch() == 0 && newest.Load() > engine.SharedEpoch && r.GetFsWrite() != nil
			})},
	})
}

package fence

import (
	"math"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func gaps() []fault.Mutant {
	return []fault.Mutant{
		{Name: "lets stale metrics pass", Case: "fence.stale/every-operation", Says: "a stale metrics",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetMetrics() != nil })},
		{Name: "takes epoch 1 for none", Case: "fence.stale/every-older-epoch", Says: "FENCED",
			Config: unfencedAt(func(epoch, _ uint32) bool { return epoch == 1 })},
		{Name: "fences only what is far behind", Case: "fence.stale/every-older-epoch", Says: "FENCED",
			Also:   []string{"fence.stale/*"},
			Config: unfencedAt(func(epoch, held uint32) bool { return epoch+1 == held })},
		{Name: "calls a fenced request final", Case: "fence.stale/retryable", Says: "retryable true",
			Fault: fault.EditError(fenced, func(e *agentv1.AgentError) { e.Retryable = false })},
		{Name: "swaps the epochs", Case: "fence.stale/details", Says: "op_epoch",
			Fault: fault.EditError(fenced, func(e *agentv1.AgentError) {
				e.Detail["op_epoch"], e.Detail["held_epoch"] = e.Detail["held_epoch"], e.Detail["op_epoch"]
			})},
		{Name: "keeps the held epoch for itself", Case: "fence.stale/details", Says: "held_epoch",
			Fault: fault.EditError(fenced, func(e *agentv1.AgentError) { delete(e.Detail, "held_epoch") })},
		{Name: "never fences a ping", Case: "fence.first/ping", Says: "FENCED",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetPing() != nil })},
		{Name: "looks for an op first", Case: "fence.first/without-op", Says: "got PROTOCOL",
			Also:  []string{"fence.first/unknown-op"},
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetOp() == nil })},
		{Name: "looks for a known op first", Case: "fence.first/unknown-op", Says: "got PROTOCOL",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return len(r.ProtoReflect().GetUnknown()) > 0 })},
		{Name: "looks whose op it is first", Case: "fence.first/agent-initiated-op", Says: "got PROTOCOL",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetResume() != nil })},
		{Name: "looks at the path first", Case: "fence.first/wrong-arguments", Says: "got NOT_FOUND",
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetFsRead() != nil })},
		{Name: "looks for a display first", Case: "fence.first/screen-control", Says: "got UNSUPPORTED",
			Also:  []string{"fence.first/screen-control-without-consent"},
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetDesktopInput() != nil })},
		{Name: "looks for consent first", Case: "fence.first/screen-control-without-consent", Says: "got CONSENT_REQUIRED",
			Also:  []string{"fence.first/screen-control"},
			Fault: unfenced(func(r *agentv1.ControlRequest) bool { return r.GetDesktopInput() != nil })},
		{Name: "is silent about undecodable bytes with an epoch", Case: "fence.first/undecodable", Says: "silence", Scale: 0.2,
			Config: func(cfg *agent.Config) { cfg.Wire.In = ignoreUndecodable }},
		{Name: "answers undecodable bytes with such", Case: "fence.first/undecodable", Says: "a reply that decodes",
			Config: func(cfg *agent.Config) { cfg.Wire.Out = answerInKind }},
		{Name: "reads the epoch of undecodable bytes", Case: "fence.first/undecodable", Says: "got FENCED",
			Config: func(cfg *agent.Config) { cfg.Wire.In = guessEpoch }},
	}
}

// guessEpoch takes bytes that do not decode for a stale request.
func guessEpoch(next nats.MsgHandler) nats.MsgHandler {
	return func(msg *nats.Msg) {
		if proto.Unmarshal(msg.Data, &agentv1.ControlRequest{}) != nil {
			msg.Data = []byte{0x10, 1} // epoch 1, and nothing else
		}
		next(msg)
	}
}

// ignoreUndecodable drops bytes that do not decode.
func ignoreUndecodable(next nats.MsgHandler) nats.MsgHandler {
	return func(msg *nats.Msg) {
		if proto.Unmarshal(msg.Data, &agentv1.ControlRequest{}) == nil {
			next(msg)
		}
	}
}

// answerInKind sends bytes that do not decode in the place of the answer to
// such.
func answerInKind(next agent.PublishFunc) agent.PublishFunc {
	return func(subject string, data []byte) error {
		resp := &agentv1.ControlResponse{}
		if strings.HasPrefix(subject, nats.InboxPrefix) && proto.Unmarshal(data, resp) == nil &&
			resp.GetRequestId() == "" && resp.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_PROTOCOL {
			data = []byte{0xff}
		}
		return next(subject, data)
	}
}

func tooHigh() []fault.Mutant {
	var newest atomic.Uint32
	return []fault.Mutant{
		{Name: "fences its own epoch", Case: "fence.current/runs", Says: "got the error FENCED",
			Config: overfenced(func(r *agentv1.ControlRequest, held uint32) bool { return held > 0 && r.GetEpoch() == held })},
		{Name: "writes nothing at its own epoch", Case: "fence.current/runs", Says: "the content written",
			Config: func(cfg *agent.Config) {
				held := cfg.Epoch
				cfg.Middleware = append(cfg.Middleware, fault.Before(func(r *agentv1.ControlRequest) {
					if w := r.GetFsWrite(); w != nil && r.GetEpoch() == held {
						w.Content = nil
					}
				}))
			}},
		{Name: "fences what is newer", Case: "fence.newer/runs", Says: "got the error FENCED",
			Also:   []string{"fence.newer/*"},
			Config: overfenced(func(r *agentv1.ControlRequest, held uint32) bool { return r.GetEpoch() > held })},
		{Name: "compares signed numbers", Case: "fence.newer/full-range", Says: "got the error FENCED",
			Config: overfenced(func(r *agentv1.ControlRequest, _ uint32) bool { return r.GetEpoch() > math.MaxInt32 })},
		{Name: "fences every epoch while it has none", Case: "fence.newer/agent-without-epoch", Says: "got the error FENCED",
			Config: overfenced(func(r *agentv1.ControlRequest, held uint32) bool { return held == 0 && r.GetEpoch() > 0 })},
		{Name: "takes no epoch for the oldest", Case: "fence.unset/never-fenced", Says: "got the error FENCED",
			Also:   []string{"fence.unset/after-a-newer-epoch"},
			Config: overfenced(func(r *agentv1.ControlRequest, _ uint32) bool { return r.GetEpoch() == 0 && r.GetFsWrite() != nil })},
		{Name: "forgets what unset means once it has ratcheted", Case: "fence.unset/after-a-newer-epoch", Says: "got the error FENCED",
			Config: overfenced(func(r *agentv1.ControlRequest, held uint32) bool {
				newest.Store(max(newest.Load(), r.GetEpoch()))
				return r.GetEpoch() == 0 && newest.Load() > held && r.GetFsWrite() != nil
			})},
	}
}

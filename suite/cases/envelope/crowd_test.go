package envelope_test

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases/envelope"
)

func TestCasesNoticeOperationsThatWaitForEachOther(t *testing.T) {
	t.Parallel()
	serial := func() agent.Middleware {
		var one sync.Mutex
		return func(next agent.Handler) agent.Handler {
			return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
				one.Lock()
				defer one.Unlock()
				return next(ctx, req)
			}
		}
	}
	slow := func() agent.Middleware {
		var commands, pings atomic.Int64
		return func(next agent.Handler) agent.Handler {
			return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
				if req.GetExec() != nil {
					commands.Add(1)
					defer commands.Add(-1)
				}
				if req.GetPing() != nil && commands.Load() > 100 && pings.Add(1)%40 == 0 {
					time.Sleep(110 * time.Millisecond)
				}
				return next(ctx, req)
			}
		}
	}
	swapping := func(cfg *agent.Config) {
		var held *nats.Msg // on the subscription's goroutine alone
		cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
			return func(msg *nats.Msg) {
				switch {
				case held != nil:
					next(msg)
					next(held)
					held = nil
				case bytes.Contains(msg.Data, []byte("piece-0100")):
					held = msg
				default:
					next(msg)
				}
			}
		}
	}
	silent := func(cfg *agent.Config) {
		cfg.MaxConcurrent = 64 // reached by the flood however slowly commands start
		code(agentv1.ErrorCode_ERROR_CODE_DRAINING, func(r *agentv1.ControlResponse) { r.Error.Detail = nil })(cfg)
	}
	trial.Noticed(t, envelope.Cases(), []trial.Mutant{
		{Name: "does one thing at a time", Case: "envelope.concurrent/ping-beside-a-command", Says: "only after the command had ended", Fault: serial()},
		{Name: "looks at no file while a command runs", Case: "envelope.concurrent/operations-beside-a-command", Says: "only after the command had ended",
			Fault: serial()},
		{Name: "mixes keystrokes up", Case: "envelope.order/terminal-input", Says: "another order", Config: swapping},
		{Name: "is slow under load", Case: "envelope.concurrent/ping-latency-with-many-commands", Says: "p99", Fault: slow()},
		{Name: "takes a hundred commands", Case: "envelope.bounded/many-commands-are-below", Says: "DRAINING",
			Config: func(cfg *agent.Config) { cfg.MaxConcurrent = 100 }},
		{Name: "does not say why it is busy", Case: "envelope.bounded/a-flood-is-answered", Says: "the detail backpressure",
			Config: silent},
	})
}

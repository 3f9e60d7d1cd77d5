package envelope

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// waiting are agents whose operations wait for each other, or do not where
// they must.
func waiting() []fault.Mutant {
	const concurrent = "envelope.concurrent/"
	return []fault.Mutant{
		{Name: "does one thing at a time", Case: concurrent + "ping-beside-a-command", Says: "only after the command had ended",
			Also: []string{concurrent + "*"}, Fault: serial()},
		{Name: "looks at no file while a command runs", Case: concurrent + "operations-beside-a-command", Says: "only after the command had ended",
			Also: []string{concurrent + "*"}, Fault: serial()},
		{Name: "answers nothing while a terminal takes no input", Case: concurrent + "beside-a-terminal-that-takes-no-input", Says: "a reply to ping in time",
			Scale: soon, Also: []string{concurrent + "*"}, Fault: serial()},
		{Name: "beats no more while a command runs", Case: concurrent + "heartbeat-beside-a-command", Says: "heartbeats while a command runs",
			Config: busy()},
		{Name: "mixes keystrokes up", Case: "envelope.order/terminal-input", Says: "another order", Config: swapping},
	}
}

// serial lets one operation run at a time.
func serial() agent.Middleware {
	var one sync.Mutex
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			one.Lock()
			defer one.Unlock()
			return next(ctx, req)
		}
	}
}

// busy sends no event while a command runs.
func busy() func(*agent.Config) {
	return func(cfg *agent.Config) {
		var commands atomic.Int64
		cfg.Middleware = append(cfg.Middleware, counting(&commands))
		cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
			return func(to string, data []byte) error {
				if commands.Load() > 0 && strings.HasSuffix(to, ".events") {
					return nil
				}
				return next(to, data)
			}
		}
	}
}

// counting keeps count of the commands that run.
func counting(commands *atomic.Int64) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if req.GetExec() != nil {
				commands.Add(1)
				defer commands.Add(-1)
			}
			return next(ctx, req)
		}
	}
}

// swapping lets one piece of what is typed be overtaken by the next.
func swapping(cfg *agent.Config) {
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

// crowds are agents that cannot stand many commands.
func crowds() []fault.Mutant {
	const flood = "envelope.bounded/a-flood-is-answered"
	// refusing reaches its bound however slowly commands start.
	refusing := func(edit func(*agentv1.AgentError)) func(*agent.Config) {
		return func(cfg *agent.Config) {
			cfg.MaxConcurrent = 64
			errorsOf(agentv1.ErrorCode_ERROR_CODE_DRAINING, edit)(cfg)
		}
	}
	return []fault.Mutant{
		{Name: "is slow under load", Case: "envelope.concurrent/ping-latency-with-many-commands", Says: "p99", Config: slow},
		{Name: "takes a hundred commands", Case: "envelope.bounded/many-commands-are-below", Says: "DRAINING",
			Config: func(cfg *agent.Config) { cfg.MaxConcurrent = 100 }},
		{Name: "does not say why it is busy", Case: flood, Says: "the detail backpressure", Also: []string{"envelope.bounded/*"},
			Config: refusing(func(e *agentv1.AgentError) { e.Detail = nil })},
		{Name: "calls a flood final", Case: flood, Says: "a retryable refusal", Also: []string{"envelope.bounded/*"},
			Config: refusing(func(e *agentv1.AgentError) { e.Retryable = false })},
	}
}

// slow answers some pings late while many commands run.
func slow(cfg *agent.Config) {
	const many = 100
	var commands, pings atomic.Int64
	late := fault.Before(func(req *agentv1.ControlRequest) {
		if req.GetPing() != nil && commands.Load() > many && pings.Add(1)%40 == 0 {
			time.Sleep(110 * time.Millisecond)
		}
	})
	cfg.Middleware = append(cfg.Middleware, counting(&commands), late)
}

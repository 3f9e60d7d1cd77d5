package lifecycle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const draining = agentv1.ErrorCode_ERROR_CODE_DRAINING

func goodbyes() []fault.Mutant {
	const (
		sigterm = "lifecycle.goodbye/on-sigterm"
		status  = "lifecycle.goodbye/exit-status"
	)
	silent := bye(func(*agentv1.AgentEvent) []*agentv1.AgentEvent { return nil })
	twice := bye(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent { return []*agentv1.AgentEvent{e, e} })
	// Longer than the case waits, at its scale.
	slow := bye(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent {
		time.Sleep(20 * time.Second)
		return []*agentv1.AgentEvent{e}
	})
	others := []string{"lifecycle.goodbye/*"}
	return []fault.Mutant{
		{Name: "leaves without a word", Case: sigterm, Says: "a goodbye before the exit", Also: others, Config: silent},
		{Name: "leaves without a word on Ctrl-C", Case: "lifecycle.goodbye/on-sigint", Says: "a goodbye before the exit", Also: others, Config: silent},
		{Name: "gives no reason", Case: sigterm, Says: "a goodbye with the reason", Also: []string{"lifecycle.goodbye/on-sigint"},
			Config: bye(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent {
				e.GetGoingOffline().Reason = 0
				return []*agentv1.AgentEvent{e}
			})},
		{Name: "hangs on its way out", Case: sigterm, Says: "one that goes on", Scale: 0.4, Alone: true, Also: others, Config: slow},
		{Name: "calls a stop a failure", Case: sigterm, Says: "exit status 0", Also: others,
			Exit: func(err error) error { return errors.Join(err, errors.New("stopped by a signal")) }},
		disappointed(status),
		{Name: "leaves its work without a word", Case: "lifecycle.goodbye-under-load/commands-running", Says: "a goodbye before the exit",
			Also: []string{"lifecycle.goodbye-under-load/*"}, Config: silent},
		{Name: "leaves stubborn work without a word", Case: "lifecycle.goodbye-under-load/commands-that-ignore-signals", Says: "a goodbye before the exit",
			Also: []string{"lifecycle.goodbye-under-load/*"}, Config: silent},
		{Name: "says goodbye twice", Case: "lifecycle.goodbye/only-once", Says: "goodbyes: 1; got 2", Config: twice},
		{Name: "says another's goodbye", Case: "lifecycle.event-agent-id/goodbye", Says: "agent_id",
			Config: bye(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent {
				e.AgentId = "another"
				return []*agentv1.AgentEvent{e}
			})},
		{Name: "beats on after its goodbye", Case: "lifecycle.stop-order/goodbye-is-last", Says: "nothing from the agent after its goodbye",
			Also: []string{"lifecycle.stop-order/*"},
			Config: bye(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent {
				return []*agentv1.AgentEvent{e, {Event: &agentv1.AgentEvent_Heartbeat{Heartbeat: &agentv1.Heartbeat{}}}}
			})},
	}
}

// disappointed exits with an error if any operation failed in its life.
func disappointed(id string) fault.Mutant {
	var failed atomic.Bool
	return fault.Mutant{
		Name: "remembers a failure when it exits", Case: id, Says: "exit status 0",
		Fault: fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
			if resp.GetError() != nil {
				failed.Store(true)
			}
		}),
		Exit: func(err error) error {
			if failed.Load() {
				return errors.Join(err, errors.New("an operation failed"))
			}
			return err
		},
	}
}

// stops are agents that drain halfway, or take too long.
func stops() []fault.Mutant {
	const (
		drains = "lifecycle.draining/all-but-ping"
		order  = "lifecycle.stop-order/"
	)
	lingering := func(cfg *agent.Config) { cfg.Terminals = lingerer{} }
	return []fault.Mutant{
		{Name: "forgets to drain an operation", Case: drains, Says: "the error DRAINING for every op but ping",
			Fault: whileDraining(func(r *agentv1.ControlRequest) bool { return r.GetMetrics() != nil }, func(resp *agentv1.ControlResponse) {
				resp.Error, resp.Result = nil, &agentv1.ControlResponse_Metrics{Metrics: &agentv1.MetricsSample{}}
			})},
		{Name: "drains pings", Case: drains, Says: "a ping that is answered",
			Fault: whileDraining(func(r *agentv1.ControlRequest) bool { return r.GetPing() != nil }, func(resp *agentv1.ControlResponse) {
				resp.Result, resp.Error = nil, &agentv1.AgentError{Code: draining, Retryable: true}
			})},
		{Name: "drains for good", Case: drains, Says: "a retryable DRAINING",
			Fault: whileDraining(func(*agentv1.ControlRequest) bool { return true }, func(resp *agentv1.ControlResponse) {
				if resp.GetError() != nil {
					resp.Error.Retryable = false
				}
			})},
		{Name: "does what it refuses while it stops", Case: order + "refuses-new-work", Says: "no trace of work",
			Config: writesLate(func(*agentv1.ControlResponse) {})},
		{Name: "takes new work while it stops", Case: order + "refuses-new-work", Says: "no new work once",
			Config: writesLate(func(resp *agentv1.ControlResponse) {
				resp.Error, resp.Result = nil, &agentv1.ControlResponse_FsWrite{FsWrite: &agentv1.FsWriteResponse{}}
			})},
		{Name: "takes twelve seconds to stop", Case: order + "within-ten-seconds", Says: "an exit within 10 s", Config: lingering, Also: []string{order + "*"}},
		{Name: "takes twelve seconds to stop without a broker", Case: order + "without-a-broker", Says: "an exit within 10 s", Config: lingering, Also: []string{order + "*"}},
		{Name: "calls a stop without a broker a failure", Case: order + "without-a-broker", Says: "exit status 0",
			Exit: func(err error) error { return errors.Join(err, nats.ErrConnectionClosed) }},
	}
}

// whileDraining changes answers that match once the agent has refused one
// because it drains.
func whileDraining(match func(*agentv1.ControlRequest) bool, answer func(*agentv1.ControlResponse)) agent.Middleware {
	var stopping atomic.Bool
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if resp.GetError().GetCode() == draining {
			stopping.Store(true)
		}
		if stopping.Load() && match(req) {
			answer(resp)
		}
	})
}

// writesLate carries writes out that come too late, and changes what it says
// of them.
func writesLate(say func(*agentv1.ControlResponse)) func(*agent.Config) {
	return func(cfg *agent.Config) {
		root := cfg.Root
		cfg.Middleware = append(cfg.Middleware, fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
			if w := req.GetFsWrite(); w != nil && resp.GetError().GetCode() == draining {
				_ = os.WriteFile(filepath.Join(root, w.GetPath()), w.GetContent(), 0o644)
				say(resp)
			}
		}))
	}
}

// lingerer is the backend of an agent that opens no terminal, and cannot bring
// itself to end.
type lingerer struct{ agent.Terminals }

func (lingerer) Active() int { return 0 }

func (lingerer) Shutdown(context.Context) error {
	time.Sleep(12 * time.Second)
	return nil
}

// lost are agents that do not come back.
func lost() []fault.Mutant {
	const reconnect = "lifecycle.reconnect/"
	mutant := func(does, id, since string, attempts int32) fault.Mutant {
		return fault.Mutant{Name: does, Case: reconnect + id, Says: "an agent that serves within 15 s of " + since, Config: tries(attempts)}
	}
	return []fault.Mutant{
		mutant("gives up in a long outage", "broker-away-for-half-a-minute", "the broker's return", 4),
		mutant("gives up when its token is refused", "token-refused-for-a-while", "its token's admission", 2),
		mutant("gives up where no broker is yet", "broker-away-at-the-start", "the broker's appearance", 1),
		mutant("gives up where its token is not known yet", "token-refused-at-the-start", "its token's admission", 1),
		mutant("connects once in its life", "operations-after-it", "the broker's return", 1),
	}
}

// tries lets an agent try to connect so often and no more.
func tries(n int32) func(*agent.Config) {
	return func(cfg *agent.Config) {
		var tried atomic.Int32
		cfg.NATSOptions = append(cfg.NATSOptions, func(*nats.Options) error {
			if tried.Add(1) > n {
				return errors.New("no more attempts")
			}
			return nil
		})
	}
}

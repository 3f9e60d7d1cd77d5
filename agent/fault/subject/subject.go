// Package subject holds agents that listen where they must not, answer more
// than once, or run what nobody asked them for.
package subject

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant { return slices.Concat(replies(), listeners()) }

func replies() []fault.Mutant {
	return []fault.Mutant{
		{Name: "sends results twice", Case: "subject.rpc/one-reply-to-a-result", Says: "a second reply",
			Config: twice(func(r *agentv1.ControlResponse) bool { return r.GetExec() != nil }),
			Also:   []string{"subject.rpc/**"}},
		{Name: "sends errors twice", Case: "subject.rpc/one-reply-to-an-error", Says: "a second reply",
			Config: twice(func(r *agentv1.ControlResponse) bool { return r.GetError() != nil })},
		{Name: "keeps silent about bytes that do not decode", Case: "subject.rpc/one-reply-to-an-error", Says: "silence", Scale: 0.2,
			Config: fault.Replies(func(r *agentv1.ControlResponse) []*agentv1.ControlResponse {
				if r.GetError() != nil && r.GetRequestId() == "" {
					return nil
				}
				return []*agentv1.ControlResponse{r}
			})},
		{Name: "tries again what worked", Case: "subject.rpc/one-execution", Says: "the trace of one execution",
			Fault: func(next agent.Handler) agent.Handler {
				return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
					if req.GetFsWrite().GetAppend() {
						next(ctx, req)
					}
					return next(ctx, req)
				}
			}},
		{Name: "runs what nobody waits for", Case: "subject.no-reply-subject/not-executed", Says: "a file written",
			Config: fault.Received(func(msg *nats.Msg) {
				if msg.Reply == "" {
					msg.Reply = nats.NewInbox()
				}
			})},
	}
}

// twice sends replies that match a second time.
func twice(match func(*agentv1.ControlResponse) bool) func(*agent.Config) {
	return fault.Replies(func(r *agentv1.ControlResponse) []*agentv1.ControlResponse {
		if match(r) {
			return []*agentv1.ControlResponse{r, r}
		}
		return []*agentv1.ControlResponse{r}
	})
}

func listeners() []fault.Mutant {
	const other = "subject.rpc/no-other-subject"
	mute := func(handle nats.MsgHandler) nats.MsgHandler {
		return func(msg *nats.Msg) {
			msg.Reply = nats.NewInbox()
			handle(msg)
		}
	}
	same := func(handle nats.MsgHandler) nats.MsgHandler { return handle }
	return []fault.Mutant{
		{Name: "listens below its subject", Case: other, Says: "no reply on any subject", Config: listening(1, ".rpc.>", same)},
		{Name: "listens beside its subject", Case: other, Says: "no reply on any subject", Config: listening(1, ".request", same)},
		{Name: "listens for its neighbours", Case: other, Says: "no reply on any subject", Config: listening(1, "x.rpc", same)},
		{Name: "obeys silently beside its subject", Case: other, Says: "nothing executed", Config: listening(1, ".request", mute)},
		{Name: "leaves a subscription behind", Case: "subject.rpc/gone-when-stopped", Says: "a subscription that lives on", Beside: leaveBehind},
		{Name: "subscribes again after a cut", Case: "subject.single-responder/after-a-cut", Says: "the trace of one execution",
			Config: listening(2, ".rpc", same)},
		{Name: "subscribes again after an outage", Case: "subject.single-responder/after-an-outage", Says: "the trace of one execution",
			Also:   []string{"subject.single-responder/after-a-cut"},
			Config: listening(2, ".rpc", same)},
		{Name: "tells others of itself", Case: "subject.scope/every-operation", Says: "over a whole life",
			Config: onConnect(func(_ *agent.Config, _ int, nc *nats.Conn, _ nats.MsgHandler) {
				_ = nc.Publish("telemetry.agents", nil)
			})},
	}
}

// leaveBehind makes a subscription that outlives the agent: it goes with its
// broker.
func leaveBehind(cfg *agent.Config) (stop func(), err error) {
	nc, err := nats.Connect(cfg.URLs[0], nats.Token(cfg.Token), nats.NoReconnect())
	if err == nil {
		_, err = nc.Subscribe(own(cfg, ".rpc"), func(*nats.Msg) {})
	}
	if err != nil {
		return nil, fmt.Errorf("subscribe beside the agent: %w", err)
	}
	return func() {}, nil
}

// onConnect does something with the agent's connections, the first of which is
// number 1, and with what handles its requests.
func onConnect(do func(cfg *agent.Config, number int, nc *nats.Conn, handle nats.MsgHandler)) func(*agent.Config) {
	return func(cfg *agent.Config) {
		number := 0
		handlers := make(chan nats.MsgHandler, 1)
		cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
			handlers <- next
			return next
		}
		told := *cfg
		cfg.NATSOptions = append(cfg.NATSOptions, nats.ConnectHandler(func(nc *nats.Conn) {
			number++
			do(&told, number, nc, <-handlers)
		}))
	}
}

// listening serves a subject that begins as the agent's own too, from the n-th
// connection on, with a handler made of the agent's.
func listening(n int, suffix string, with func(nats.MsgHandler) nats.MsgHandler) func(*agent.Config) {
	return onConnect(func(cfg *agent.Config, number int, nc *nats.Conn, handle nats.MsgHandler) {
		if number >= n {
			_, _ = nc.Subscribe(own(cfg, suffix), with(handle))
			_ = nc.Flush()
		}
	})
}

// own is a subject that begins as the agent's.
func own(cfg *agent.Config, suffix string) string {
	return "agent." + cfg.WorkspaceID + "." + cfg.AgentID + suffix
}

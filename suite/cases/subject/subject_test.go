package subject_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases/subject"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

// twice sends replies that match a second time.
func twice(match func(*agentv1.ControlResponse) bool) func(*agent.Config) {
	return func(cfg *agent.Config) {
		cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
			return func(to string, data []byte) error {
				resp := &agentv1.ControlResponse{}
				if strings.HasPrefix(to, nats.InboxPrefix) && proto.Unmarshal(data, resp) == nil && match(resp) {
					if err := next(to, data); err != nil {
						return err
					}
				}
				return next(to, data)
			}
		}
	}
}

// onConnect does something with the agent's connections, the first of which is
// number 1, and with what handles its requests.
func onConnect(do func(cfg *agent.Config, number int, nc *nats.Conn, handle nats.MsgHandler)) func(*agent.Config) {
	return func(cfg *agent.Config) {
		number := 0
		var handle nats.MsgHandler
		known := make(chan struct{}, 10)
		cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
			handle = next
			known <- struct{}{}
			return next
		}
		cfg.NATSOptions = append(cfg.NATSOptions, nats.ConnectHandler(func(nc *nats.Conn) {
			<-known
			number++
			do(cfg, number, nc, handle)
		}))
	}
}

// listening serves another subject too, from the n-th connection on.
func listening(n int, subject func(*agent.Config) string) func(*agent.Config) {
	return onConnect(func(cfg *agent.Config, number int, nc *nats.Conn, handle nats.MsgHandler) {
		if number >= n {
			_, _ = nc.Subscribe(subject(cfg), handle)
			_ = nc.Flush()
		}
	})
}

func own(suffix string) func(*agent.Config) string {
	return func(cfg *agent.Config) string { return "agent." + cfg.WorkspaceID + "." + cfg.AgentID + suffix }
}

func TestCasesNoticeWrongSubjects(t *testing.T) {
	t.Parallel()
	doubled := func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if req.GetFsWrite().GetAppend() {
				next(ctx, req)
			}
			return next(ctx, req)
		}
	}
	trial.Noticed(t, subject.Cases(), []trial.Mutant{
		{Name: "sends results twice", Case: "subject.rpc/one-reply-to-a-result", Says: "a second reply",
			Config: twice(func(r *agentv1.ControlResponse) bool { return r.GetExec() != nil })},
		{Name: "sends errors twice", Case: "subject.rpc/one-reply-to-an-error", Says: "a second reply",
			Config: twice(func(r *agentv1.ControlResponse) bool { return r.GetError() != nil })},
		{Name: "tries again what worked", Case: "subject.rpc/one-execution", Says: "the trace of one execution", Fault: doubled},
		{Name: "listens below its subject", Case: "subject.rpc/no-other-subject", Says: "no reply on any subject",
			Config: listening(1, own(".rpc.>"))},
		{Name: "listens beside its subject", Case: "subject.rpc/no-other-subject", Says: "no reply on any subject",
			Config: listening(1, own(".request"))},
		{Name: "listens for its neighbours", Case: "subject.rpc/no-other-subject", Says: "no reply on any subject",
			Config: listening(1, own("x.rpc"))},
		{Name: "leaves a subscription behind", Case: "subject.rpc/gone-when-stopped", Says: "a subscription that lives on",
			Config: func(cfg *agent.Config) {
				nc, err := nats.Connect(cfg.URLs[0], nats.Token(cfg.Token), nats.NoReconnect())
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(nc.Close)
				_, _ = nc.Subscribe(own(".rpc")(cfg), func(*nats.Msg) {})
			}},
		{Name: "subscribes again after a cut", Case: "subject.single-responder/after-a-cut", Says: "a second reply",
			Config: listening(2, own(".rpc"))},
		{Name: "subscribes again after an outage", Case: "subject.single-responder/after-an-outage", Says: "a second reply",
			Config: listening(2, own(".rpc"))},
		{Name: "runs what nobody waits for", Case: "subject.no-reply-subject/not-executed", Says: "a file written",
			Config: func(cfg *agent.Config) {
				cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
					return func(msg *nats.Msg) {
						if msg.Reply == "" {
							msg.Reply = nats.NewInbox()
						}
						next(msg)
					}
				}
			}},
		{Name: "tells others of itself", Case: "subject.scope/every-operation", Says: "which the broker refused",
			Config: onConnect(func(_ *agent.Config, _ int, nc *nats.Conn, _ nats.MsgHandler) {
				_ = nc.Publish("telemetry.agents", nil)
			})},
	})
}

package lifecycle_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases/lifecycle"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

// announcing passes announcements through edit, which returns what is sent in
// their place. number counts the Hellos and the events apart, from 1.
func announcing[M any, P interface {
	*M
	proto.Message
}](subject string, edit func(number int, m P) []P) func(*agent.Config) {
	return func(cfg *agent.Config) {
		var number atomic.Int64
		cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
			return func(to string, data []byte) error {
				m := P(new(M))
				if !strings.HasSuffix(to, subject) || proto.Unmarshal(data, m) != nil {
					return next(to, data)
				}
				for _, m := range edit(int(number.Add(1)), m) {
					data, err := proto.Marshal(m)
					if err == nil {
						err = next(to, data)
					}
					if err != nil {
						return err
					}
				}
				return nil
			}
		}
	}
}

// hello changes Hellos.
func hello(change func(number int, h *agentv1.Hello)) func(*agent.Config) {
	return announcing(".hello", func(number int, h *agentv1.Hello) []*agentv1.Hello {
		change(number, h)
		return []*agentv1.Hello{h}
	})
}

// beat changes heartbeats.
func beat(change func(number int, e *agentv1.AgentEvent, h *agentv1.Heartbeat)) func(*agent.Config) {
	return events(func(number int, e *agentv1.AgentEvent) []*agentv1.AgentEvent {
		if h := e.GetHeartbeat(); h != nil {
			change(number, e, h)
		}
		return []*agentv1.AgentEvent{e}
	})
}

// events replaces events.
func events(edit func(number int, e *agentv1.AgentEvent) []*agentv1.AgentEvent) func(*agent.Config) {
	return announcing(".events", edit)
}

// bye replaces the goodbye.
func bye(edit func(e *agentv1.AgentEvent) []*agentv1.AgentEvent) func(*agent.Config) {
	return events(func(_ int, e *agentv1.AgentEvent) []*agentv1.AgentEvent {
		if e.GetGoingOffline() == nil {
			return []*agentv1.AgentEvent{e}
		}
		return edit(e)
	})
}

func TestCasesNoticeAWrongHello(t *testing.T) {
	t.Parallel()
	twice := func(from int) func(*agent.Config) {
		return announcing(".hello", func(number int, h *agentv1.Hello) []*agentv1.Hello {
			if number >= from {
				return []*agentv1.Hello{h, h}
			}
			return []*agentv1.Hello{h}
		})
	}
	trial.Noticed(t, lifecycle.Cases(), []trial.Mutant{
		{Name: "says hello twice", Case: "lifecycle.hello/once-after-the-start", Says: "Hellos after a start: 1; got 2", Config: twice(1)},
		{Name: "says hello twice when it is back", Case: "lifecycle.hello/once-after-an-outage", Says: "Hellos after an outage: 1; got 2", Config: twice(2)},
		{Name: "swaps its ids", Case: "lifecycle.hello/identity", Says: "agent_id",
			Config: hello(func(_ int, h *agentv1.Hello) { h.AgentId, h.WorkspaceId = h.GetWorkspaceId(), h.GetAgentId() })},
		{Name: "does not know its workspace", Case: "lifecycle.hello/identity", Says: "workspace_id",
			Config: hello(func(_ int, h *agentv1.Hello) { h.WorkspaceId = "" })},
		{Name: "does not know its system", Case: "lifecycle.hello/host", Says: "an os",
			Config: hello(func(_ int, h *agentv1.Hello) { h.Os = 0 })},
		{Name: "has no version", Case: "lifecycle.hello/host", Says: "agent_version",
			Config: hello(func(_ int, h *agentv1.Hello) { h.AgentVersion = "" })},
		{Name: "has no name", Case: "lifecycle.hello/host", Says: "machine_name",
			Config: hello(func(_ int, h *agentv1.Hello) { h.MachineName = "" })},
		{Name: "has a relative root", Case: "lifecycle.hello/absolute-root", Says: "an absolute workspace_root",
			Config: hello(func(_ int, h *agentv1.Hello) { h.WorkspaceRoot = "." })},
		{Name: "names another root", Case: "lifecycle.hello/absolute-root", Says: "another directory",
			Config: hello(func(_ int, h *agentv1.Hello) { h.WorkspaceRoot = filepath.Dir(h.GetWorkspaceRoot()) })},
		{Name: "hides git", Case: "lifecycle.hello/capabilities", Says: "git",
			Config: hello(func(_ int, h *agentv1.Hello) { h.Capabilities.Git = false })},
		{Name: "claims no consent", Case: "lifecycle.hello/consent-granted", Says: "consented_screen_control true",
			Config: hello(func(_ int, h *agentv1.Hello) { h.Capabilities.ConsentedScreenControl = false })},
		{Name: "claims consent", Case: "lifecycle.hello/consent-withheld", Says: "consented_screen_control false",
			Config: hello(func(_ int, h *agentv1.Hello) { h.Capabilities.ConsentedScreenControl = true })},
		{Name: "sees a display where none is", Case: "lifecycle.hello/no-display", Says: "no display",
			Config: hello(func(_ int, h *agentv1.Hello) { h.Capabilities.Display = &agentv1.Display{Id: ":0"} })},
		{Name: "is short when it is back", Case: "lifecycle.hello/complete-after-an-outage", Says: "workspace_root",
			Config: hello(func(number int, h *agentv1.Hello) {
				if number > 1 {
					h.WorkspaceRoot = ""
				}
			})},
		{Name: "comes back without a word", Case: "lifecycle.hello-on-kick/after-a-cut", Says: "a Hello after the socket was cut",
			Config: announcing(".hello", func(number int, h *agentv1.Hello) []*agentv1.Hello {
				if number > 1 {
					return nil
				}
				return []*agentv1.Hello{h}
			})},
	})
}

func TestCasesNoticeAWrongHeartbeat(t *testing.T) {
	t.Parallel()
	trial.Noticed(t, lifecycle.Cases(), []trial.Mutant{
		{Name: "waits for its first tick", Case: "lifecycle.heartbeat-first/within-two-seconds", Says: "a heartbeat within 2 s",
			Config: events(func(number int, e *agentv1.AgentEvent) []*agentv1.AgentEvent {
				if number == 1 {
					return nil
				}
				return []*agentv1.AgentEvent{e}
			})},
		{Name: "beats in pairs", Case: "lifecycle.heartbeat-first/every-five-seconds", Says: "one much sooner",
			Config: events(func(_ int, e *agentv1.AgentEvent) []*agentv1.AgentEvent { return []*agentv1.AgentEvent{e, e} })},
		{Name: "counts nothing", Case: "lifecycle.heartbeat-seq/grows-by-one", Says: "a seq that grows by 1",
			Config: beat(func(_ int, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) { h.Seq = 1 })},
		{Name: "counts from 0", Case: "lifecycle.heartbeat-seq/one-after-each-hello", Says: "after the start 1; got 0",
			Config: beat(func(_ int, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) { h.Seq-- })},
		{Name: "counts on after an outage", Case: "lifecycle.heartbeat-seq/one-after-each-hello", Says: "after an outage 1",
			Config: beat(func(number int, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) { h.Seq = uint64(number) })},
		{Name: "counts its time down", Case: "lifecycle.heartbeat-uptime/never-decreases", Says: "an uptime_ms",
			Config: beat(func(_ int, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) { h.UptimeMs = 1<<40 - h.GetUptimeMs() })},
		{Name: "measures once", Case: "lifecycle.heartbeat-metrics/in-each", Says: "a metrics sample in each",
			Config: beat(func(number int, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) {
				if number > 1 {
					h.Metrics = nil
				}
			})},
		{Name: "measures nothing", Case: "lifecycle.heartbeat-metrics/in-each", Says: "an empty one",
			Config: beat(func(_ int, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) { h.Metrics = &agentv1.MetricsSample{} })},
		{Name: "beats under another name", Case: "lifecycle.event-agent-id/heartbeat", Says: "agent_id",
			Config: beat(func(_ int, e *agentv1.AgentEvent, _ *agentv1.Heartbeat) { e.AgentId = "another" })},
	})
}

func TestCasesNoticeAWrongGoodbye(t *testing.T) {
	t.Parallel()
	silent := bye(func(*agentv1.AgentEvent) []*agentv1.AgentEvent { return nil })
	unreasoned := bye(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent {
		e.GetGoingOffline().Reason = 0
		return []*agentv1.AgentEvent{e}
	})
	trial.Noticed(t, lifecycle.Cases(), []trial.Mutant{
		{Name: "leaves without a word", Case: "lifecycle.goodbye/on-sigterm", Says: "a goodbye before the exit", Config: silent},
		{Name: "leaves without a word on Ctrl-C", Case: "lifecycle.goodbye/on-sigint", Says: "a goodbye before the exit", Config: silent},
		{Name: "gives no reason", Case: "lifecycle.goodbye/on-sigterm", Says: "a goodbye with the reason", Config: unreasoned},
		{Name: "leaves its work without a word", Case: "lifecycle.goodbye-under-load/commands-running", Says: "a goodbye before the exit", Config: silent},
		{Name: "leaves stubborn work without a word", Case: "lifecycle.goodbye-under-load/commands-that-ignore-signals", Says: "a goodbye before the exit",
			Config: silent},
		{Name: "says goodbye twice", Case: "lifecycle.goodbye/only-once", Says: "goodbyes: 1; got 2",
			Config: bye(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent { return []*agentv1.AgentEvent{e, e} })},
		{Name: "says another's goodbye", Case: "lifecycle.event-agent-id/goodbye", Says: "agent_id",
			Config: bye(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent {
				e.AgentId = "another"
				return []*agentv1.AgentEvent{e}
			})},
		{Name: "beats on after its goodbye", Case: "lifecycle.stop-order/goodbye-is-last", Says: "nothing from the agent after its goodbye",
			Config: bye(func(e *agentv1.AgentEvent) []*agentv1.AgentEvent {
				return []*agentv1.AgentEvent{e, {Event: &agentv1.AgentEvent_Heartbeat{Heartbeat: &agentv1.Heartbeat{}}}}
			})},
	})
}

func TestCasesNoticeAnAgentThatDrainsHalfway(t *testing.T) {
	t.Parallel()
	draining := agentv1.ErrorCode_ERROR_CODE_DRAINING
	answering := func(match func(*agentv1.ControlRequest) bool, answer func(*agentv1.ControlResponse)) agent.Middleware {
		var stopping atomic.Bool
		return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
			if resp.GetError().GetCode() == draining {
				stopping.Store(true)
			}
			if stopping.Load() && match(req) {
				answer(resp)
			}
		})
	}
	trial.Noticed(t, lifecycle.Cases(), []trial.Mutant{
		{Name: "forgets to drain an operation", Case: "lifecycle.draining/all-but-ping", Says: "the error DRAINING for every op but ping",
			Fault: answering(func(r *agentv1.ControlRequest) bool { return r.GetMetrics() != nil }, func(resp *agentv1.ControlResponse) {
				resp.Error, resp.Result = nil, &agentv1.ControlResponse_Metrics{Metrics: &agentv1.MetricsSample{}}
			})},
		{Name: "drains pings", Case: "lifecycle.draining/all-but-ping", Says: "a ping that is answered",
			Fault: answering(func(r *agentv1.ControlRequest) bool { return r.GetPing() != nil }, func(resp *agentv1.ControlResponse) {
				resp.Result, resp.Error = nil, &agentv1.AgentError{Code: draining, Retryable: true}
			})},
		{Name: "drains for good", Case: "lifecycle.draining/all-but-ping", Says: "a retryable DRAINING",
			Fault: answering(func(*agentv1.ControlRequest) bool { return true }, func(resp *agentv1.ControlResponse) {
				if resp.GetError() != nil {
					resp.Error.Retryable = false
				}
			})},
		{Name: "does what it refuses while it stops", Case: "lifecycle.stop-order/refuses-new-work", Says: "no trace of work",
			Fault: func(next agent.Handler) agent.Handler {
				return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
					resp := next(ctx, req)
					if w := req.GetFsWrite(); w != nil && resp.GetError().GetCode() == draining {
						_ = os.WriteFile(w.GetPath(), w.GetContent(), 0o644)
					}
					return resp
				}
			}},
	})
}

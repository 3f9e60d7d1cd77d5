package lifecycle

import (
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func heartbeats() []fault.Mutant {
	const (
		first = "lifecycle.heartbeat-first/within-two-seconds"
		every = "lifecycle.heartbeat-first/every-five-seconds"
		anew  = "lifecycle.heartbeat-seq/one-after-each-hello"
		each  = "lifecycle.heartbeat-metrics/in-each"
	)
	return []fault.Mutant{
		{Name: "waits for its first tick", Case: first, Says: "a heartbeat within 2 s", Config: only(func(at course) bool { return at.total > 1 })},
		{Name: "beats in pairs", Case: every, Says: "one much sooner",
			Config: events(func(_ course, e *agentv1.AgentEvent) []*agentv1.AgentEvent { return []*agentv1.AgentEvent{e, e} })},
		{Name: "beats every ten seconds", Case: every, Says: "a longer one", Config: only(func(at course) bool { return at.total%2 == 1 })},
		{Name: "beats no more after an error", Case: "lifecycle.heartbeat-first/goes-on-after-errors", Says: "none for longer than 7.5 s", Config: hurt},
		{Name: "waits for a tick when it is back", Case: "lifecycle.heartbeat-first/after-an-outage", Says: "a later one",
			Config: only(func(at course) bool { return at.life == 1 || at.beat > 1 })},
		{Name: "counts nothing", Case: "lifecycle.heartbeat-seq/grows-by-one", Says: "grows by 1; got another one",
			Config: beat(func(_ course, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) { h.Seq = 1 })},
		{Name: "counts from 0", Case: anew, Says: "after the start 1; got 0",
			Config: beat(func(_ course, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) { h.Seq-- })},
		{Name: "counts on after an outage", Case: anew, Says: "after an outage 1",
			Config: beat(func(at course, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) { h.Seq = uint64(at.total) })},
		{Name: "counts on after a cut", Case: "lifecycle.heartbeat-seq/goes-on-without-a-hello", Says: "after a Hello 1",
			Config: beat(func(at course, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) { h.Seq = uint64(at.total) })},
		{Name: "beats no more when it is back", Case: anew, Says: "a heartbeat after a Hello", Config: only(func(at course) bool { return at.life == 1 })},
		{Name: "counts its time down", Case: "lifecycle.heartbeat-uptime/never-decreases", Says: "an uptime_ms",
			Config: beat(func(_ course, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) { h.UptimeMs = 1<<40 - h.GetUptimeMs() })},
		{Name: "counts its time from each connection", Case: "lifecycle.heartbeat-uptime/across-an-outage", Says: "an uptime_ms", Config: reborn},
		{Name: "measures once", Case: each, Says: "a metrics sample in each",
			Config: beat(func(at course, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) {
				if at.total > 1 {
					h.Metrics = nil
				}
			})},
		{Name: "measures nothing", Case: each, Says: "an empty one",
			Config: beat(func(_ course, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) { h.Metrics = &agentv1.MetricsSample{} })},
		{Name: "beats under another name", Case: "lifecycle.event-agent-id/heartbeat", Says: "agent_id",
			Also:   []string{"lifecycle.event-agent-id/*"},
			Config: beat(func(_ course, e *agentv1.AgentEvent, _ *agentv1.Heartbeat) { e.AgentId = "another" })},
		{Name: "sends old heartbeats when it is back", Case: "lifecycle.no-backlog/after-an-outage", Says: "one of before the broker's return", Config: hoarding},
	}
}

// only sends heartbeats of some places in an agent's course.
func only(keep func(at course) bool) func(*agent.Config) {
	return events(func(at course, e *agentv1.AgentEvent) []*agentv1.AgentEvent {
		if e.GetHeartbeat() != nil && !keep(at) {
			return nil
		}
		return []*agentv1.AgentEvent{e}
	})
}

// hurt sends no heartbeat after an operation has failed.
func hurt(cfg *agent.Config) {
	var failed atomic.Bool
	cfg.Middleware = append(cfg.Middleware, fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if resp.GetError() != nil {
			failed.Store(true)
		}
	}))
	only(func(course) bool { return !failed.Load() })(cfg)
}

// reborn counts uptime from the first heartbeat of every connection.
func reborn(cfg *agent.Config) {
	start := uint64(0) // one event at a time
	beat(func(at course, _ *agentv1.AgentEvent, h *agentv1.Heartbeat) {
		if at.beat == 1 {
			start = h.GetUptimeMs()
		}
		h.UptimeMs -= start
	})(cfg)
}

// hoarding sends the last heartbeat of one connection again on the next.
func hoarding(cfg *agent.Config) {
	var last *agentv1.AgentEvent // one event at a time
	events(func(at course, e *agentv1.AgentEvent) []*agentv1.AgentEvent {
		sent := []*agentv1.AgentEvent{e}
		if at.life > 1 && at.beat == 1 {
			sent = []*agentv1.AgentEvent{last, e}
		}
		last = proto.CloneOf(e)
		return sent
	})(cfg)
}

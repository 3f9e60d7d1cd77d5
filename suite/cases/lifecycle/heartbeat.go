package lifecycle

import (
	"context"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

const (
	// firstWithin is when the first heartbeat is due after a Hello.
	firstWithin = 2 * time.Second
	// longestGap is what the clause allows between two heartbeats.
	longestGap = 7500 * time.Millisecond
	// shortestGap tells a heartbeat every 5 s, delayed by whatever loads the
	// machine, from one every second.
	shortestGap = 2 * time.Second
	// patience is how long a heartbeat that is late is waited for.
	patience = 2 * longestGap
)

// heartbeatCases are about what an agent that lives sends without being asked.
func heartbeatCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "lifecycle.heartbeat-first/within-two-seconds",
			Clause:  "lifecycle.heartbeat-first",
			Explain: "The first heartbeat is what moves a machine from announced to alive.",
			Launch:  &engine.Launch{},
			Idle:    firstWithin,
			Run:     firstHeartbeat,
		},
		{
			ID:      "lifecycle.heartbeat-first/every-five-seconds",
			Clause:  "lifecycle.heartbeat-first",
			Explain: "The control plane counts missed heartbeats; too rare is dead, too often is a flood from a fleet.",
			Try:     "nats subscribe agent.WS.AGENT.events",
			Launch:  &engine.Launch{},
			Idle:    3 * interval,
			Run:     everyFiveSeconds(func(context.Context, *engine.T) {}),
		},
		{
			ID:      "lifecycle.heartbeat-first/goes-on-after-errors",
			Clause:  "lifecycle.heartbeat-first",
			Explain: "An operation that failed must not take the heartbeat with it: the machine would be given up while it serves.",
			Launch:  &engine.Launch{},
			Idle:    3 * interval,
			Run:     everyFiveSeconds(provoke),
		},
		{
			ID:      "lifecycle.heartbeat-seq/grows-by-one",
			Clause:  "lifecycle.heartbeat-seq",
			Explain: "A gap in the numbers is the only sign of a heartbeat that was lost on its way.",
			Idle:    3 * interval,
			Run:     seqGrows,
		},
		{
			ID:      "lifecycle.heartbeat-uptime/never-decreases",
			Clause:  "lifecycle.heartbeat-uptime",
			Explain: "Uptime that steps back means a restart to whoever watches.",
			Idle:    3 * interval,
			Run:     uptimeGrows,
		},
		{
			ID:      "lifecycle.heartbeat-metrics/in-each",
			Clause:  "lifecycle.heartbeat-metrics",
			Explain: "Schedulers place work by these figures; a heartbeat without them leaves a machine out.",
			Idle:    2 * interval,
			Run:     metricsInEach,
		},
		{
			ID:       "lifecycle.event-agent-id/heartbeat",
			Clause:   "lifecycle.event-agent-id",
			Explain:  "Consumers of all events at once tell machines apart by this field alone.",
			Idle:     2 * interval,
			Run:      heartbeatAgentID,
			Provokes: []string{"lifecycle.event-agent-id"}, // it judges that itself
		},
	}
}

// beat is a heartbeat and what it came with.
type beat struct {
	*agentv1.Heartbeat
	at      time.Time
	agentID string
	// afterHello is set when a Hello came since the heartbeat before.
	afterHello bool
}

// beats waits until n heartbeats were seen after the mark and returns them.
func beats(ctx context.Context, t *engine.T, mark, n int) []beat {
	var out []beat
	hello := false
	for len(out) < n {
		a, next, ok := awaitNext(ctx, t, mark, patience, func(a wire.Announcement) bool {
			return wire.IsHello(a) || wire.IsHeartbeat(a)
		})
		if !ok {
			t.Fatalf("a heartbeat", "none for longer than 7.5 s")
		}
		mark = next
		if wire.IsHello(a) {
			hello = true
			continue
		}
		out = append(out, beat{a.Event.GetHeartbeat(), a.At, a.Event.GetAgentId(), hello})
		hello = false
	}
	return out
}

func firstHeartbeat(ctx context.Context, t *engine.T) {
	a, mark, ok := awaitNext(ctx, t, 0, returnLimit, wire.IsHello)
	if !ok {
		t.Given().Fatalf("a Hello", "none")
	}
	first, _, ok := awaitNext(ctx, t, mark, patience, wire.IsHeartbeat)
	t.Check(ok && first.At.Sub(a.At) <= firstWithin, "a heartbeat within 2 s of the Hello", "a later one, or none at all")
}

// everyFiveSeconds judges the gaps between heartbeats that come after meanwhile
// was done.
func everyFiveSeconds(meanwhile func(context.Context, *engine.T)) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		meanwhile(ctx, t)
		all := beats(ctx, t, t.Instance().Watch.Mark(), 3)
		for i := range all[1:] {
			gap := all[i+1].at.Sub(all[i].at)
			t.Logf("gap %v", gap)
			t.Check(gap <= longestGap, "no gap above 7.5 s between heartbeats", "a longer one")
			t.Check(gap >= shortestGap, "a heartbeat every 5 s", "one much sooner")
		}
	}
}

// provoke makes errors of several kinds, whatever the agent says of them.
func provoke(ctx context.Context, t *engine.T) {
	for _, req := range []*agentv1.ControlRequest{
		wire.NewRequest(&agentv1.FsReadRequest{Path: t.Path(ctx, "missing", "file")}),
		wire.NewRequest(&agentv1.ExecRequest{Cwd: t.Dir(ctx)}),
		{},
	} {
		_, _ = t.Start(req).Try(ctx, t.Scale(provokeLimit))
	}
	_, _ = t.SendRaw(ctx, []byte{0xff}, nil, t.Scale(provokeLimit))
}

// provokeLimit is how long an agent may take over what is wrong: replies to
// that are not judged here.
const provokeLimit = 5 * time.Second

func seqGrows(ctx context.Context, t *engine.T) {
	for i, all := 1, beats(ctx, t, t.Instance().Watch.Mark(), 2); i < len(all); i++ {
		if !all[i].afterHello {
			engine.Same(t, "a seq that grows by 1", all[i].GetSeq(), all[i-1].GetSeq()+1)
		}
	}
}

func uptimeGrows(ctx context.Context, t *engine.T) {
	for i, all := 1, beats(ctx, t, t.Instance().Watch.Mark(), 2); i < len(all); i++ {
		t.Check(all[i].GetUptimeMs() >= all[i-1].GetUptimeMs(), "an uptime_ms that never decreases", "one that does")
	}
}

func metricsInEach(ctx context.Context, t *engine.T) {
	for _, b := range beats(ctx, t, t.Instance().Watch.Mark(), 2) {
		t.Check(b.GetMetrics() != nil, "a metrics sample in each heartbeat", "one without")
		t.Check(b.GetMetrics().GetSampledAtMs() > 0, "a metrics sample that was taken", "an empty one")
	}
}

func heartbeatAgentID(ctx context.Context, t *engine.T) {
	for _, b := range beats(ctx, t, t.Instance().Watch.Mark(), 2) {
		engine.Same(t, "the agent's own agent_id on a heartbeat", b.agentID, t.Instance().AgentID)
	}
}

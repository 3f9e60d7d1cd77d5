package lifecycle

import (
	"context"
	"time"

	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// missed is an outage in which more than one heartbeat falls.
const missed = 12 * time.Second

// outageCases are about heartbeats across a lost connection.
func outageCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "lifecycle.heartbeat-first/after-an-outage",
			Clause:  "lifecycle.heartbeat-first",
			Explain: "A machine that came back is alive again with its first heartbeat, not with its Hello.",
			Launch:  &engine.Launch{},
			Idle:    outage + firstWithin,
			Run:     firstAfterOutage,
		},
		{
			ID:      "lifecycle.heartbeat-seq/one-after-each-hello",
			Clause:  "lifecycle.heartbeat-seq",
			Explain: "The numbers begin anew with each Hello, or the control plane would count the outage as lost heartbeats.",
			Launch:  &engine.Launch{},
			Idle:    outage + firstWithin,
			Run:     seqAfterHello,
		},
		{
			ID:      "lifecycle.heartbeat-seq/goes-on-without-a-hello",
			Clause:  "lifecycle.heartbeat-seq",
			Explain: "A reconnect that nobody was told of must not look like a restart either.",
			Launch:  &engine.Launch{},
			Idle:    2 * interval,
			Run:     seqAfterCut,
		},
		{
			ID:      "lifecycle.heartbeat-uptime/across-an-outage",
			Clause:  "lifecycle.heartbeat-uptime",
			Explain: "An outage of the broker is no restart of the agent.",
			Launch:  &engine.Launch{},
			Idle:    interval + outage + firstWithin,
			Run:     uptimeAcrossOutage,
		},
		{
			ID:      "lifecycle.no-backlog/after-an-outage",
			Clause:  "lifecycle.no-backlog",
			Explain: "Heartbeats that tell of minutes ago, all at once from all machines, help nobody and hit a broker that just came back.",
			Launch:  &engine.Launch{},
			Idle:    missed + 2*interval,
			Run:     noBacklog,
		},
	}
}

// firstBeatAfter is the first heartbeat after a Hello that follows the mark.
func firstBeatAfter(ctx context.Context, t *engine.T, mark int) (hello, heartbeat wire.Announcement) {
	hello, mark, ok := awaitNext(ctx, t, mark, t.Scale(returnLimit), wire.IsHello)
	if !ok {
		t.Given().Fatalf("a Hello after an outage", "none")
	}
	heartbeat, _, ok = awaitNext(ctx, t, mark, patience, wire.IsHeartbeat)
	if !ok {
		t.Fatalf("a heartbeat after a Hello", "none")
	}
	return hello, heartbeat
}

func firstAfterOutage(ctx context.Context, t *engine.T) {
	mark := t.Instance().Watch.Mark()
	lose(ctx, t, outage)
	hello, beat := firstBeatAfter(ctx, t, mark)
	t.Check(beat.At.Sub(hello.At) <= firstWithin, "a heartbeat within 2 s of the Hello after an outage", "a later one")
}

func seqAfterHello(ctx context.Context, t *engine.T) {
	_, first := firstBeatAfter(ctx, t, 0)
	engine.Equal(t, "the seq of the first heartbeat after the start", first.Event.GetHeartbeat().GetSeq(), 1)
	mark := t.Instance().Watch.Mark()
	lose(ctx, t, outage)
	_, second := firstBeatAfter(ctx, t, mark)
	engine.Equal(t, "the seq of the first heartbeat after an outage", second.Event.GetHeartbeat().GetSeq(), 1)
}

// seqAfterCut holds either way: a Hello after the cut begins the numbers anew.
func seqAfterCut(ctx context.Context, t *engine.T) {
	beats(ctx, t, 0, 2)
	kick(t)
	isBack(ctx, t)
	all := beats(ctx, t, 0, 4)
	for i := range all[1:] {
		before, b := all[i], all[i+1]
		if b.afterHello {
			engine.Equal(t, "the seq of the first heartbeat after a Hello", b.GetSeq(), 1)
		} else {
			engine.Same(t, "a seq that goes on by 1 across a cut without a Hello", b.GetSeq(), before.GetSeq()+1)
		}
	}
}

// uptimeAcrossOutage waits for the second heartbeat: at the first, an uptime
// that counts from the connection is no other.
func uptimeAcrossOutage(ctx context.Context, t *engine.T) {
	before := beats(ctx, t, 0, 2)[1]
	mark := t.Instance().Watch.Mark()
	lose(ctx, t, outage)
	_, after := firstBeatAfter(ctx, t, mark)
	t.Check(after.Event.GetHeartbeat().GetUptimeMs() >= before.GetUptimeMs(), "an uptime_ms that never decreases", "one that does")
}

// noBacklog tells an old heartbeat by its uptime: it is behind the time that
// has passed since an earlier one.
func noBacklog(ctx context.Context, t *engine.T) {
	watch := t.Instance().Watch
	first := beats(ctx, t, 0, 1)[0]
	mark := watch.Mark()
	lose(ctx, t, missed)
	isBack(ctx, t)
	for next, seen := mark, 0; seen < 2; seen++ {
		var ok bool
		if _, next, ok = awaitNext(ctx, t, next, patience, wire.IsHeartbeat); !ok {
			t.Given().Fatalf("heartbeats after an outage", "none")
		}
	}
	for _, a := range watch.Since(mark) {
		b := a.Event.GetHeartbeat()
		if b == nil {
			continue
		}
		passed := a.At.Sub(first.at)
		told := time.Duration(int64(b.GetUptimeMs())-int64(first.GetUptimeMs())) * time.Millisecond
		t.Logf("a heartbeat of %v ago", passed-told)
		t.Check(passed-told < interval/2, "only heartbeats of now after an outage", "one of before the broker's return")
	}
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"agentproof/suite/verdict"
)

// runCase gives one case its verdict.
func (r *runner) runCase(ctx context.Context, c *Case) {
	if ctx.Err() != nil {
		return
	}
	r.began(c)
	start := time.Now()
	st := r.newState(c)
	if reason := r.cannotRun(c); reason != "" {
		st.status, st.reason = verdict.Untestable, reason
	} else {
		drops := r.awaitBroker(ctx)
		lost := r.attempt(ctx, st, c.Launch)
		if st.verdict().Outweighs(verdict.Pass) && (lost || r.awaitBroker(ctx) != drops) {
			// An outage of somebody else's broker says nothing about the agent,
			// and the end of a shared agent nothing about every case that it had.
			st = r.newState(c)
			r.attempt(ctx, st, r.again(c, lost))
		}
	}
	r.ended(c, st, time.Since(start))
}

// cannotRun says why a case cannot be run on this kind of subject.
func (r *runner) cannotRun(c *Case) string {
	s := &r.opts.Subject
	if s.Attached == nil {
		return ""
	}
	clause, _ := r.opts.Spec.Clause(c.Clause)
	switch {
	case c.Launch != nil:
		return "it needs an agent started in its own way: leave out --attach and give the agent's command after --"
	case c.Unsafe || clause.Unsafe:
		return "it is unsafe on an agent that somebody uses: leave out --attach and give the agent's command after --"
	default:
		return ""
	}
}

// again is the launch of a case's second attempt: one of its own, where the
// shared agent ended under the first.
func (r *runner) again(c *Case, lost bool) *Launch {
	if lost {
		return &Launch{Display: c.Needs&Desktop != 0}
	}
	return c.Launch
}

// attempt starts what the case needs, the shared agent if l is nil, and runs it
// to its end or its deadline. It tells whether a shared agent ended meanwhile,
// whoever's doing that was.
func (r *runner) attempt(ctx context.Context, st *state, l *Launch) (lost bool) {
	c := st.kase
	ctx, cancel := context.WithTimeoutCause(ctx, r.opts.scale(caseLimit)+c.Idle, errors.New("the case's time was over"))
	defer cancel()
	if r.opts.Subject.NoAgent {
		r.execute(ctx, &T{state: st, place: new(place)})
		return false
	}
	var inst *Instance
	var err error
	if l == nil {
		inst, err = r.sharedInstance(ctx)
	} else if inst, err = launch(ctx, &r.opts, l, st.rec); err == nil {
		defer func() { inst.stop(ctx) }()
	}
	if err != nil {
		st.settleStart(c, err)
		return false
	}
	var mark int64 // what others made a shared agent print explains nothing
	if l == nil {
		mark = inst.output.mark()
	}
	if why := inst.noScreen(); why != "" && c.Needs&Desktop != 0 {
		st.status, st.reason = verdict.Untestable, why
		return false
	}
	if missing := c.Needs &^ inst.features(); missing != 0 && (l == nil || l.ready()) {
		st.status, st.reason = verdict.NotClaimed, "the agent does not offer "+missing.String()
		return false
	}
	t := &T{state: st, place: &place{inst: inst, own: l != nil}}
	st.rec.knows(&r.opts, c, inst)
	r.execute(ctx, t)
	r.monitor(ctx, t)
	if !st.verdict().Outweighs(verdict.Pass) {
		return false
	}
	if l == nil {
		lost = inst.Ended()
		r.checkShared(ctx, inst)
	}
	st.output = inst.output.since(mark)
	return lost
}

// execute runs the case's function and its cleanups.
func (r *runner) execute(ctx context.Context, t *T) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() {
			if p := recover(); p != nil {
				stack := make([]byte, 8<<10)
				stack = stack[:runtime.Stack(stack, false)]
				t.Logf("%s", stack)
				t.settle(verdict.HarnessError, fmt.Sprintf("the case panicked: %v", p))
			}
		}()
		defer t.cleanup(ctx)
		defer t.photograph(ctx)
		t.kase.Run(ctx, t)
	}()
	select {
	case <-over:
	case <-ctx.Done():
		t.overrun()
		select {
		case <-over:
		case <-time.After(graceLimit + cleanupLimit):
			t.settle(verdict.HarnessError, "the case did not notice that its time was over")
		}
	}
}

func (st *state) overrun() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.overran = true
}

// cleanup runs what the case registered, last first, also after a Fatalf.
func (t *T) cleanup(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.Scale(cleanupLimit))
	defer cancel()
	for {
		t.mu.Lock()
		n := len(t.cleanups)
		if n == 0 {
			t.mu.Unlock()
			return
		}
		f := t.cleanups[n-1]
		t.cleanups = t.cleanups[:n-1]
		t.mu.Unlock()
		f(ctx)
	}
}

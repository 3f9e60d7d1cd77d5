package runner

import (
	"context"
	"errors"
	"os"
	"time"

	"agentproof/suite/engine"
	"agentproof/suite/instance"
	"agentproof/suite/record"
	"agentproof/suite/verdict"
)

// triesLimit is how often a case is tried whose window of time was missed, each
// time with wider ones.
const triesLimit = 4

// runCase gives one case its verdict. begun is called once the case has its
// instance, and more often.
func (r *runner) runCase(ctx context.Context, l *lane, c *engine.Case, begun func()) {
	defer begun()
	if ctx.Err() != nil {
		return
	}
	r.began(c)
	start := time.Now()
	x := r.newExecution(c, 0)
	if s, reason := r.cannotRun(c); reason != "" {
		x.Settle(s, reason)
	} else {
		x = r.try(ctx, l, x, begun)
	}
	if ctx.Err() != nil {
		r.abandon(c)
		return
	}
	r.ended(c, x, time.Since(start))
}

// try tries a case until an attempt counts: an outage of somebody else's broker
// says nothing about the agent, and neither does a window that the harness
// missed.
func (r *runner) try(ctx context.Context, l *lane, x *engine.Execution, begun func()) *engine.Execution {
	for n := 1; ; n++ {
		outage := r.attempt(ctx, l, x, begun)
		again := outage && n == 1 || x.Missed() && n < triesLimit
		if !again || ctx.Err() != nil {
			return x
		}
		x = r.newExecution(x.Case(), n)
	}
}

func (r *runner) newExecution(c *engine.Case, tries int) *engine.Execution {
	return engine.NewExecution(c, &r.set, record.New(r.opts.Transcript != nil), tries)
}

// cannotRun says why a case is decided without an attempt.
func (r *runner) cannotRun(c *engine.Case) (verdict.Status, string) {
	s := &r.opts.Subject
	if status, reason := r.offers.settle(c.Needs); reason != "" && !s.NoAgent {
		return status, reason
	}
	if s.Attached == nil {
		return "", ""
	}
	clause, _ := r.opts.Spec.Clause(c.Clause)
	switch {
	case c.Launch != nil:
		return verdict.Untestable, "it needs an agent started in its own way: leave out --attach and give the agent's command after --"
	case c.Unsafe || clause.Unsafe:
		return verdict.Untestable, "it is unsafe on an agent that somebody uses: leave out --attach and give the agent's command after --"
	default:
		return "", ""
	}
}

// attempt runs a case on an instance that nobody else has, to its end or its
// deadline. It reports whether an outage of an attached agent's broker spoiled it.
func (r *runner) attempt(ctx context.Context, l *lane, x *engine.Execution, begun func()) (outage bool) {
	c := x.Case()
	if r.opts.Subject.NoAgent {
		ctx, cancel := r.bounded(ctx, c)
		defer cancel()
		x.Run(ctx, nil)
		return false
	}
	inst, err := r.instanceFor(ctx, l, x)
	if err != nil {
		settleStart(x, err)
		return false
	}
	begun()
	clean := false
	defer func() {
		if c.Launch != nil {
			r.pool.discard(ctx, inst)
			return
		}
		l.give(ctx, inst, clean)
	}()
	if why := inst.NoScreen(); why != "" && wantsDisplay(c) {
		x.Settle(verdict.Untestable, why)
		clean = true
		return false
	}
	drops := r.awaitBroker(ctx, inst)
	mark := inst.OutputMark()
	ctx, cancel := r.bounded(ctx, c)
	defer cancel()
	x.Run(ctx, inst)
	r.monitor(ctx, x, inst)
	if op := x.Unanswered(); op != "" {
		r.suspect(ctx, op)
	}
	if x.Status().Outweighs(verdict.Pass) {
		x.Printed(inst.OutputSince(mark))
		return r.awaitBroker(ctx, inst) != drops
	}
	clean = !x.Recorder().Pending() && inst.Clean() && len(inst.Findings()) == 0
	return false
}

// bounded gives a case its time, which does not include its instance's start.
func (r *runner) bounded(ctx context.Context, c *engine.Case) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.set.Scale(caseLimit)+c.Idle, errors.New("the case's time was over"))
}

// instanceFor takes the lane's instance, or starts the case's own.
func (r *runner) instanceFor(ctx context.Context, l *lane, x *engine.Execution) (*instance.Instance, error) {
	if launch := x.Case().Launch; launch != nil {
		return r.pool.start(ctx, launch, x.Recorder().Heard)
	}
	return l.take(ctx)
}

// settleStart tells a subject that does not start from one that could not be
// started.
func settleStart(x *engine.Execution, err error) {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		x.Settle(verdict.HarnessError, err.Error())
		return
	}
	x.Settle(verdict.Blocked, "the instance that the case needs did not become ready")
	x.Note(err.Error())
}

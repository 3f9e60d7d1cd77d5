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

// runCase gives one case its verdict.
func (r *runner) runCase(ctx context.Context, c *engine.Case) {
	if ctx.Err() != nil {
		return
	}
	r.began(c)
	start := time.Now()
	x := r.newExecution(c)
	if reason := r.cannotRun(c); reason != "" {
		x.Settle(verdict.Untestable, reason)
	} else {
		drops := r.awaitBroker(ctx)
		lost := r.attempt(ctx, x, c.Launch)
		if x.Status().Outweighs(verdict.Pass) && (lost || r.awaitBroker(ctx) != drops) {
			// An outage of somebody else's broker says nothing about the agent,
			// and the end of a shared agent nothing about every case that it had.
			x = r.newExecution(c)
			r.attempt(ctx, x, r.again(c, lost))
		}
	}
	r.ended(c, x, time.Since(start))
}

func (r *runner) newExecution(c *engine.Case) *engine.Execution {
	return engine.NewExecution(c, &r.set, record.New(r.opts.Transcript != nil))
}

// cannotRun says why a case cannot be run on this kind of subject.
func (r *runner) cannotRun(c *engine.Case) string {
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
func (r *runner) again(c *engine.Case, lost bool) *instance.Launch {
	if lost {
		return &instance.Launch{Display: c.Needs&engine.Desktop != 0}
	}
	return c.Launch
}

// attempt starts what the case needs, the shared agent if l is nil, and runs it
// to its end or its deadline. It tells whether a shared agent ended meanwhile,
// whoever's doing that was.
func (r *runner) attempt(ctx context.Context, x *engine.Execution, l *instance.Launch) (lost bool) {
	c := x.Case()
	ctx, cancel := context.WithTimeoutCause(ctx, r.set.Scale(caseLimit)+c.Idle, errors.New("the case's time was over"))
	defer cancel()
	if r.opts.Subject.NoAgent {
		x.Run(ctx, nil)
		return false
	}
	var inst *instance.Instance
	var err error
	if l == nil {
		inst, err = r.sharedInstance(ctx)
	} else if inst, err = instance.Start(ctx, &r.set.Config, l, x.Recorder().Heard); err == nil {
		defer func() { inst.Stop(ctx) }()
	}
	if err != nil {
		settleStart(x, err)
		return false
	}
	var mark int64 // what others made a shared agent print explains nothing
	if l == nil {
		mark = inst.OutputMark()
	}
	if why := inst.NoScreen(); why != "" && c.Needs&engine.Desktop != 0 {
		x.Settle(verdict.Untestable, why)
		return false
	}
	if missing := c.Needs &^ engine.Claimed(inst.Hello()); missing != 0 && (l == nil || l.Ready()) {
		x.Settle(verdict.NotClaimed, "the agent does not offer "+missing.String())
		return false
	}
	x.Run(ctx, inst)
	r.monitor(ctx, x, inst, l != nil)
	if !x.Status().Outweighs(verdict.Pass) {
		return false
	}
	if l == nil {
		lost = inst.Ended()
		r.checkShared(ctx, inst)
	}
	x.Printed(inst.OutputSince(mark))
	return lost
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

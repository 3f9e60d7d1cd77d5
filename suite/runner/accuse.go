package runner

import (
	"context"
	"fmt"
	"slices"

	"agentproof/docs/spec"
	"agentproof/suite/engine"
	"agentproof/suite/instance"
	"agentproof/suite/monitor"
	"agentproof/suite/record"
	"agentproof/suite/transcript"
	"agentproof/suite/verdict"
)

// accusation is a finding about a case that has ended.
type accusation struct {
	id string
	monitor.Finding
}

// monitor adds what the monitors found, and what the case left behind, to its
// verdict. On an instance of the case's own all is the case's doing.
func (r *runner) monitor(ctx context.Context, x *engine.Execution, inst *instance.Instance, own bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.set.Scale(engine.CleanupLimit))
	defer cancel()
	rec := x.Recorder()
	rec.Adopt(x.Leaks(ctx))
	if own {
		rec.Adopt(inst.Leaks(ctx, rec.Mentions))
		rec.Adopt(inst.Findings())
	} else {
		r.rememberNames(rec, inst)
	}
	if n := inst.LostReplies(); n > 0 {
		x.Settle(verdict.HarnessError, fmt.Sprintf("the runner was too slow to take %d replies", n))
	}
	for _, f := range rec.Found() {
		if slices.Contains(x.Case().Provokes, f.Clause) {
			continue
		}
		f.Got = inst.Stable(f.Got)
		x.Blame(r.gravityOf(f, x.Case()), f)
	}
}

// rememberNames keeps which files in the shared instance's root the case named
// itself: those are the case's doing and not the agent's.
func (r *runner) rememberNames(rec *record.Recorder, inst *instance.Instance) {
	for _, name := range inst.Entries() {
		if rec.Mentions(name) {
			r.mu.Lock()
			r.named[name] = true
			r.mu.Unlock()
		}
	}
}

// mentioned tells whether a case on the shared instance named a file.
func (r *runner) mentioned(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.named[name]
}

// gravityOf is the status of a case that a finding is about: a failure where
// it breaks a MUST, unless the case is about what is never judged.
func (r *runner) gravityOf(f monitor.Finding, c *engine.Case) verdict.Status {
	clause, _ := r.opts.Spec.Clause(f.Clause)
	if !f.Leak && clause.LevelAt(r.opts.Revision) == spec.Must && r.level(c) != spec.May {
		return verdict.Fail
	}
	return verdict.Warn
}

// judgeShared accounts for what was found on the shared instance and is
// certainly no single case's: it goes to the case that judges the clause. In a
// run that left that case out, the clause is not judged.
func (r *runner) judgeShared(ctx context.Context) {
	if r.shared != nil {
		for _, f := range append(r.shared.Findings(), r.shared.Leaks(ctx, r.mentioned)...) {
			if c := r.judgeOf(f.Clause); c != nil {
				f.Got = r.shared.Stable(f.Got)
				r.accuse(accusation{c.ID, f})
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.late {
		r.blame(a)
	}
}

// judgeOf is the first selected case that judges a clause.
func (r *runner) judgeOf(clause string) *engine.Case {
	i := slices.IndexFunc(r.selected, func(c *engine.Case) bool {
		return c.Clause == clause && r.results[c.ID].Status.Ran() && !slices.Contains(c.Provokes, clause)
	})
	if i < 0 {
		return nil
	}
	return r.selected[i]
}

// accuse keeps a finding until all cases have ended.
func (r *runner) accuse(a accusation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.late, a) {
		r.late = append(r.late, a)
	}
}

// blame changes the result of a case that has ended.
func (r *runner) blame(a accusation) {
	i := slices.IndexFunc(r.selected, func(c *engine.Case) bool { return c.ID == a.id })
	res := r.results[a.id]
	if i < 0 || slices.ContainsFunc(res.Failures, a.Same) {
		return
	}
	status := r.gravityOf(a.Finding, r.selected[i])
	if status == verdict.Fail && res.Level != spec.Must {
		status = verdict.Warn
	}
	if status.Outweighs(res.Status) {
		res.Status, res.Reason = status, a.String()
	}
	res.Failures = append(res.Failures, a.Failure)
}

// transcribe hands a case's transcript over.
func (r *runner) transcribe(res *verdict.Result, x *engine.Execution) {
	id := res.ID
	rec := x.Recorder()
	rec.Close(func(f monitor.Finding) { r.accuse(accusation{id, f}) })
	if r.opts.Transcript == nil || !rec.Used() {
		return
	}
	name, err := r.opts.Transcript(*res, func() *transcript.Transcript { return rec.Transcript(res, r.opts.Revision) })
	if err != nil {
		res.Status, res.Reason = verdict.HarnessError, err.Error()
	}
	res.Transcript = name
}

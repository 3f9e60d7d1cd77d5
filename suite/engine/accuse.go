package engine

import (
	"context"
	"fmt"
	"slices"

	"agentproof/docs/spec"
	"agentproof/suite/transcript"
	"agentproof/suite/verdict"
)

// accusation is a finding about a case that has ended.
type accusation struct {
	id string
	finding
}

// monitor adds what the monitors found, and what the case left behind, to its
// verdict. On an instance of the case's own all is the case's doing.
func (r *runner) monitor(ctx context.Context, t *T) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.Scale(cleanupLimit))
	defer cancel()
	t.rec.adopt(r.caseLeaks(ctx, t))
	if t.own {
		t.rec.adopt(t.inst.instanceLeaks(ctx, t.rec.mentions))
		t.rec.adopt(t.inst.findings())
	} else {
		r.rememberNames(t)
	}
	if n := t.inst.wire.lost(); n > 0 {
		t.settle(verdict.HarnessError, fmt.Sprintf("the runner was too slow to take %d replies", n))
	}
	for _, f := range t.rec.found() {
		if slices.Contains(t.kase.Provokes, f.clause) {
			continue
		}
		f.Got = t.inst.stable(f.Got)
		t.settle(r.gravityOf(f, t.kase), f.String())
		t.mu.Lock()
		if !contains(t.failures, f.Failure) {
			t.failures = append(t.failures, f.Failure)
		}
		t.mu.Unlock()
	}
}

// rememberNames keeps which files in the shared instance's root the case named
// itself: those are the case's doing and not the agent's.
func (r *runner) rememberNames(t *T) {
	if t.inst.atFirst() == nil {
		return
	}
	for _, name := range names(t.inst.local) {
		if t.rec.mentions(name) {
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

// contains tells whether a failure is among others, wherever it was noticed.
func contains(all []verdict.Failure, f verdict.Failure) bool { return slices.ContainsFunc(all, f.Same) }

// gravityOf is the status of a case that a finding is about: a failure where
// it breaks a MUST, unless the case is about what is never judged.
func (r *runner) gravityOf(f finding, c *Case) verdict.Status {
	clause, _ := r.opts.Spec.Clause(f.clause)
	if !f.leak && clause.LevelAt(r.opts.Revision) == spec.Must && r.level(c) != spec.May {
		return verdict.Fail
	}
	return verdict.Warn
}

// judgeShared accounts for what was found on the shared instance and is
// certainly no single case's: it goes to the case that judges the clause. In a
// run that left that case out, the clause is not judged.
func (r *runner) judgeShared(ctx context.Context) {
	if r.shared != nil {
		for _, f := range append(r.shared.findings(), r.shared.instanceLeaks(ctx, r.mentioned)...) {
			if c := r.judgeOf(f.clause); c != nil {
				f.Got = r.shared.stable(f.Got)
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
func (r *runner) judgeOf(clause string) *Case {
	i := slices.IndexFunc(r.selected, func(c *Case) bool {
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
	i := slices.IndexFunc(r.selected, func(c *Case) bool { return c.ID == a.id })
	res := r.results[a.id]
	if i < 0 || contains(res.Failures, a.Failure) {
		return
	}
	status := r.gravityOf(a.finding, r.selected[i])
	if status == verdict.Fail && res.Level != spec.Must {
		status = verdict.Warn
	}
	if status.Outweighs(res.Status) {
		res.Status, res.Reason = status, a.String()
	}
	res.Failures = append(res.Failures, a.Failure)
}

// transcribe hands a case's transcript over.
func (r *runner) transcribe(res *verdict.Result, st *state) {
	id := res.ID
	st.rec.close(func(f finding) { r.accuse(accusation{id, f}) })
	if r.opts.Transcript == nil || !st.rec.used() {
		return
	}
	name, err := r.opts.Transcript(*res, func() *transcript.Transcript { return st.rec.transcript(res, r.opts.Revision) })
	if err != nil {
		res.Status, res.Reason = verdict.HarnessError, err.Error()
	}
	res.Transcript = name
}

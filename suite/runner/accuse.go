package runner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"agentproof/docs/spec"
	"agentproof/suite/engine"
	"agentproof/suite/instance"
	"agentproof/suite/monitor"
	"agentproof/suite/transcript"
	"agentproof/suite/verdict"
)

// monitor accounts for what the monitors found while a case ran, and for what the
// case left behind. A breach of another clause than the case's own says nothing
// about the case: it is kept for the case that judges the clause.
func (r *runner) monitor(ctx context.Context, x *engine.Execution, inst *instance.Instance) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.set.Scale(engine.CleanupLimit))
	defer cancel()
	rec := x.Recorder()
	rec.Adopt(x.Leaks(ctx))
	rec.Adopt(inst.Leaks(ctx, rec.Mentions))
	rec.Adopt(inst.Findings())
	if n := inst.LostReplies(); n > 0 {
		x.Settle(verdict.HarnessError, fmt.Sprintf("the runner was too slow to take %d replies", n))
	}
	c := x.Case()
	for _, f := range rec.Found() {
		f.Got = inst.Stable(f.Got)
		switch {
		case slices.Contains(c.Provokes, f.Clause):
		case f.Leak:
			x.Blame(verdict.Warn, f)
		case f.Clause == c.Clause:
			x.Blame(r.gravityOf(f, c), f)
		default:
			r.accuse(c.ID, f)
		}
	}
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

// accuse keeps a finding, and the id of the case in which it was made, until all
// cases have ended.
func (r *runner) accuse(id string, f monitor.Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.At = "" // the finding is the same wherever it was made
	if !slices.Contains(r.found[f], id) {
		r.found[f] = append(r.found[f], id)
	}
}

// accusedIn reports whether a finding about another clause was made in a case.
func (r *runner) accusedIn(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ids := range r.found {
		if slices.Contains(ids, id) {
			return true
		}
	}
	return false
}

// judgeFindings blames the case that judges a finding's clause. In a run that
// left that case out, it is the first one in which the finding was made.
func (r *runner) judgeFindings() {
	r.mu.Lock()
	defer r.mu.Unlock()
	findings := slices.SortedFunc(maps.Keys(r.found), func(a, b monitor.Finding) int {
		return cmp.Or(cmp.Compare(a.Clause, b.Clause), cmp.Compare(a.String(), b.String()))
	})
	for _, f := range findings {
		ids := slices.Sorted(slices.Values(r.found[f]))
		c := r.judgeOf(f.Clause)
		if c == nil {
			c = r.selected[slices.IndexFunc(r.selected, func(c *engine.Case) bool { return c.ID == ids[0] })]
		}
		r.blame(c, f, ids)
	}
}

// judgeOf is the first selected case that judges a clause.
func (r *runner) judgeOf(clause string) *engine.Case {
	var judge *engine.Case
	for _, c := range r.selected {
		if c.Clause == clause && r.results[c.ID].Status.Ran() && !slices.Contains(c.Provokes, clause) &&
			(judge == nil || c.ID < judge.ID) {
			judge = c
		}
	}
	return judge
}

// blame changes the result of a case that has ended, for what was found while
// the cases of the ids ran.
func (r *runner) blame(c *engine.Case, f monitor.Finding, ids []string) {
	res := r.results[c.ID]
	status := r.gravityOf(f, c)
	if status == verdict.Fail && res.Level != spec.Must {
		status = verdict.Warn
	}
	if status.Outweighs(res.Status) {
		res.Status, res.Reason, res.Cause = status, f.String(), f.Cause
	}
	if !slices.ContainsFunc(res.Failures, f.Same) {
		res.Failures = append(res.Failures, f.Failure)
	}
	res.Notes = append(res.Notes, fmt.Sprintf("found in %d cases, in %s first", len(ids), ids[0]))
}

// transcribe hands a case's transcript over. One with a finding in it is that of
// a failed case, whichever case is blamed in the end.
func (r *runner) transcribe(res *verdict.Result, x *engine.Execution) {
	id := res.ID
	rec := x.Recorder()
	rec.Close(func(f monitor.Finding) { r.accuse(id, f) })
	if r.opts.Transcript == nil || !rec.Used() {
		return
	}
	shown := *res
	if shown.Status == verdict.Pass && r.accusedIn(id) {
		shown.Status = verdict.Fail
	}
	name, err := r.opts.Transcript(shown, func() *transcript.Transcript { return rec.Transcript(&shown, r.opts.Revision) })
	if err != nil {
		res.Status, res.Reason, res.Cause = verdict.HarnessError, err.Error(), ""
	}
	res.Transcript = name
}

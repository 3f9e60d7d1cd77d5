package selftest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// judgeMixture finds what is wrong with one report on a mixture, and what one of
// its faults does to cases beyond its declared blast.
func (x *mixer) judgeMixture(ctx context.Context, m *Mixture, rep *verdict.Report) (wrong, beyond []Finding) {
	var found []Finding
	for i := range rep.Results {
		res := &rep.Results[i]
		if res.Status == verdict.NotSelected {
			continue
		}
		own := slices.IndexFunc(m.Faults, func(f *Mutant) bool { return f.Case == res.ID })
		switch {
		case res.Status == verdict.HarnessError, res.Overran:
			found = append(found, Finding{Verdict: Broken, Case: res.ID, Detail: say(res)})
		case own >= 0:
			if f := x.judgeOwn(m, m.Faults[own], res); f != nil {
				found = append(found, *f)
			}
		case res.Status != x.sound[res.ID] && !mayBreak(m.Faults, nil, res.ID):
			found = append(found, Finding{Verdict: Strayed, Case: res.ID, Detail: say(res), of: res})
		}
	}
	x.blame(ctx, m, found)
	for _, f := range found {
		if f.alone && !f.Sound {
			beyond = append(beyond, f)
		} else {
			wrong = append(wrong, f)
		}
	}
	return wrong, beyond
}

// judgeOwn judges what a fault's own case made of a mixture; nil is what it
// should be.
func (x *mixer) judgeOwn(m *Mixture, f *Mutant, res *verdict.Result) *Finding {
	switch {
	case !x.sound[res.ID].Ran():
		return &Finding{Verdict: NotTried, Case: res.ID, Detail: say(res)}
	case res.Status == verdict.Pass:
		return &Finding{Verdict: Survived, Case: res.ID, Detail: "is pass, and the fault is that the agent " + f.Does}
	case (res.Status == verdict.Fail || res.Status == verdict.Warn) && strings.Contains(res.Reason, f.Says):
		return nil
	case res.Status == verdict.Blocked && x.explained(m, f, res):
		return nil
	}
	return &Finding{Verdict: Misread, Case: res.ID, Detail: fmt.Sprintf("is to fail for %q and %s", f.Says, say(res)), of: res}
}

// explained reports whether another fault is declared to keep a fault's own
// case from judging it, or gives the reason by which it is blocked.
func (x *mixer) explained(m *Mixture, f *Mutant, res *verdict.Result) bool {
	return mayBreak(m.Faults, f, res.ID) || slices.ContainsFunc(m.Faults, func(other *Mutant) bool {
		return other != f && strings.Contains(res.Reason, other.Says)
	})
}

// mayBreak reports whether one of the faults, apart from except, is declared to
// break a case that is not its own.
func mayBreak(faults []*Mutant, except *Mutant, id string) bool {
	return slices.ContainsFunc(faults, func(f *Mutant) bool { return f != except && f.MayBreak(id) })
}

// MayBreak reports whether the mutant is declared to break a case beside its
// own.
func (m *Mutant) MayBreak(id string) bool {
	return len(m.Also) > 0 && verdict.Selection{Cases: m.Also}.Matches(id) ||
		len(m.Blast) > 0 && verdict.Selection{Cases: m.Blast}.Matches(id)
}

// blame runs the cases that strayed in a mixture, or failed for another reason,
// on each of its faults alone, and on the agent without a fault, for which it is
// the machine's load that they do not stand.
func (x *mixer) blame(ctx context.Context, m *Mixture, found []Finding) {
	odd := make(map[string]*Finding)
	for i := range found {
		if found[i].of != nil {
			odd[found[i].Case] = &found[i]
		}
	}
	if len(odd) == 0 {
		return
	}
	ids := slices.Sorted(maps.Keys(odd))
	again := func(s subject.Subject, note func(*Finding, *verdict.Result)) {
		rep, err := x.runOn(ctx, s, verdict.Selection{Cases: ids})
		if err != nil {
			return // the findings stand without a name
		}
		for i := range rep.Results {
			res := &rep.Results[i]
			if f := odd[res.ID]; f != nil && res.Status != x.sound[res.ID] {
				note(f, res)
			}
		}
	}
	again(x.opts.Control, func(f *Finding, _ *verdict.Result) { f.Sound = true })
	for _, fault := range m.Faults {
		again(x.opts.Subject([]*Mutant{fault}), func(f *Finding, res *verdict.Result) {
			if fault.Case == f.Case {
				return // which is what it is to do
			}
			f.Faults = append(f.Faults, fault.ID)
			f.alone = f.alone || f.sameAs(res)
		})
	}
}

// sameAs reports whether a fault alone has the same effect as the mixture. A case
// that strays may come to it by another way; one that is to fail for a reason of
// its own is kept from that only by what the other fault does.
func (f *Finding) sameAs(res *verdict.Result) bool {
	return res.Status == f.of.Status && (f.Verdict == Strayed || res.Reason == f.of.Reason)
}

func say(res *verdict.Result) string {
	s := "is " + string(res.Status)
	if res.Overran {
		s += ", out of time"
	}
	if res.Reason != "" {
		s += ": " + res.Reason
	}
	return s
}

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

// judgeMixture finds what is wrong with one report on a mixture.
func (x *mixer) judgeMixture(ctx context.Context, m *Mixture, rep *verdict.Report) []Finding {
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
			found = append(found, Finding{Verdict: Strayed, Case: res.ID, Detail: say(res)})
		}
	}
	x.blame(ctx, m, found)
	return found
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
	return &Finding{Verdict: Misread, Case: res.ID, Detail: fmt.Sprintf("is to fail for %q and %s", f.Says, say(res))}
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

// blame runs the cases that strayed in a mixture on each of its faults alone,
// and on the agent without a fault, for which it is the machine's load that they
// do not stand.
func (x *mixer) blame(ctx context.Context, m *Mixture, found []Finding) {
	strays := make(map[string]*Finding)
	for i := range found {
		if found[i].Verdict == Strayed {
			strays[found[i].Case] = &found[i]
		}
	}
	if len(strays) == 0 {
		return
	}
	ids := slices.Sorted(maps.Keys(strays))
	again := func(s subject.Subject, note func(*Finding)) {
		rep, err := x.runOn(ctx, s, verdict.Selection{Cases: ids})
		if err != nil {
			return // the findings stand without a name
		}
		for _, res := range rep.Results {
			if f := strays[res.ID]; f != nil && res.Status != x.sound[res.ID] {
				note(f)
			}
		}
	}
	again(x.opts.Control, func(f *Finding) { f.Sound = true })
	for _, fault := range m.Faults {
		again(x.opts.Subject([]*Mutant{fault}), func(f *Finding) { f.Faults = append(f.Faults, fault.ID) })
	}
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

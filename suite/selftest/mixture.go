package selftest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"agentproof/suite/report"
	"agentproof/suite/runner"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// A Mixture is an agent with several known faults.
type Mixture struct {
	// Faults are sorted by id, except for a serial dispatcher, which comes
	// first.
	Faults []*Mutant
	// Cases are globs of the cases to run; empty means all.
	Cases []string
}

// String lists the faults as `conformance selftest --mixture` takes them.
func (m *Mixture) String() string {
	ids := make([]string, len(m.Faults))
	for i, f := range m.Faults {
		ids[i] = f.ID
	}
	return strings.Join(ids, ",")
}

// MixtureOptions says which mixtures to try.
type MixtureOptions struct {
	// Options without Mutants and Whole: Parallel is how many mixtures are
	// tried at once, and TimeoutScale stretches the limits of all of them,
	// since a mixture has no room for a scale of each mutant.
	Options
	Mixtures []Mixture
	// Subject makes an agent with faults, for one run.
	Subject func(faults []*Mutant) subject.Subject
	// Tried, when set, is called when a mixture was tried, one call at a time.
	Tried func(done, total int, last *MixtureOutcome)
}

// A Finding is one thing that is wrong with how the suite judged a mixture.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	Case    string  `json:"case,omitempty"`
	// Detail completes the sentence that begins with the case.
	Detail string `json:"detail"`
	// Faults are those that alone make the case stray; none where it takes
	// several. It is set for cases that strayed.
	Faults []string `json:"faults,omitempty"`
	// Sound is set where the case did the same, or anything but what it does
	// otherwise, for the agent without a fault: it does not stand the load.
	Sound bool `json:"sound,omitempty"`

	of    *verdict.Result // in the first report; nil where nothing is to be blamed
	alone bool            // one of Faults has the same effect alone
}

// MixtureOutcome is how the suite judged one mixture.
type MixtureOutcome struct {
	Mixture *Mixture
	Wrong   []Finding // empty for one that was judged exactly
	// Beyond are the effects that one of the faults has alone on cases beyond
	// its declared blast. They are the fault's, not of the mixture.
	Beyond []Finding
	// Again is set for a mixture that was tried again, with no other beside it,
	// because the first try was misjudged: the rest tells of the second.
	Again bool
	Took  time.Duration
}

// MixtureReport is the outcome of all mixtures, in their order.
type MixtureReport struct {
	Outcomes []MixtureOutcome
	Took     time.Duration
}

// Exact counts the mixtures that were judged exactly.
func (r *MixtureReport) Exact() int {
	n := 0
	for _, out := range r.Outcomes {
		if len(out.Wrong) == 0 {
			n++
		}
	}
	return n
}

// TryMixtures runs the suite twice on each mixture. Each fault's own case must
// fail for the fault's own reason, or be kept from judging it by another of the
// faults; no case beyond what the faults are declared to break, or break alone, may
// change its verdict; and both reports must be the same bytes. Cases that measure are left
// out: mixtures run side by side. One that was misjudged is tried again alone.
//
// An error means that there is no report, as with Run.
func TryMixtures(ctx context.Context, o MixtureOptions) (*MixtureReport, error) {
	if len(o.Mixtures) == 0 {
		return nil, ErrNothingSelected
	}
	start := time.Now()
	for _, m := range o.Mixtures {
		for _, f := range m.Faults {
			o.Mutants = append(o.Mutants, *f)
		}
	}
	o.Mutants = unique(o.Mutants)
	r, err := newSelfTest(o.Options)
	if err != nil {
		return nil, err
	}
	x := &mixer{selfTest: r, opts: o}
	if err := x.control(ctx); err != nil {
		return nil, err
	}
	rep := &MixtureReport{Outcomes: x.tryAll(ctx)}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("the self-test was ended early: %w", context.Cause(ctx))
	}
	rep.Took = time.Since(start)
	return rep, nil
}

func unique(mutants []Mutant) []Mutant {
	slices.SortStableFunc(mutants, func(a, b Mutant) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(mutants, func(a, b Mutant) bool { return a.ID == b.ID })
}

// mixer tries mixtures.
type mixer struct {
	*selfTest
	opts MixtureOptions

	// alone is held for writing by a mixture that must have the machine for
	// itself, for reading by others.
	alone sync.RWMutex
}

// control learns what the agent without a fault gets, which must be no failure.
func (x *mixer) control(ctx context.Context) error {
	ids, err := x.wanted()
	if err != nil {
		return err
	}
	for attempt := 0; ; attempt++ { // what the busy machine spoiled is asked again
		broken, err := x.selfTest.control(ctx, ids)
		switch {
		case err != nil:
			return err
		case len(broken) == 0:
			return nil
		case len(broken) >= manyBroken, attempt == 2:
			return unsound(broken)
		}
		ids = ids[:0]
		for _, res := range broken {
			ids = append(ids, res.ID)
		}
	}
}

// wanted are the cases that some mixture runs.
func (x *mixer) wanted() ([]string, error) {
	want := make(map[string]bool)
	for _, m := range x.opts.Mixtures {
		keeps, err := verdict.Selection{Cases: m.Cases}.Filter()
		if err != nil {
			return nil, fmt.Errorf("the mixture %s: %w", &m, err)
		}
		for id, c := range x.cases {
			want[id] = want[id] || !c.Exclusive && keeps(&verdict.Result{ID: id})
		}
	}
	maps.DeleteFunc(want, func(_ string, wanted bool) bool { return !wanted })
	return slices.Sorted(maps.Keys(want)), nil
}

func (x *mixer) tryAll(ctx context.Context) []MixtureOutcome {
	outcomes := make([]MixtureOutcome, len(x.opts.Mixtures))
	places := make(chan struct{}, cmp.Or(x.opts.Parallel, runtime.GOMAXPROCS(0)))
	var mu sync.Mutex // guards done and the calls of Tried
	done := 0
	var wg sync.WaitGroup
	for i := range x.opts.Mixtures {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			if ctx.Err() != nil {
				return
			}
			outcomes[i] = x.try(ctx, &x.opts.Mixtures[i])
			mu.Lock()
			defer mu.Unlock()
			if done++; x.opts.Tried != nil {
				x.opts.Tried(done, len(outcomes), &outcomes[i])
			}
		})
	}
	wg.Wait()
	return outcomes
}

// try tries a mixture, and once more if it was misjudged: beside others, and what
// else the machine does, a window of time may be missed.
func (x *mixer) try(ctx context.Context, m *Mixture) MixtureOutcome {
	x.alone.RLock()
	out := x.tryOnce(ctx, m)
	x.alone.RUnlock()
	if len(out.Wrong) == 0 || ctx.Err() != nil {
		return out
	}
	x.alone.Lock()
	defer x.alone.Unlock()
	took := out.Took
	out = x.tryOnce(ctx, m)
	out.Again, out.Took = true, out.Took+took
	return out
}

func (x *mixer) tryOnce(ctx context.Context, m *Mixture) MixtureOutcome {
	start := time.Now()
	out := MixtureOutcome{Mixture: m}
	var reports [2]*verdict.Report
	for i := range reports {
		rep, err := x.runMixture(ctx, m)
		if err != nil {
			out.Wrong = append(out.Wrong, Finding{Verdict: Broken, Detail: err.Error()})
			break
		}
		reports[i] = rep
	}
	if reports[1] != nil {
		out.Wrong, out.Beyond = x.judgeMixture(ctx, m, reports[0])
		out.Wrong = append(out.Wrong, compareReports(reports[0], reports[1])...)
	}
	out.Took = time.Since(start)
	return out
}

// runMixture runs the cases of a mixture, apart from those that measure.
func (x *mixer) runMixture(ctx context.Context, m *Mixture) (*verdict.Report, error) {
	sel := verdict.Selection{Cases: m.Cases}
	for id, c := range x.cases {
		if c.Exclusive {
			sel.Skip = append(sel.Skip, id)
		}
	}
	slices.Sort(sel.Skip)
	return x.runOn(ctx, x.opts.Subject(m.Faults), sel)
}

func (x *mixer) runOn(ctx context.Context, s subject.Subject, sel verdict.Selection) (*verdict.Report, error) {
	return runner.Run(ctx, runner.Options{
		Spec: x.opts.Spec, Cases: x.opts.Cases, Selection: sel, Subject: s,
		HelperProgram: x.opts.HelperProgram, TimeoutScale: cmp.Or(x.opts.TimeoutScale, 1),
	})
}

// compareReports finds what differs between two reports of the same agent.
func compareReports(a, b *verdict.Report) []Finding {
	first, second := report.New(a), report.New(b)
	one, err1 := first.JSON()
	two, err2 := second.JSON()
	if err := cmp.Or(err1, err2); err != nil {
		return []Finding{{Verdict: Broken, Detail: err.Error()}}
	}
	if string(one) == string(two) {
		return nil
	}
	var found []Finding
	for i, c := range first.Document.Cases {
		if d := second.Document.Cases[i]; c != d {
			found = append(found, Finding{Verdict: Unstable, Case: c.ID,
				Detail: fmt.Sprintf("is %s: %s; and in the second run %s: %s", c.Status, c.Reason, d.Status, d.Reason)})
		}
	}
	if len(found) == 0 {
		found = []Finding{{Verdict: Unstable, Detail: "the two reports differ outside their cases"}}
	}
	return found
}

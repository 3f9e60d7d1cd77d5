// Package selftest shows that a suite of conformance cases can fail: it runs
// the cases against agents with one known fault each, and demands that the case
// which is there for the fault notices it, for that reason, and that no other
// case is misled.
package selftest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/engine"
	"agentproof/suite/runner"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// ErrNothingSelected is returned by Run when no mutant is to be tried.
var ErrNothingSelected = errors.New("the selection leaves no mutant to try")

// A Mutant is an agent with one known fault.
type Mutant struct {
	ID   string
	Does string   // what is wrong, as a sentence's end: "the agent …"
	Case string   // the id of the case that must notice
	Says string   // part of the reason that the case must give
	Also []string // globs of the cases of the same clause that may notice, too
	// Blast holds globs of the cases of other clauses that may notice, or that
	// cannot be judged because of the fault. Mixtures need it.
	Blast []string
	// Alone is set for a mutant that no mixture can have.
	Alone bool
	// Sets names the parts of the agent that only one fault can set: two with
	// one in common are in no mixture.
	Sets []string
	// Scale is that of the harness's limits; 0 means 1.
	Scale float64
	// Subject makes the agent for one run.
	Subject func() subject.Subject
}

// Options says what to try. All fields but the last four are required.
type Options struct {
	Spec          *spec.Spec
	Cases         []engine.Case
	Mutants       []Mutant
	Control       subject.Subject // the agent without a fault
	HelperProgram string
	// Whole runs every case beside every mutant, not only the cases of the
	// same clause that wait for nothing. It takes hours.
	Whole bool
	// Parallel is how many mutants are tried at once; 0 means a number that
	// suits the machine. With 1 nothing runs beside anything else, the agent
	// without a fault included.
	Parallel int
	// TimeoutScale stretches the harness's own limits, on top of each
	// mutant's; 0 means 1.
	TimeoutScale float64
	// Progress, when set, is called when a mutant was tried, one call at a
	// time.
	Progress func(done, total int, last *Outcome)
}

// Verdict says what became of a mutant.
type Verdict string

// All verdicts. Only the first is a success.
const (
	Killed   Verdict = "killed"
	Survived Verdict = "survived"  // the case passed
	Misread  Verdict = "misread"   // the case failed for another reason
	Strayed  Verdict = "strayed"   // another case changed its verdict
	NotTried Verdict = "not-tried" // the case could not be run here
	Unstable Verdict = "unstable"  // two runs of the same agent differ
	Broken   Verdict = "broken"    // the harness failed, or ran out of time
)

// Outcome is the verdict on one mutant.
type Outcome struct {
	Mutant  *Mutant
	Verdict Verdict
	// Detail says why, empty for one that was killed.
	Detail string
	// At is the check that noticed, as in "suite/cases/exec/argv.go:41".
	At string
	// Strays are the other cases that changed their verdict.
	Strays []string
	Took   time.Duration

	beside []verdict.Result // of the cases beside the mutant's own
}

// Report is the outcome of all mutants, sorted by id.
type Report struct {
	Outcomes []Outcome
	Totals   map[Verdict]int
	Took     time.Duration
}

// Killed tells whether every mutant was.
func (r *Report) Killed() bool { return r.Totals[Killed] == len(r.Outcomes) }

// Run tries every mutant. An error means that there is no report: nothing was
// selected, a mutant names a case that does not exist, the agent without a
// fault does not pass, or ctx ended.
func Run(ctx context.Context, o Options) (*Report, error) {
	if len(o.Mutants) == 0 {
		return nil, ErrNothingSelected
	}
	start := time.Now()
	r, err := newSelfTest(o)
	if err != nil {
		return nil, err
	}
	if err := r.tryAll(ctx); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("the self-test was ended early: %w", context.Cause(ctx))
	}
	report := &Report{Outcomes: r.outcomes, Totals: make(map[Verdict]int), Took: time.Since(start)}
	slices.SortFunc(report.Outcomes, func(a, b Outcome) int { return cmp.Compare(a.Mutant.ID, b.Mutant.ID) })
	for _, out := range report.Outcomes {
		report.Totals[out.Verdict]++
	}
	return report, nil
}

// selfTest is one self-test.
type selfTest struct {
	opts  Options
	cases map[string]*engine.Case

	mu       sync.Mutex // guards the fields below
	outcomes []Outcome
	sound    map[string]verdict.Status // what the agent without a fault gets
}

func newSelfTest(o Options) (*selfTest, error) {
	r := &selfTest{opts: o, cases: make(map[string]*engine.Case), sound: make(map[string]verdict.Status)}
	for i := range o.Cases {
		r.cases[o.Cases[i].ID] = &o.Cases[i]
	}
	var errs []error
	seen := make(map[string]bool)
	for _, m := range o.Mutants {
		if r.cases[m.Case] == nil {
			errs = append(errs, fmt.Errorf("the mutant %s names the case %q, which does not exist", m.ID, m.Case))
		}
		if m.Says == "" {
			errs = append(errs, fmt.Errorf("the mutant %s does not name the reason that its case must give", m.ID))
		}
		if seen[m.ID] {
			errs = append(errs, fmt.Errorf("the mutant %s is there twice", m.ID))
		}
		seen[m.ID] = true
	}
	return r, errors.Join(errs...)
}

// tryAll tries the mutants, and beside them the agent without a fault: what it
// breaks would count as a mutant's death. What it breaks on the busy machine is
// asked again when that is quiet, with the cases that measure.
func (r *selfTest) tryAll(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	crowd, again := r.needed()
	var err error
	control := func() {
		var broken []verdict.Result
		if broken, err = r.control(ctx, crowd); err == nil && len(broken) >= manyBroken {
			err = unsound(broken)
		}
		for _, res := range broken {
			again = append(again, res.ID)
		}
		if err != nil {
			cancel()
		}
	}
	var wg sync.WaitGroup
	if r.inTurn() {
		control()
	} else {
		wg.Go(control)
	}
	alone := r.schedule(ctx)
	wg.Wait()
	if err != nil {
		return err
	}
	broken, err := r.control(ctx, again)
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		return unsound(broken)
	}
	for _, m := range alone {
		r.try(ctx, m)
	}
	for i := range r.outcomes {
		r.compare(&r.outcomes[i])
	}
	r.tryAgain(ctx)
	return nil
}

// beside are the cases that run beside a mutant's own: those that it could
// affect most easily, or all.
func (r *selfTest) beside(m *Mutant) []string {
	own := r.cases[m.Case]
	var ids []string
	for id, c := range r.cases {
		near := c.Clause == own.Clause && c.Idle == 0 && !c.Exclusive
		if id != m.Case && (r.opts.Whole || near) {
			ids = append(ids, id)
		}
	}
	return ids
}

// inTurn tells that one thing at a time is to run.
func (r *selfTest) inTurn() bool { return r.opts.Parallel == 1 }

// eachRun is how many cases of one run run at once; 0 is the runner's choice.
func (r *selfTest) eachRun() int {
	if r.inTurn() {
		return 1
	}
	return 0
}

// schedule tries the mutants side by side, those whose case waits for time to
// pass at once and the others in order. It returns those whose case measures,
// for which it must be quiet.
func (r *selfTest) schedule(ctx context.Context) (alone []*Mutant) {
	slots := make(chan struct{}, cmp.Or(r.opts.Parallel, 4*runtime.GOMAXPROCS(0)))
	waiting := make(chan struct{}, 2*cap(slots))
	var wg sync.WaitGroup
	var rest []*Mutant
	for i := range r.opts.Mutants {
		m := &r.opts.Mutants[i]
		switch c := r.cases[m.Case]; {
		case c.Exclusive:
			alone = append(alone, m)
		case c.Idle > 0 && !r.inTurn():
			wg.Go(func() {
				waiting <- struct{}{}
				defer func() { <-waiting }()
				r.try(ctx, m)
			})
		default:
			rest = append(rest, m)
		}
	}
	for _, m := range rest {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			r.try(ctx, m)
		})
	}
	wg.Wait()
	return alone
}

// tryAgain tries what was not killed in the crowd once more, alone: much that
// mutants do takes time that a busy machine does not give them.
func (r *selfTest) tryAgain(ctx context.Context) {
	for i, out := range r.outcomes {
		if out.Verdict == Killed || out.Verdict == NotTried || ctx.Err() != nil {
			continue
		}
		start := time.Now()
		again := Outcome{Mutant: out.Mutant}
		r.judge(ctx, &again)
		r.compare(&again)
		again.Took = time.Since(start)
		r.outcomes[i] = again
	}
}

// try gives one mutant its verdict.
func (r *selfTest) try(ctx context.Context, m *Mutant) {
	if ctx.Err() != nil {
		return
	}
	start := time.Now()
	out := Outcome{Mutant: m}
	r.judge(ctx, &out)
	out.Took = time.Since(start)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes = append(r.outcomes, out)
	if r.opts.Progress != nil {
		r.opts.Progress(len(r.outcomes), len(r.opts.Mutants), &out)
	}
}

func (r *selfTest) judge(ctx context.Context, out *Outcome) {
	m := out.Mutant
	rep, err := r.run(ctx, m.Subject(), []string{m.Case}, m.Scale)
	if err != nil {
		out.Verdict, out.Detail = Broken, err.Error()
		return
	}
	i := slices.IndexFunc(rep.Results, func(res verdict.Result) bool { return res.ID == m.Case })
	if out.judge(&rep.Results[i]); out.Verdict == Killed {
		r.runBeside(ctx, out)
	}
}

// judge says what a mutant's own case made of it.
func (out *Outcome) judge(res *verdict.Result) {
	says := out.Mutant.Says
	i := slices.IndexFunc(res.Failures, func(f verdict.Failure) bool {
		return res.Reason == f.String() || strings.HasPrefix(res.Reason, f.String()+"; ") // and what the case recorded
	})
	if i >= 0 {
		out.At = res.Failures[i].At
	}
	out.Detail = fmt.Sprintf("%s is %s: %s", res.ID, res.Status, res.Reason)
	switch {
	case res.Overran:
		out.Verdict, out.Detail = Broken, res.ID+" ran out of time"
	case res.Status == verdict.Untestable, res.Status == verdict.NotClaimed:
		out.Verdict = NotTried
	case res.Status == verdict.HarnessError, res.Status == verdict.Blocked:
		out.Verdict = Broken
	case res.Status != verdict.Fail && res.Status != verdict.Warn:
		out.Verdict, out.Detail = Survived, fmt.Sprintf("%s is %s", res.ID, res.Status)
	case !strings.Contains(res.Reason, says):
		out.Verdict, out.Detail = Misread, fmt.Sprintf("%s fails for another reason than %q: %s", res.ID, says, res.Reason)
	default:
		out.Verdict, out.Detail = Killed, ""
	}
}

// runBeside runs the cases beside a mutant's own, with a new instance of it.
func (r *selfTest) runBeside(ctx context.Context, out *Outcome) {
	m := out.Mutant
	may := verdict.Selection{Cases: m.Also}
	var ids []string
	for _, id := range r.beside(m) {
		if len(m.Also) == 0 || !may.Matches(id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	rep, err := r.run(ctx, m.Subject(), ids, 0)
	if err != nil {
		out.Verdict, out.Detail = Broken, err.Error()
		return
	}
	out.beside = slices.DeleteFunc(rep.Results, func(res verdict.Result) bool { return res.Status == verdict.NotSelected })
}

// compare finds the cases beside a mutant's own that it misled.
func (r *selfTest) compare(out *Outcome) {
	var details []string
	for _, res := range out.beside {
		if res.Status != r.sound[res.ID] {
			out.Strays = append(out.Strays, res.ID)
			details = append(details, fmt.Sprintf("%s is %s: %s", res.ID, res.Status, res.Reason))
		}
	}
	if len(details) > 0 {
		out.Verdict, out.Detail = Strayed, "outside what it is known to break, "+strings.Join(details, "; ")
	}
	out.beside = nil
}

func (r *selfTest) run(ctx context.Context, s subject.Subject, ids []string, scale float64) (*verdict.Report, error) {
	return runner.Run(ctx, runner.Options{
		Spec: r.opts.Spec, Cases: r.opts.Cases, Selection: verdict.Selection{Cases: ids}, Subject: s,
		HelperProgram: r.opts.HelperProgram, Parallel: r.eachRun(),
		TimeoutScale: cmp.Or(scale, 1) * cmp.Or(r.opts.TimeoutScale, 1),
	})
}

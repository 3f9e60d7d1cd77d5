// Package runner runs conformance cases against an agent, each one in its time
// and on its instance, and makes a report that accounts for all of them.
package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/engine"
	"agentproof/suite/instance"
	"agentproof/suite/monitor"
	"agentproof/suite/subject"
	"agentproof/suite/transcript"
	"agentproof/suite/verdict"
)

// caseLimit is the time of a case that has nothing to wait for. It is far
// above what any needs, so that a slow machine breaks nothing.
const caseLimit = 90 * time.Second

// ErrNothingSelected is returned by Run when the selection leaves no case.
var ErrNothingSelected = errors.New("the selection leaves no case to run")

// Options says what to run against what. Spec, Cases, Subject and
// HelperProgram are required.
type Options struct {
	Spec      *spec.Spec
	Cases     []engine.Case
	Subject   subject.Subject
	Selection verdict.Selection
	// Revision is the revision to judge by; empty means spec.Revision.
	Revision string
	// Parallel is how many cases run at once, idle ones aside; 0 means a
	// number that suits the machine. With 1 no two agents run at once, those
	// that a case starts beside its own aside, and idle cases wait in turn.
	Parallel int
	// TimeoutScale stretches the harness's own limits; 0 means 1. Bounds that
	// the specification sets never stretch.
	TimeoutScale float64
	// Relay is the relay of the agents; nil starts one for each.
	Relay *instance.VendorRelay
	// HelperProgram is an executable that calls helper.Intercept.
	HelperProgram string
	// UploadHelper copies HelperProgram through the agent also when the agent
	// sees this machine's files.
	UploadHelper bool
	// Strength goes into the report; nil where nobody measured it.
	Strength *verdict.Strength
	// Transcript, when set, is given what went over the wire in each case that
	// had an agent, as the case ends, and returns where it kept that. An error
	// is the case's harness error.
	Transcript func(verdict.Result, func() *transcript.Transcript) (string, error)
	// Progress, when set, is called as cases start and end, one call at a
	// time.
	Progress func(Progress)
}

// Progress is where a run is.
type Progress struct {
	Done, Total int
	Running     []string        // ids, sorted
	Last        *verdict.Result // the case that ended just now, nil when one started
}

// setting is what the options say to every case.
func (o *Options) setting() engine.Setting {
	return engine.Setting{
		Config:       instance.Config{Subject: o.Subject, TimeoutScale: o.TimeoutScale, HelperProgram: o.HelperProgram, Relay: o.Relay},
		Revision:     o.Revision,
		UploadHelper: o.UploadHelper,
	}
}

// Run runs the selected cases and returns a report that accounts for every
// case there is. With ErrInterrupted, when ctx ended, there is a report of what
// was judged before; any other error means that there is none: nothing was
// selected (ErrNothingSelected), the options are wrong, or the subject never
// became ready (instance.ErrNeverReady).
func Run(ctx context.Context, opts Options) (*verdict.Report, error) {
	r, err := newRunner(opts)
	if err != nil {
		return nil, err
	}
	report := r.newReport()
	defer r.pool.close(ctx)
	if !opts.Subject.NoAgent {
		plain, screen, err := r.pool.open(ctx, r.wantsDisplay())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", instance.ErrNeverReady, err)
		}
		describe(&report.Subject, plain)
		if r.offers = claims(plain, screen); plain == nil {
			r.offers = r.askFor(ctx)
		}
	}
	r.schedule(ctx)
	if ctx.Err() != nil {
		r.interrupt()
		finish(report, r.results)
		return report, fmt.Errorf("%w: %w", ErrInterrupted, context.Cause(ctx))
	}
	r.judgeSilence()
	r.judgeFindings()
	finish(report, r.results)
	return report, nil
}

// runner is one run.
type runner struct {
	opts     Options
	set      engine.Setting
	selected []*engine.Case
	pool     *pool
	offers   offers
	silent   silence

	mu      sync.Mutex // guards the fields below
	results map[string]*verdict.Result
	running []string
	done    int
	found   map[monitor.Finding][]string // with the ids of the cases in which it was made
	mute    map[string]string            // the operation without a reply that decided a case, by its id
}

func newRunner(opts Options) (*runner, error) {
	if opts.Revision == "" {
		opts.Revision = spec.Revision
	}
	if !slices.Contains(spec.Revisions(), opts.Revision) {
		return nil, fmt.Errorf("there is no revision %q: there are %v", opts.Revision, spec.Revisions())
	}
	if opts.Parallel <= 0 {
		opts.Parallel = 4 * runtime.GOMAXPROCS(0)
	}
	if err := engine.Validate(opts.Spec, opts.Cases); err != nil {
		return nil, fmt.Errorf("the cases are not fit to run: %w", err)
	}
	r := &runner{opts: opts, set: opts.setting(), results: make(map[string]*verdict.Result), found: make(map[monitor.Finding][]string),
		mute: make(map[string]string)}
	r.set.Silent = r.silent.Known
	r.pool = newPool(&r.set, opts.Parallel == 1)
	selected, err := opts.Selection.Filter()
	if err != nil {
		return nil, err
	}
	for i := range opts.Cases {
		c := &opts.Cases[i]
		res := r.newResult(c)
		r.results[c.ID] = res
		if res.Level == 0 || !selected(res) {
			res.Status = verdict.NotSelected
			continue
		}
		r.selected = append(r.selected, c)
	}
	if len(r.selected) == 0 {
		return nil, ErrNothingSelected
	}
	return r, nil
}

func (r *runner) level(c *engine.Case) spec.Level {
	clause, _ := r.opts.Spec.Clause(c.Clause)
	return clause.LevelAt(r.opts.Revision)
}

// schedule runs every selected case: idle ones at once, exclusive ones while
// the idle ones wait, and the others side by side after that.
func (r *runner) schedule(ctx context.Context) {
	var idle, exclusive, own, plain, screens []*engine.Case
	for _, c := range r.selected {
		switch {
		case c.Exclusive:
			exclusive = append(exclusive, c)
		case c.Idle > 0:
			idle = append(idle, c)
		case c.Launch != nil:
			own = append(own, c)
		case wantsDisplay(c):
			screens = append(screens, c)
		default:
			plain = append(plain, c)
		}
	}
	slices.SortStableFunc(idle, func(a, b *engine.Case) int { return cmp.Compare(b.Idle, a.Idle) })
	shared := slices.Concat(lanes(plain), lanes(screens))
	if r.opts.Parallel == 1 {
		for _, c := range slices.Concat(idle, exclusive, own) {
			r.runAlone(ctx, c, func() {})
		}
		for _, cases := range shared {
			r.runLane(ctx, cases)
		}
		return
	}

	var all, begun sync.WaitGroup
	defer all.Wait()
	begun.Add(len(idle))
	for _, c := range idle {
		all.Go(func() { r.runAlone(ctx, c, sync.OnceFunc(begun.Done)) })
	}
	if len(exclusive) > 0 && r.pool.lone == nil {
		begun.Wait() // the starts of their agents would disturb what is measured
	}
	for _, c := range exclusive {
		r.runAlone(ctx, c, func() {})
	}
	queue := make(chan func())
	for range r.opts.Parallel {
		all.Go(func() {
			for run := range queue {
				run()
			}
		})
	}
	for _, cases := range shared {
		queue <- func() { r.runLane(ctx, cases) }
	}
	for _, c := range own { // short ones last keep everybody busy to the end
		queue <- func() { r.runAlone(ctx, c, func() {}) }
	}
	close(queue)
}

// runAlone runs a case in a lane of its own.
func (r *runner) runAlone(ctx context.Context, c *engine.Case, begun func()) {
	l := r.pool.lane(wantsDisplay(c))
	defer l.close(ctx)
	r.runCase(ctx, l, c, begun)
}

func (r *runner) runLane(ctx context.Context, cases []*engine.Case) {
	l := r.pool.lane(wantsDisplay(cases[0]))
	defer l.close(ctx)
	for _, c := range cases {
		r.runCase(ctx, l, c, func() {})
	}
}

// wantsDisplay reports whether some case looks at a screen.
func (r *runner) wantsDisplay() bool { return slices.ContainsFunc(r.selected, wantsDisplay) }

func wantsDisplay(c *engine.Case) bool { return c.Needs&engine.Desktop != 0 }

func (r *runner) began(c *engine.Case) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running = append(r.running, c.ID)
	slices.Sort(r.running)
	r.progress(nil)
}

func (r *runner) ended(c *engine.Case, x *engine.Execution, took time.Duration) {
	// Nobody else looks at the result before the end of the run.
	res := r.results[c.ID]
	x.Fill(res, r.level(c))
	res.Took = took
	r.transcribe(res, x)
	r.mu.Lock()
	defer r.mu.Unlock()
	if op := x.Unanswered(); op != "" {
		r.mute[c.ID] = op
	}
	r.done++
	r.running = slices.DeleteFunc(r.running, func(id string) bool { return id == c.ID })
	r.progress(res)
}

// progress is called with the lock held, which keeps the calls in order.
func (r *runner) progress(last *verdict.Result) {
	if r.opts.Progress == nil {
		return
	}
	r.opts.Progress(Progress{Done: r.done, Total: len(r.selected), Running: slices.Clone(r.running), Last: last})
}

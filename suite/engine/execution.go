package engine

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/instance"
	"agentproof/suite/monitor"
	"agentproof/suite/record"
	"agentproof/suite/transcript"
	"agentproof/suite/verdict"
)

const (
	// CleanupLimit bounds what comes after a case, before it is stretched.
	CleanupLimit = 20 * time.Second
	// graceLimit is how long a case may take to notice its deadline.
	graceLimit = 10 * time.Second
)

// Setting is what all cases of a run have in common.
type Setting struct {
	instance.Config
	// Revision is the revision of the specification to judge by.
	Revision string
	// UploadHelper copies HelperProgram through the agent also when the agent
	// sees this machine's files.
	UploadHelper bool
	// Silent, when set, reports whether an operation, named as in "fs_read", is
	// known to get no reply, so that none is waited for.
	Silent func(op string) bool
}

// An Execution is one try of a case: what there is beside its T for whoever
// runs cases. It belongs to the goroutine that does.
type Execution struct{ t *T }

// NewExecution prepares a try. rec is new, and remembers what goes over the
// wire in it. tries is how often the case was tried before.
func NewExecution(c *Case, set *Setting, rec *record.Recorder, tries int) *Execution {
	return &Execution{&T{state: &state{kase: c, set: set, rec: rec, tries: tries}, place: new(place)}}
}

// Case is the case.
func (x *Execution) Case() *Case { return x.t.kase }

// Recorder has what went over the wire.
func (x *Execution) Recorder() *record.Recorder { return x.t.rec }

// Status is the gravest so far; empty for a case with nothing to report.
func (x *Execution) Status() verdict.Status { return x.t.verdict() }

// Missed reports whether the case missed a window of time, so that it can be
// tried again.
func (x *Execution) Missed() bool {
	x.t.mu.Lock()
	defer x.t.mu.Unlock()
	return x.t.missed && x.t.status == verdict.Untestable
}

// Unanswered is the operation that decided the case by getting no reply; empty
// for a case that something else decided.
func (x *Execution) Unanswered() string {
	x.t.mu.Lock()
	defer x.t.mu.Unlock()
	return x.t.mute
}

// Settle gives the case a status, unless it has a graver one. The first reason
// of a status stays.
func (x *Execution) Settle(s verdict.Status, reason string) { x.t.settle(s, reason) }

// Blame settles a status for what a monitor found, and adds it to the failures.
func (x *Execution) Blame(s verdict.Status, f monitor.Finding) {
	x.t.mu.Lock()
	defer x.t.mu.Unlock()
	x.t.settleLocked(s, f.String(), f.Cause)
	if !slices.ContainsFunc(x.t.failures, f.Same) {
		x.t.failures = append(x.t.failures, f.Failure)
	}
}

// Note adds a note for people.
func (x *Execution) Note(text string) { x.t.Logf("%s", text) }

// Printed keeps what the agent printed meanwhile.
func (x *Execution) Printed(output string) {
	x.t.mu.Lock()
	defer x.t.mu.Unlock()
	x.t.output = output
}

// Run runs the case's function and its cleanups on an instance, which is nil for
// a subject that is no agent. It is called once, and returns when ctx has ended
// even if the case does not notice that.
func (x *Execution) Run(ctx context.Context, inst *instance.Instance) {
	t := x.t
	t.inst = inst
	if inst != nil {
		t.knows(inst)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() {
			if p := recover(); p != nil {
				stack := make([]byte, 8<<10)
				stack = stack[:runtime.Stack(stack, false)]
				t.Logf("%s", stack)
				t.settle(verdict.HarnessError, fmt.Sprintf("the case panicked: %v", p))
			}
		}()
		defer t.cleanup(ctx)
		defer t.photograph(ctx)
		t.kase.Run(ctx, t)
	}()
	select {
	case <-over:
	case <-ctx.Done():
		t.overrun()
		select {
		case <-over:
		case <-time.After(graceLimit + CleanupLimit):
			t.settle(verdict.HarnessError, "the case did not notice that its time was over")
		}
	}
}

// knows makes what is particular to an instance, and to the case on it,
// placeholders of the case's transcript.
func (st *state) knows(inst *instance.Instance) {
	st.rec.Knows(inst.Base, func(mask *transcript.Mask, suffix string) { inst.Hide(mask, st.kase.ID, suffix) })
}

func (st *state) overrun() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.overran = true
}

// verdict is the status so far.
func (st *state) verdict() verdict.Status {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.status
}

// cleanup runs what the case registered, last first, also after a Fatalf.
func (t *T) cleanup(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.Scale(CleanupLimit))
	defer cancel()
	for {
		t.mu.Lock()
		n := len(t.cleanups)
		if n == 0 {
			t.mu.Unlock()
			return
		}
		f := t.cleanups[n-1]
		t.cleanups = t.cleanups[:n-1]
		t.mu.Unlock()
		f(ctx)
	}
}

// Fill turns what the case left behind into its result, for a clause of a level.
func (x *Execution) Fill(res *verdict.Result, level spec.Level) {
	st := x.t.state
	st.mu.Lock()
	defer st.mu.Unlock()
	res.Status, res.Reason, res.Cause = st.status, st.reason, st.cause
	switch {
	case st.status == "", st.status == verdict.Fail && level == spec.May:
		res.Status = verdict.Pass
	case st.status == verdict.Fail && level != spec.Must:
		res.Status = verdict.Warn
	}
	res.Failures, res.Notes, res.Exchanges, res.Output = st.failures, st.notes, st.rec.Exchanges(), st.output
	res.Overran, res.Screenshot = st.overran, st.screenshot
}

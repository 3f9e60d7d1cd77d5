package engine

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"strings"
	"sync"
	"time"

	"agentproof/suite/instance"
	"agentproof/suite/record"
	"agentproof/suite/verdict"
)

// A T is a case's view of the instance under test and of its own verdict. The
// methods that end the case, like those of testing.T, must be called from the
// goroutine that runs it; all others are safe for concurrent use.
type T struct {
	*state
	*place
	// given marks a view whose failures mean that the case could not be
	// arranged, rather than that its clause is broken.
	given bool
}

// state is what all views of one running case share.
type state struct {
	kase *Case
	set  *Setting
	rec  *record.Recorder
	// tries is how often the case was tried before.
	tries int

	mu       sync.Mutex     // guards the fields below
	status   verdict.Status // the gravest so far; empty is none
	reason   string
	cause    string // of the failure that is the reason
	failures []verdict.Failure
	notes    []string
	cleanups []func(context.Context)
	output   string // what the agent printed, kept for a failure
	overran  bool   // the deadline ended the case
	missed   bool   // the harness missed a window of time
	mute     string // the operation without a reply that decided the case

	screenshot []byte // what the screen showed at a failure
	// sent is where the agent's output stood at the latest request.
	sent outputMark
}

// outputMark is a place in the output of an instance.
type outputMark struct {
	inst *instance.Instance
	at   int64
}

// place is the agent that a view looks at.
type place struct {
	inst *instance.Instance
	// guarded by state.mu
	dir     string // the case's own directory there
	removed bool   // the agent says that it removed dir
}

// Given returns a view for arranging what the case needs. What fails through
// it makes the case blocked: a prerequisite failed, and the clause was not
// judged.
func (t *T) Given() *T { return &T{state: t.state, place: t.place, given: true} }

// Instance is the running agent, nil for a subject that is none. Most cases need only T's own methods.
func (t *T) Instance() *instance.Instance { return t.inst }

// Errorf records a broken expectation and goes on. want completes the
// sentence "want …", the rest says what came instead.
func (t *T) Errorf(want, format string, args ...any) {
	t.fail("", want, fmt.Sprintf(format, args...))
}

// fail is Errorf for a failure with a cause.
func (t *T) fail(cause, want, got string) {
	f := verdict.Failure{Want: clip(want), Got: clip(got), Cause: cause, At: checkedAt()}
	if t.inst != nil {
		f.Got = clip(t.inst.Stable(got))
	}
	reason := f.String()
	if t.given {
		reason = "could not arrange the case: " + reason
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sent.inst != nil {
		f.Printed = t.sent.inst.OutputSince(t.sent.at)
	}
	t.settleLocked(t.failing(), reason, cause)
	t.failures = append(t.failures, f)
}

// fatal is fail and the end of the case.
func (t *T) fatal(cause, want, got string) {
	t.fail(cause, want, got)
	runtime.Goexit()
}

// failing is the status of a case that a failure of this view decides.
func (t *T) failing() verdict.Status {
	if t.given {
		return verdict.Blocked
	}
	return verdict.Fail
}

// checkedAt is the place that made a check: outside this package, and outside
// those that call back what they are given.
func checkedAt() string {
	callers := make([]uintptr, 16)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	for {
		frame, more := frames.Next()
		pkg := frame.Function[:strings.LastIndexByte(frame.Function, '/')+1]
		name, _, _ := strings.Cut(frame.Function[len(pkg):], ".")
		_, dir, _ := strings.Cut(pkg+name, "/") // the module's own name leads nowhere
		switch dir {
		case "suite/engine", "suite/instance", "suite/wait":
			if more {
				continue
			}
		}
		return fmt.Sprintf("%s/%s:%d", dir, path.Base(frame.File), frame.Line)
	}
}

// Fatalf is Errorf and the end of the case.
func (t *T) Fatalf(want, format string, args ...any) {
	t.Errorf(want, format, args...)
	runtime.Goexit()
}

// Check is Errorf unless ok. It returns ok.
func (t *T) Check(ok bool, want, format string, args ...any) bool {
	if !ok {
		t.Errorf(want, format, args...)
	}
	return ok
}

// Untestable ends the case: the harness cannot arrange it here.
func (t *T) Untestable(format string, args ...any) {
	t.settle(verdict.Untestable, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// Missed ends an attempt whose window of time the harness missed, as it does on a
// busy machine. The case is tried again with wider windows (Window), and is
// untestable when it missed them all.
func (t *T) Missed(format string, args ...any) {
	t.mu.Lock()
	t.missed = true
	t.mu.Unlock()
	t.Untestable(format, args...)
}

// Window is a span of time that the case must act in. It doubles with every
// attempt.
func (t *T) Window(d time.Duration) time.Duration { return d << t.tries }

// NotClaimed ends the case: the subject does not offer what it judges.
func (t *T) NotClaimed(format string, args ...any) {
	t.settle(verdict.NotClaimed, fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// Harness ends the case with an error that is the harness's own.
func (t *T) Harness(err error) {
	t.settle(verdict.HarnessError, err.Error())
	runtime.Goexit()
}

// Record tells what a clause that is never judged (MAY) looked like. It
// becomes the reason of a case that passes, so it must be the same every time.
func (t *T) Record(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reason != "" {
		t.reason += "; "
	}
	t.reason += fmt.Sprintf(format, args...)
}

// Logf adds a note for people: measurements, process ids. Notes are shown with
// failures and never reach the stable report.
func (t *T) Logf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// Cleanup registers f to run when the case has ended, last registered first.
// Its context outlives the case's own.
func (t *T) Cleanup(f func(context.Context)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

// Revision is the revision of the specification that the run judges by.
func (t *T) Revision() string { return t.set.Revision }

// Scale stretches a harness limit by the run's timeout scale. Bounds that the
// specification sets are not scaled.
func (t *T) Scale(d time.Duration) time.Duration { return t.set.Scale(d) }

// settle keeps the gravest status: a broken clause outweighs a failed
// prerequisite, and the first reason of a status stays.
func (t *T) settle(s verdict.Status, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settleLocked(s, reason, "")
}

func (t *T) settleLocked(s verdict.Status, reason, cause string) {
	if s.Outweighs(t.status) {
		t.status, t.reason, t.cause, t.mute = s, reason, cause, ""
	}
}

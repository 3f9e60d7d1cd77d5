// Package doctor finds out, step by step and within seconds, why an agent
// cannot be reached, and says what to do about it. It judges no conformance.
package doctor

import (
	"context"
	"time"
)

// The limits of the steps. What is asked is answered within milliseconds; what
// is waited for has the specification's time and a little more.
const (
	dialLimit      = 2 * time.Second
	answerLimit    = 2 * time.Second
	heartbeatLimit = 6 * time.Second // one comes every 5 s
	lookLimit      = 6 * time.Second // the same, of any agent
	// connectLimit is for a program that has to start first, in a slow language.
	connectLimit   = 10 * time.Second
	subscribeLimit = 3 * time.Second
	helloLimit     = 3 * time.Second
)

// Step is one thing that was tried.
type Step struct {
	Name string `json:"step"`
	OK   bool   `json:"ok"`
	// Found is what there was, in a few words or one sentence.
	Found string `json:"found"`
	// Advice says what to do; empty when all is well.
	Advice string `json:"advice,omitempty"`
	// Output is the beginning and the end of what the agent printed, where that
	// may explain it.
	Output string `json:"output,omitempty"`
}

// Doctor examines agents. Say is required.
type Doctor struct {
	// Say is called at the end of every step.
	Say func(Step)
	// TimeoutScale stretches the time that is waited for anything; 0 means 1.
	TimeoutScale float64
}

func (d *Doctor) scale(limit time.Duration) time.Duration {
	if d.TimeoutScale <= 0 {
		return limit
	}
	return time.Duration(float64(limit) * d.TimeoutScale)
}

// exam is one examination.
type exam struct {
	*Doctor
	output func() string // what the agent printed; nil for one of somebody else
	ill    bool
}

func (e *exam) ok(name, found string) { e.Say(Step{Name: name, OK: true, Found: found}) }

func (e *exam) fail(name, found, advice string) {
	e.ill = true
	s := Step{Name: name, Found: found, Advice: advice}
	if e.output != nil {
		s.Output = e.output()
	}
	e.Say(s)
}

// within bounds ctx by a limit, stretched.
func (e *exam) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, e.scale(limit))
}

// until asks again and again, until ready says so or ctx ends.
func until(ctx context.Context, ready func() bool) bool {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !ready() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

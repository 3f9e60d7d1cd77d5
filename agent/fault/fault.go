// Package fault puts single faults into the reference agent, from outside: as
// middleware around its handler, around its raw messages, between it and its
// relay, or in what it is told. Each is a lie that a real agent could tell, and
// has a case of the conformance suite that must notice it. The packages below
// hold the faults, one an area of cases; package catalogue lists them all.
package fault

import (
	"context"
	"fmt"
	"strings"

	"agentproof/agent"
)

// A Mutant is the reference agent with one fault. It may hold state, such as
// a count of requests, and is therefore good for one run: take it from the
// catalogue anew for the next.
type Mutant struct {
	// Name says what is wrong, as a sentence's end: "the agent …".
	Name string
	// Case is the id of the case that must notice.
	Case string
	// Says is part of the reason that the case must give. It names the one
	// check that the mutant is for.
	Says string
	// Also holds globs of the other cases that may notice too. All the rest
	// must stay as they are.
	Also []string
	// Blast holds globs of the cases of other clauses that may notice too, or
	// that cannot be judged because of the fault. Only mixtures look at it.
	Blast []string
	// Touches names what the fault changes and another fault could hide, where
	// Sets does not find it out: two with a name in common are no mixture.
	Touches []string
	// Alone is set for a fault that no mixture can have: it shows only under a
	// Scale of its own, or only while all instances of the agent share its
	// state, which a program that is started again does not.
	Alone bool
	// Scale is that of the harness's limits, for what shows in nothing coming;
	// 0 means 1.
	Scale float64

	// Fault, when set, changes how the agent answers.
	Fault agent.Middleware
	// Config, when set, changes how the agent is made: what it is told, and
	// the raw messages that it takes and sends.
	Config func(*agent.Config)
	// Beside, when set, starts what the fault needs beside the agent, and
	// leads the agent to it. stop ends that after the agent.
	Beside func(*agent.Config) (stop func(), err error)
	// Quit, when set, changes how the agent is made as Config does. quit ends the
	// agent, as a crash does, although nobody told it to stop; ctx ends with it.
	Quit func(ctx context.Context, cfg *agent.Config, quit func())
	// Exit, when set, changes what the program that runs the agent makes of
	// its end: an error is exit status 1.
	Exit func(error) error
}

// New is a mutant that answers in another way than the agent does.
func New(name, id, says string, how agent.Middleware, also ...string) Mutant {
	return Mutant{Name: name, Case: id, Says: says, Fault: how, Also: also}
}

// ID names the mutant on command lines: the area of its case and what is
// wrong, as in "fence.calls-a-fenced-request-final".
func (m *Mutant) ID() string {
	area, _, _ := strings.Cut(m.Case, ".")
	return area + "." + Slug(m.Name)
}

// Clause is the id of the clause that the mutant breaks.
func (m *Mutant) Clause() string {
	clause, _, _ := strings.Cut(m.Case, "/")
	return clause
}

// Into puts the fault into an agent that is about to be made of cfg, and run with
// the context that Into returns instead of ctx. When that agent has ended, the
// caller calls end with its error and exits with what end returns.
func (m *Mutant) Into(ctx context.Context, cfg *agent.Config) (_ context.Context, end func(error) error, err error) {
	if m.Fault != nil {
		cfg.Middleware = append(cfg.Middleware, m.Fault)
	}
	if m.Config != nil {
		configure(cfg, m.Config)
	}
	ctx, quit := context.WithCancel(ctx)
	if m.Quit != nil {
		configure(cfg, func(cfg *agent.Config) { m.Quit(ctx, cfg, quit) })
	}
	stop := func() {}
	if m.Beside != nil {
		if stop, err = m.Beside(cfg); err != nil {
			quit()
			return nil, nil, fmt.Errorf("prepare the mutant %s: %w", m.ID(), err)
		}
	}
	return ctx, func(err error) error {
		quit()
		stop()
		if m.Exit != nil {
			return m.Exit(err)
		}
		return err
	}, nil
}

// configure calls a function that sets the wire as if it were alone.
func configure(cfg *agent.Config, config func(*agent.Config)) {
	wire := cfg.Wire
	cfg.Wire = agent.Wire{}
	config(cfg)
	own := cfg.Wire
	cfg.Wire = wire
	Around(cfg, own)
}

// Together puts several faults into one agent, in order: the first is closest
// to it on the wire. It is Mutant.Into for all of them.
func Together(ctx context.Context, cfg *agent.Config, mutants ...Mutant) (_ context.Context, end func(error) error, err error) {
	end = func(err error) error { return err }
	for i := range mutants {
		inner, within := end, ctx
		var next func(error) error
		if ctx, next, err = mutants[i].Into(within, cfg); err != nil {
			_ = end(nil)
			return nil, nil, err
		}
		end = func(err error) error { return inner(next(err)) }
	}
	return ctx, end, nil
}

// Slug is a sentence as one word: letters and digits in lower case, and dashes
// for what lies between.
func Slug(sentence string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(sentence) {
		switch {
		case r == '\'' || r == '’':
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		default:
			gap = true
		}
	}
	return b.String()
}

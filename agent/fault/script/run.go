package script

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Run serves cfg's machine as agent.Agent.Run does, except for what the script
// says. Where it takes the agent offline for a while, another agent follows,
// and where for good, Run waits for the end of ctx all the same.
func (s *Script) Run(ctx context.Context, cfg agent.Config) error {
	r, err := s.newRun(cfg)
	if err != nil {
		return err
	}
	for {
		away, err := r.serve(ctx, cfg)
		if err != nil || away == nil || ctx.Err() != nil {
			return err
		}
		if away.back <= 0 {
			r.log.Info("the script keeps the agent offline for good")
			<-ctx.Done()
			return nil
		}
		r.log.Info("the script keeps the agent offline", "for", away.back)
		if !pause(ctx, away.back) {
			return nil
		}
	}
}

// run is a script at work. What it counts outlasts an agent that goes offline
// and comes back.
type run struct {
	log  *slog.Logger
	root string
	gate *gate

	rules  []*rule
	mu     sync.Mutex // guards states
	states []state    // of rules
}

// state is what a run knows of one rule. The rule's chance is its own, so that
// its nth matching call always meets the same fate, whatever other rules do.
type state struct {
	calls, acts uint64
	chance      *rand.Rand
}

func (s *Script) newRun(cfg agent.Config) (*run, error) {
	root, err := filepath.Abs(cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("script: the workspace root: %w", err)
	}
	r := &run{log: cfg.Logger, root: root, gate: newGate(), rules: s.rules, states: make([]state, len(s.rules))}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	seed := s.Seed
	for seed == 0 {
		seed = uint64(rand.Uint32()) // short enough to be typed again
	}
	for i := range r.states {
		r.states[i].chance = newChance(seed, i)
	}
	if s.LeavesToChance() {
		r.log.Info("the script leaves something to chance; to repeat this run, give it the same seed", "seed", seed)
	}
	return r, nil
}

// newChance is the source of one rule's chances.
func newChance(seed uint64, rule int) *rand.Rand {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(rule))
	return rand.New(rand.NewChaCha8(key))
}

// act is what a rule does with one call, with nothing left to chance.
type act struct {
	rule *rule
	op   string
	nth  uint64 // of the rule's acts
	do   actions
}

// decide finds the first rule that acts on a request, and counts.
func (r *run) decide(req *agentv1.ControlRequest) *act {
	c := newCall(r.root, req)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, rule := range r.rules {
		if rule.matches(c) && r.states[i].strikes(rule) {
			return r.states[i].act(rule, c.op)
		}
	}
	return nil
}

// strikes counts a matching call, and tells whether the rule acts on it.
func (s *state) strikes(r *rule) bool {
	s.calls++
	if s.calls <= r.after || r.times > 0 && s.acts == r.times {
		return false
	}
	if r.probability < 1 && s.chance.Float64() >= r.probability {
		return false
	}
	s.acts++
	return true
}

func (s *state) act(r *rule, op string) *act {
	a := &act{rule: r, op: op, nth: s.acts, do: r.do}
	for _, d := range a.do.spans() {
		if d.random() {
			d.low += time.Duration(s.chance.Int64N(int64(d.high-d.low) + 1)).Truncate(time.Millisecond)
			d.high = d.low
		}
	}
	return a
}

// actKey is the key of a request's act in its context.
type actKey struct{}

func actOf(ctx context.Context) *act {
	a, _ := ctx.Value(actKey{}).(*act)
	return a
}

// leaving ends an agent that a script takes offline.
type leaving struct {
	*agent.Goodbye
	back time.Duration // until the next agent; 0 is never
}

// Unwrap makes the goodbye the cause that the agent looks for.
func (l *leaving) Unwrap() error { return l.Goodbye }

// serve runs one agent to its end. It returns how the script ended it, or nil.
func (r *run) serve(ctx context.Context, cfg agent.Config) (*leaving, error) {
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	p := &presence{run: r, leave: leave}
	a, err := agent.New(p.into(cfg))
	if err != nil {
		return nil, err
	}
	p.agent = a
	err = a.Run(ctx)
	p.later.Wait() // they end with the agent's operations
	l, _ := errors.AsType[*leaving](context.Cause(ctx))
	return l, err
}

// into puts the script between the agent and everything else that cfg holds.
func (p *presence) into(cfg agent.Config) agent.Config {
	arrival, replies := cfg.Arrival, cfg.Replies
	cfg.Arrival = func(ctx context.Context, req *agentv1.ControlRequest) context.Context {
		if arrival != nil {
			ctx = arrival(ctx, req)
		}
		if a := p.run.decide(req); a != nil {
			ctx = context.WithValue(ctx, actKey{}, a)
		}
		return ctx
	}
	cfg.Middleware = append([]agent.Middleware{p.handle}, cfg.Middleware...)
	cfg.Replies = func(next agent.ReplyFunc) agent.ReplyFunc {
		if replies != nil {
			next = replies(next)
		}
		return p.reply(next)
	}
	cfg.NATSOptions = append(slices.Clip(cfg.NATSOptions), p.run.gate.option)
	return cfg
}

// pause waits, and tells whether ctx let it.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

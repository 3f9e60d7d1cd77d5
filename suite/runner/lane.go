package runner

import (
	"context"

	"agentproof/suite/engine"
	"agentproof/suite/instance"
	"agentproof/suite/wire"
)

// laneCases is how many cases a lane runs at most. Starting an agent costs more
// than most cases, and what one leaves behind in an agent meets no more than these.
const laneCases = 12

// fewestLanes keep many processors busy with few cases. The number depends on no
// machine, since the verdicts on some agents depend on it.
const fewestLanes = 16

// pingLimit is how long an instance may take to answer after a case. It is
// short: what answers later is replaced, and the loss is nobody's.
const pingLimit = wire.OpLimit / 10

// A lane runs cases one after the other, each on the instance that the one before
// it left clean. Which cases meet on an instance is thus the same in every run,
// whatever the machine does: an agent that one case puts into another state gets
// the same verdicts again.
type lane struct {
	pool    *pool
	display bool
	inst    *instance.Instance // nil while there is none
}

// lane makes a lane, whose owner closes it.
func (p *pool) lane(display bool) *lane { return &lane{pool: p, display: display} }

// lanes deals cases out, those of one clause to different lanes: they take about
// as long.
func lanes(cases []*engine.Case) [][]*engine.Case {
	n := max((len(cases)+laneCases-1)/laneCases, min(len(cases), fewestLanes))
	dealt := make([][]*engine.Case, n)
	for i, c := range cases {
		dealt[i%len(dealt)] = append(dealt[i%len(dealt)], c)
	}
	return dealt
}

// take hands out a ready instance that nobody else has until it is given back.
func (l *lane) take(ctx context.Context) (*instance.Instance, error) {
	if l.pool.lone != nil {
		select {
		case inst := <-l.pool.lone:
			return inst, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if inst := l.inst; inst != nil {
		l.inst = nil
		return inst, nil
	}
	if inst := l.pool.firstOf(l.display); inst != nil {
		return inst, nil
	}
	return l.pool.fresh(ctx, l.display)
}

// give takes an instance back from a case that left it clean or not. The next
// case gets it only if it is clean and answers.
func (l *lane) give(ctx context.Context, inst *instance.Instance, clean bool) {
	switch {
	case l.pool.lone != nil:
		l.pool.lone <- inst // there is no other
	case !clean || inst.Ended() || inst.Ping(context.WithoutCancel(ctx), l.pool.set.Scale(pingLimit)) != nil:
		l.pool.discard(ctx, inst)
	default:
		l.inst = inst
	}
}

func (l *lane) close(ctx context.Context) {
	if l.inst != nil {
		l.pool.discard(ctx, l.inst)
		l.inst = nil
	}
}

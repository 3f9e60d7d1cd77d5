package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/instance"
	"agentproof/suite/wire"
)

const (
	// failedStarts is after how many failed starts in a row no more are tried:
	// each may take as long as an agent may need to become ready.
	failedStarts = 3
	// discardLimit is how long an instance that is no longer needed may take to
	// stop before it is killed. No case judges that stop.
	discardLimit = 5 * time.Second
)

// pool runs the instances that cases take, one case at a time on each. It is
// safe for concurrent use.
type pool struct {
	set *engine.Setting
	// lone holds the attached agent while no case has it; nil for a subject
	// that is started.
	lone chan *instance.Instance
	// single is set where no two agents may run at once.
	single bool
	slots  chan struct{}  // one for each start in progress
	ends   sync.WaitGroup // instances that are being stopped

	mu     sync.Mutex // guards the fields below
	idle   map[bool][]*instance.Instance
	failed map[bool]int // starts that failed since the last one that did not
}

func newPool(set *engine.Setting, single bool) *pool {
	p := &pool{
		set: set, single: single, idle: make(map[bool][]*instance.Instance), failed: make(map[bool]int),
		// Starting is work, unlike most cases: more at once take as long.
		slots: make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
	}
	if set.Subject.Attached != nil {
		p.lone = make(chan *instance.Instance, 1)
	}
	return p
}

// open makes the first instances ready, the second with a display where one is
// wanted, and returns what they said in their Hello; nil where none was seen. An
// agent whose first instance is not ready cannot be judged.
func (p *pool) open(ctx context.Context, display bool) (plain, screen *agentv1.Hello, err error) {
	if p.lone != nil {
		inst, err := instance.Attach(ctx, &p.set.Config)
		if err != nil {
			return nil, nil, err
		}
		p.lone <- inst
		return inst.Hello(), inst.Hello(), nil
	}
	first, err := p.take(ctx, false)
	if err != nil {
		return nil, nil, err
	}
	p.keep(first, false)
	if !display {
		return first.Hello(), nil, nil
	}
	second, err := p.take(ctx, true)
	if err != nil {
		return first.Hello(), first.Hello(), nil // the cases that need it say what is wrong
	}
	p.keep(second, true)
	return first.Hello(), second.Hello(), nil
}

// take hands out a ready instance that nobody else has until it is given back.
func (p *pool) take(ctx context.Context, display bool) (*instance.Instance, error) {
	if p.lone != nil {
		select {
		case inst := <-p.lone:
			return inst, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	p.mu.Lock()
	if n := len(p.idle[display]); n > 0 {
		inst := p.idle[display][n-1]
		p.idle[display] = p.idle[display][:n-1]
		p.mu.Unlock()
		return inst, nil
	}
	failed := p.failed[display]
	other := p.idle[!display]
	if p.single {
		p.idle[!display] = nil
	}
	p.mu.Unlock()
	if p.single {
		for _, inst := range other {
			p.discard(ctx, inst)
		}
	}
	if failed >= failedStarts {
		return nil, fmt.Errorf("the agent did not start %d times in a row", failed)
	}
	inst, err := p.start(ctx, &instance.Launch{Display: display}, nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.failed[display] = 0
	case ctx.Err() == nil:
		p.failed[display]++
	}
	return inst, err
}

// start starts an instance, which the caller discards. heard may be nil.
func (p *pool) start(ctx context.Context, l *instance.Launch, heard instance.Heard) (*instance.Instance, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-p.slots }()
	return instance.Start(ctx, &p.set.Config, l, heard)
}

// give takes an instance back from a case that left it clean or not. A later
// case gets it only if it is clean and answers.
func (p *pool) give(ctx context.Context, inst *instance.Instance, display, clean bool) {
	if p.lone != nil {
		p.lone <- inst // there is no other
		return
	}
	if !clean || inst.Ended() || inst.Ping(context.WithoutCancel(ctx), p.set.Scale(pingLimit)) != nil {
		p.discard(ctx, inst)
		return
	}
	p.keep(inst, display)
}

// pingLimit is how long an instance may take to answer after a case. It is
// short: what answers later is replaced, and the loss is nobody's.
const pingLimit = wire.OpLimit / 10

func (p *pool) keep(inst *instance.Instance, display bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle[display] = append(p.idle[display], inst)
}

// discard stops an instance while the run goes on.
func (p *pool) discard(ctx context.Context, inst *instance.Instance) {
	ctx = context.WithoutCancel(ctx)
	if p.single {
		defer p.ends.Wait()
	}
	p.ends.Go(func() {
		if inst.Process != nil && !inst.Ended() && inst.Process.Signal(os.Interrupt) == nil {
			limit, cancel := context.WithTimeout(ctx, p.set.Scale(discardLimit))
			_, err := inst.AwaitExit(limit)
			cancel()
			if errors.Is(err, context.DeadlineExceeded) {
				_ = inst.Process.Kill()
			}
		}
		inst.Stop(ctx)
	})
}

// close stops all instances. No case has one any more.
func (p *pool) close(ctx context.Context) {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, instances := range idle {
		for _, inst := range instances {
			p.discard(ctx, inst)
		}
	}
	if p.lone != nil {
		select {
		case inst := <-p.lone:
			p.discard(ctx, inst)
		default: // it was never attached
		}
	}
	p.ends.Wait()
}

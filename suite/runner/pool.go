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
)

const (
	// failedStarts is after how many failed starts in a row no more are tried:
	// each may take as long as an agent may need to become ready.
	failedStarts = 3
	// discardLimit is how long an instance that is no longer needed may take to
	// stop before it is killed. No case judges that stop.
	discardLimit = 5 * time.Second
)

// pool starts and stops the instances of a run. It is safe for concurrent use.
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
	opened map[bool]*instance.Instance
	failed map[bool]int // starts that failed since the last one that did not
}

func newPool(set *engine.Setting, single bool) *pool {
	p := &pool{
		set: set, single: single, opened: make(map[bool]*instance.Instance), failed: make(map[bool]int),
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
	first, err := p.begin(ctx, false)
	if err != nil {
		return nil, nil, err
	}
	if !display {
		return first.Hello(), nil, nil
	}
	second, err := p.begin(ctx, true)
	if err != nil {
		return first.Hello(), first.Hello(), nil // the cases that need it say what is wrong
	}
	return first.Hello(), second.Hello(), nil
}

// begin starts an instance, which the first lane that needs one takes.
func (p *pool) begin(ctx context.Context, display bool) (*instance.Instance, error) {
	inst, err := p.fresh(ctx, display)
	if err != nil {
		return nil, err
	}
	if p.single {
		p.discard(ctx, inst)
		return inst, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened[display] = inst
	return inst, nil
}

// firstOf returns what open made ready, to the first that asks.
func (p *pool) firstOf(display bool) *instance.Instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	inst := p.opened[display]
	delete(p.opened, display)
	return inst
}

// fresh starts an instance without a wish of its own.
func (p *pool) fresh(ctx context.Context, display bool) (*instance.Instance, error) {
	p.mu.Lock()
	failed := p.failed[display]
	p.mu.Unlock()
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
	for _, display := range []bool{false, true} {
		if inst := p.firstOf(display); inst != nil {
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

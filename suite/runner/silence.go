package runner

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"agentproof/docs/spec"
	"agentproof/suite/engine"
	"agentproof/suite/instance"
	"agentproof/suite/verdict"
	"agentproof/suite/wire"
)

// silence knows the operations that the agent does not answer at all. Every case
// that needs one would wait for its whole limit; instead the first such case
// fails, and the others are blocked by it. It is safe for concurrent use.
type silence struct {
	mu     sync.Mutex // guards the field below
	probes map[string]*probe
}

// probe is the finding about one operation.
type probe struct {
	once sync.Once
	done chan struct{} // closed when silent is set
	mute bool
}

// probesAtOnce is how many samples of an operation must go unanswered.
const probesAtOnce = 3

func (s *silence) of(op string) *probe {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probes == nil {
		s.probes = make(map[string]*probe)
	}
	if s.probes[op] == nil {
		s.probes[op] = &probe{done: make(chan struct{})}
	}
	return s.probes[op]
}

// Known reports whether the operation is known to get no reply.
func (s *silence) Known(op string) bool {
	p := s.of(op)
	select {
	case <-p.done:
		return p.mute
	default:
		return false
	}
}

// suspect finds out whether an operation that a case got no reply to is answered
// at all, once in a run: by samples on a fresh instance, which no case has put
// into a state of its own. An attached agent has no fresh instance and is not
// asked.
func (r *runner) suspect(ctx context.Context, op string) {
	if r.pool.lone != nil {
		return
	}
	p := r.silent.of(op)
	p.once.Do(func() {
		defer close(p.done)
		inst, err := r.pool.start(ctx, &instance.Launch{Display: strings.HasPrefix(op, "desktop_")}, nil)
		if err != nil {
			return
		}
		defer r.pool.discard(ctx, inst)
		p.mute = r.unanswered(ctx, inst, op)
	})
	<-p.done
}

// unanswered reports whether no sample of an operation gets a reply in time.
func (r *runner) unanswered(ctx context.Context, inst *instance.Instance, op string) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan bool, probesAtOnce)
	var wg sync.WaitGroup
	for range probesAtOnce {
		req := engine.Sample(op)
		if req == nil {
			return false
		}
		req.RequestId = uuid.NewString()
		payload, err := proto.Marshal(req)
		if err != nil {
			return false
		}
		reply, err := inst.Send(payload, nil, nil)
		if err != nil {
			return false
		}
		wg.Go(func() {
			_, err := wire.Await(ctx, reply, r.set.Scale(wire.OpLimit))
			if err == nil {
				cancel() // one is enough
			}
			answers <- err == nil
		})
	}
	wg.Wait()
	close(answers)
	for answered := range answers {
		if answered {
			return false
		}
	}
	return ctx.Err() == nil
}

// judgeSilence leaves one failure for each operation that gets no reply.
func (r *runner) judgeSilence() {
	byOp := make(map[string][]*verdict.Result)
	for id, op := range r.mute {
		if r.silent.Known(op) {
			byOp[op] = append(byOp[op], r.results[id])
		}
	}
	for op, results := range byOp {
		first := slices.MinFunc(results, func(a, b *verdict.Result) int {
			return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.ID, b.ID))
		})
		for _, res := range results {
			res.Cause = op
			if res != first {
				res.Status = verdict.Blocked
				res.Reason = "the agent does not reply to " + op + " (first failed in " + first.ID + ")"
				continue
			}
			res.Reason = engine.NoReply(op).String()
			if res.Status = verdict.Warn; res.Level == spec.Must {
				res.Status = verdict.Fail
			}
		}
	}
}

// rank orders the cases that could fail for an operation without a reply: first
// those that are about it, and a MUST before others.
func rank(res *verdict.Result) int {
	n := 0
	if res.Status == verdict.Blocked {
		n += 2
	}
	if res.Level != spec.Must {
		n++
	}
	return n
}

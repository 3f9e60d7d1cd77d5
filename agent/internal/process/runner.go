package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	// outputGrace is how long a reply waits for the output of processes that
	// outlive their command: enough for the tail of a process substitution,
	// and far from the second that exec.background allows.
	outputGrace = 250 * time.Millisecond

	// killGrace is how long a reply waits for a killed tree to be gone. A
	// process that does not die of SIGKILL, in an uninterruptible sleep or
	// because it is another user's, must not make the reply late
	// (exec.timeout allows 1 s).
	killGrace = 500 * time.Millisecond

	// killLimit bounds the whole hunt for a tree; what survives it is beyond
	// this process's means, and logged.
	killLimit = 5 * time.Second

	// maxHeldPipes bounds the pipes that are drained for processes which
	// outlived their command.
	maxHeldPipes = 512
)

// Options tune a Runner. The zero value is ready to use.
type Options struct {
	// MaxOutput is the bound for commands that name none, in bytes; 0 means
	// DefaultMaxOutput.
	MaxOutput int64
	// AdoptOrphans makes this process the parent of its orphaned descendants,
	// so that none of them escapes a kill and none stays a zombie. It changes
	// the whole process and reaps children that nobody waits for: set it only
	// in a program that is dedicated to the agent. Linux only, elsewhere it
	// does nothing.
	AdoptOrphans bool
	// Logger receives what happens beside the results; nil discards it.
	Logger *slog.Logger
}

// A Runner runs commands. It is safe for concurrent use; Close ends it.
type Runner struct {
	opts   Options
	id     string // marks the commands of this runner
	last   atomic.Uint64
	census census
	held   heldPipes

	ctx    context.Context // ends the runner's own goroutines
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex // guards the fields below
	closed   bool
	leaders  map[int]int // commands by pid that are not reaped yet: theirs to reap
	starting int         // commands whose pid is not known yet
	restore  func()      // undoes AdoptOrphans
}

// NewRunner returns a Runner that is ready to run commands.
func NewRunner(opts Options) (*Runner, error) {
	if opts.MaxOutput <= 0 {
		opts.MaxOutput = DefaultMaxOutput
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Runner{
		opts:    opts,
		id:      uuid.NewString(),
		census:  census{list: listProcesses},
		held:    heldPipes{limit: maxHeldPipes},
		leaders: make(map[int]int),
		restore: func() {},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if opts.AdoptOrphans {
		if err := r.adoptOrphans(); err != nil {
			r.cancel()
			return nil, fmt.Errorf("adopt orphaned processes: %w", err)
		}
	}
	return r, nil
}

// Run starts c and waits for its end. A non-zero status, a death by signal and
// a timeout are results. An error is an *operr.Error if the command could not
// be started, or the cause of ctx if that ended first: then the command and
// its tree were killed.
func (r *Runner) Run(ctx context.Context, c Command) (Result, error) {
	leave, err := r.enter()
	if err != nil {
		return Result{}, err
	}
	defer leave()
	p, err := r.start(ctx, c)
	if err != nil {
		return Result{}, err
	}
	defer p.stopInput()

	var res Result
	if err = p.await(ctx, c.Timeout); err == nil {
		res.ExitCode = r.reap(p)
	} else {
		r.end(p)
		res.ExitCode = -1
	}
	if errors.Is(err, errTimeout) {
		res.TimedOut, err = true, nil
	}
	res.Duration = p.lifetime()
	res.Stdout, res.Stderr, res.OutputBytes, res.Overflow = p.output.collect(&r.held)
	return res, err
}

// end kills the tree of p and waits a bounded time for it to be gone; the hunt
// itself goes on without the caller if it must.
func (r *Runner) end(p *running) {
	gone := make(chan struct{})
	r.wg.Go(func() {
		// Not the runner's context: Close waits for hunts, it does not end them.
		ctx, cancel := context.WithTimeout(context.Background(), killLimit)
		defer cancel()
		left := r.killTree(ctx, tree{leader: p.proc.Pid, marked: func(m string) bool { return m == p.mark }})
		if left > 0 {
			r.opts.Logger.Warn("processes survived their command", "command", p.mark, "processes", left)
		}
		close(gone)
		// Only now: while the leader is a zombie, its pid names nothing else.
		<-p.exited
		r.reap(p)
	})
	limit := time.NewTimer(killGrace)
	defer limit.Stop()
	for _, done := range []<-chan struct{}{gone, p.exited} {
		select {
		case <-done:
		case <-limit.C:
			return
		}
	}
}

// enter keeps Close from returning until leave is called. A closed runner
// starts nothing.
func (r *Runner) enter() (leave func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, operr.New(agentv1.ErrorCode_ERROR_CODE_DRAINING, "the agent is stopping and runs no new command")
	}
	r.wg.Add(1)
	return r.wg.Done, nil
}

// launch starts the process of a command. On a busy machine that process may be
// dead before its pid is known here, and must not be reaped by anybody else.
func (r *Runner) launch(p *running, start func() (*os.Process, error)) error {
	defer r.beginStart()()
	proc, err := start()
	if err != nil {
		return err
	}
	p.proc = proc
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaders[proc.Pid]++
	return nil
}

// beginStart keeps dead children from being reaped until end is called.
func (r *Runner) beginStart() (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starting++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.starting--
	}
}

// reap collects the status of a command that has exited. It is forgotten only
// then, when its pid may already be another command's.
func (r *Runner) reap(p *running) int {
	code := p.reap()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leaders[p.proc.Pid]--; r.leaders[p.proc.Pid] == 0 {
		delete(r.leaders, p.proc.Pid)
	}
	return code
}

// leads reports whether pid is, or may be, a command of this runner that is not
// reaped yet.
func (r *Runner) leads(pid int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.starting > 0 || r.leaders[pid] > 0
}

// Close kills whatever commands of this runner have left behind and gives back
// what the runner holds. Commands that still run are the caller's to cancel
// first. Close returns when nothing is left or ctx ends.
func (r *Runner) Close(ctx context.Context) error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	r.mu.Unlock()

	ours := func(m string) bool { return strings.HasPrefix(m, r.id+".") }
	if left := r.killTree(ctx, tree{marked: ours}); left > 0 {
		r.opts.Logger.Warn("processes survived the agent", "processes", left)
	}
	r.cancel()
	r.held.close()
	done := make(chan struct{})
	go func() {
		r.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		r.restore()
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for killed processes: %w", context.Cause(ctx))
	}
}

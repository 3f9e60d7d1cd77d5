package subject

import (
	"context"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// InProcess is an agent that run serves inside this process until its context
// ends. run returns nil after a goodbye; its error is exit status 1.
func InProcess(name string, run func(ctx context.Context, env Environment) error) Subject {
	return Subject{
		Name: name,
		Start: func(ctx context.Context, env Environment) (Process, error) {
			ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
			p := &goroutine{cancel: cancel, done: make(chan struct{})}
			go func() {
				defer close(p.done)
				defer cancel()
				if err := run(ctx, env); err != nil {
					p.code.Store(1)
					_, _ = io.WriteString(env.Output, err.Error()+"\n")
				}
			}()
			return p, nil
		},
	}
}

// goroutine is an agent inside this process. What a signal does to a process,
// the end of the context does to it.
type goroutine struct {
	cancel context.CancelFunc
	done   chan struct{}
	code   atomic.Int32
	once   sync.Once
}

func (p *goroutine) Signal(os.Signal) error { p.once.Do(p.cancel); return nil }
func (p *goroutine) Kill() error            { p.once.Do(p.cancel); return nil }
func (p *goroutine) Done() <-chan struct{}  { return p.done }
func (p *goroutine) ExitCode() int          { return int(p.code.Load()) }

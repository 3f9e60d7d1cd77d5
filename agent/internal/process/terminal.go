package process

import (
	"context"
	"os"
	"sync"
	"time"
)

// hangupGrace is how long a process has to leave after the hangup of its
// terminal: shells write their history then. With the kill after it, the child
// is gone within the 2 s of pty.close.
const hangupGrace = 800 * time.Millisecond

// A Terminal is a command that leads a session on a terminal of its own.
type Terminal struct {
	runner *Runner
	p      *running
	hangup func() // once: closes kill
	kill   chan struct{}
	done   chan struct{}
	code   int // final once done is closed
}

// StartTerminal starts c with tty as its standard streams and its controlling
// terminal. Stdin, Timeout and MaxOutput of c are not used. tty stays the
// caller's to close. Errors are those of Run; on systems without such
// terminals one wraps errors.ErrUnsupported.
func (r *Runner) StartTerminal(ctx context.Context, c Command, tty *os.File) (*Terminal, error) {
	if err := admit(ctx, c); err != nil {
		return nil, err
	}
	leave, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	attr, err := onTerminal()
	if err != nil {
		return nil, err
	}
	p := r.newRunning()
	p.started = time.Now()
	err = r.launch(p, func() (*os.Process, error) {
		return startProcess(ctx, c, withMark(c.Env, p.mark), []*os.File{tty, tty, tty}, attr)
	})
	if err != nil {
		return nil, startError(c, err)
	}
	t := &Terminal{runner: r, p: p, kill: make(chan struct{}), done: make(chan struct{})}
	t.hangup = sync.OnceFunc(func() { close(t.kill) })
	p.watch()
	r.wg.Go(t.run)
	return t, nil
}

// run collects the end of the command, or brings it about.
func (t *Terminal) run() {
	defer close(t.done)
	select {
	case <-t.p.exited:
		if t.code = t.runner.reap(t.p); t.code < 0 {
			t.code = signalStatus(t.p.state)
		}
		return
	case <-t.kill:
	}
	t.code = -1
	hangUp(t.p.proc.Pid)
	limit := time.NewTimer(hangupGrace)
	defer limit.Stop()
	select {
	case <-t.p.exited:
	case <-limit.C:
	}
	t.runner.end(t.p)
}

// End hangs the terminal up and kills what is left of its process tree soon
// after. It does not wait; see Done.
func (t *Terminal) End() { t.hangup() }

// Done is closed when the command has ended, or its tree was killed.
func (t *Terminal) Done() <-chan struct{} { return t.done }

// ExitCode is the command's status once Done is closed: 128 and the signal's
// number, as a shell says it, if a signal ended it, and -1 if End did.
func (t *Terminal) ExitCode() int { return t.code }

package pty

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"agentproof/agent/internal/operr"
	"agentproof/agent/internal/process"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream/producer"
)

const (
	// readSize is how much output is taken at once. The kernel hands over
	// some 4 KiB a wakeup; what has gathered meanwhile rides along.
	readSize = 64 << 10

	// What the child wrote is in the kernel when it ends, and comes as fast as
	// it is read. Only where somebody else keeps the terminal open is there no
	// end to read up to: then reading stops when nothing came for drainIdle,
	// or when it has waited for drainWait in all.
	drainIdle = 250 * time.Millisecond
	drainWait = time.Second

	// flushLimit bounds how long the end of a terminal waits for a viewer, and
	// then for a relay, to take the last output.
	flushLimit = 10 * time.Minute

	// endLimit is the same for a terminal that somebody ended, for whom its
	// last output matters little.
	endLimit = time.Second
)

// terminal is one open terminal. run owns the master's reading side.
type terminal struct {
	tty  *master
	proc *process.Terminal
	out  *producer.Producer

	ending chan struct{} // closed when somebody ends the terminal
	end    func()        // closes ending, once

	writing sync.Mutex      // one writer of the master at a time
	life    context.Context // of the child, as its input sees it
	died    context.CancelFunc
}

// start runs cmd on a new terminal.
func start(ctx context.Context, procs *process.Runner, cmd process.Command, sz size, out *producer.Producer) (*terminal, error) {
	tty, slave, err := openMaster(sz)
	if err != nil {
		return nil, operr.System("open a terminal", err)
	}
	proc, err := procs.StartTerminal(ctx, cmd, slave)
	if err != nil {
		_ = slave.Close()
		_ = tty.Close()
		return nil, err
	}
	tty.started(slave)
	t := &terminal{tty: tty, proc: proc, out: out, ending: make(chan struct{})}
	t.end = sync.OnceFunc(func() { close(t.ending) })
	t.life, t.died = context.WithCancel(context.Background())
	return t, nil
}

// abandon closes a channel on which nothing was started.
func abandon(out *producer.Producer) {
	ctx, cancel := context.WithTimeout(context.Background(), endLimit)
	defer cancel()
	_ = out.Close(ctx, agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, "the command did not start")
}

// run serves the terminal until it is over: output to the viewer, input from
// it, and in the end the last output, then StreamClose (pty.exit).
func (t *terminal) run() {
	pumped := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { t.out.TakeInputs(t.typeAtOnce, t.typeInput) })
	wg.Go(func() { t.watch(pumped) })
	t.pump()
	close(pumped)
	<-t.proc.Done()
	t.flush(flushLimit)
	_ = t.tty.Close()
	wg.Wait()
}

// pump sends what the child writes. A viewer that does not read stops it, and
// with it the child, when the queues between them are full.
func (t *terminal) pump() {
	buf := make([]byte, readSize)
	for {
		n, err := t.tty.read(buf)
		if n > 0 {
			if _, err := t.out.Write(buf[:n]); err != nil {
				return // the channel is over, and watch ends the child
			}
		}
		if err != nil {
			return
		}
	}
}

// watch ends the command when somebody ends the terminal: a close, or the
// viewer's side (stream.close-ends-terminal). It lets go of whoever waits for
// a child that has ended: writers, and a pump whose viewer reads no more.
func (t *terminal) watch(pumped <-chan struct{}) {
	limit := flushLimit
	select {
	case <-t.proc.Done():
	case <-t.ending:
		limit = endLimit
	case <-t.out.Done():
		limit = endLimit
	}
	if limit == endLimit {
		t.proc.End()
		<-t.proc.Done()
	}
	t.died()
	t.tty.drain()
	if !t.awaitPump(pumped, limit) {
		t.flush(endLimit)
	}
}

// awaitPump waits for the pump within the limit, or endLimit once somebody
// ends the terminal.
func (t *terminal) awaitPump(pumped <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-pumped:
		return true
	case <-timer.C:
		return false
	case <-t.ending:
	}
	timer.Reset(min(limit, endLimit))
	select {
	case <-pumped:
		return true
	case <-timer.C:
		return false
	}
}

// flush sends what is queued, then StreamClose. Once somebody ends the
// terminal, only for a moment more.
func (t *terminal) flush(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = t.out.Close(ctx, agentv1.StreamCloseReason_STREAM_CLOSE_REASON_PROCESS_EXIT, "the terminal's process has ended")
	}()
	select {
	case <-closed:
		return
	case <-t.ending:
	}
	select {
	case <-closed:
	case <-time.After(endLimit):
		cancel()
		<-closed
	}
}

// typeAtOnce writes as much of what the viewer types as the terminal takes
// without waiting.
func (t *terminal) typeAtOnce(in producer.Input) (rest producer.Input, done bool) {
	if !t.writing.TryLock() {
		return in, false
	}
	defer t.writing.Unlock()
	n := t.tty.writeSome(in.Data)
	return producer.Input{Data: in.Data[n:]}, n == len(in.Data)
}

// typeInput writes what the viewer types, without judging it
// (stream.input.any-seq). What a child that has ended does not take is lost.
func (t *terminal) typeInput(in producer.Input) {
	if len(in.Data) > 0 {
		_, _ = t.write(context.Background(), in.Data)
	}
}

// write types data. It blocks while the terminal takes no more, until ctx or
// the child ends.
func (t *terminal) write(ctx context.Context, data []byte) (int, error) {
	t.writing.Lock()
	defer t.writing.Unlock()
	interrupted := make(chan struct{})
	interrupt := func() {
		t.tty.interruptWrite()
		close(interrupted)
	}
	either, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.life, cancel)()
	stop := context.AfterFunc(either, interrupt)
	n, err := t.tty.Write(data)
	if !stop() {
		<-interrupted // or else its deadline would be the next writer's
		t.tty.resumeWrite()
	}
	switch {
	case err == nil:
		return n, nil
	case ctx.Err() != nil:
		return n, context.Cause(ctx)
	default:
		return n, t.failed("write to the terminal", err)
	}
}

func (t *terminal) resize(sz size) error {
	if err := t.tty.resize(sz); err != nil {
		return t.failed("resize the terminal", err)
	}
	return nil
}

// failed is the error of an operation that may have come too late.
func (t *terminal) failed(what string, err error) error {
	if t.over() || errors.Is(err, os.ErrClosed) {
		return operr.New(agentv1.ErrorCode_ERROR_CODE_NOT_FOUND, "%s: it has ended", what)
	}
	return operr.System(what, err)
}

// close ends the terminal and returns its exit code: -1, or that of a child
// that had ended by itself (pty.close). Nobody waits for the output of a
// terminal that was closed, also when its child had ended.
func (t *terminal) close(ctx context.Context) int {
	over := t.over()
	t.end()
	if over {
		return t.exitCode()
	}
	select {
	case <-t.proc.Done():
		return t.exitCode()
	case <-ctx.Done():
		return -1
	}
}

// over tells whether the child has ended.
func (t *terminal) over() bool {
	select {
	case <-t.proc.Done():
		return true
	default:
		return false
	}
}

func (t *terminal) exitCode() int { return t.proc.ExitCode() }

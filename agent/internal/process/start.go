package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// markName is the environment variable by which descendants of a command are
// found. Its value lists one mark for every agent around the process, so that
// an agent that runs under another one's command takes nothing away from it.
const markName = "AGENTPROOF_COMMAND_ID"

// running is a started command.
type running struct {
	proc    *os.Process
	mark    string
	output  *output
	started time.Time
	exited  chan struct{} // closed when the command itself ended
	// stopInput gives up on input that nobody read.
	stopInput func()
	// watch has a goroutine wait for the end.
	watch func()

	// Written before exited is closed.
	ended time.Time
	state *os.ProcessState // nil while the status is still to be collected
}

// start runs c without waiting for it.
func (r *Runner) start(ctx context.Context, c Command) (*running, error) {
	if err := admit(ctx, c); err != nil {
		return nil, err
	}
	p := r.newRunning()
	limit := c.MaxOutput
	if limit <= 0 {
		limit = r.opts.MaxOutput
	}
	pipes, err := openPipes(len(c.Stdin) > 0)
	if err != nil {
		return nil, operr.System("open pipes for "+c.Argv[0], err)
	}
	p.started = time.Now()
	err = r.launch(p, func() (*os.Process, error) {
		return startProcess(ctx, c, withMark(c.Env, p.mark), pipes.child[:], ownSession())
	})
	pipes.closeChildEnds()
	if err != nil {
		pipes.closeOwnEnds()
		return nil, startError(c, err)
	}
	p.output = newOutput(limit, pipes.stdout, pipes.stderr)
	p.stopInput = feed(pipes.stdin, c.Stdin)
	return p, nil
}

// admit refuses what cannot be started at all.
func admit(ctx context.Context, c Command) error {
	if len(c.Argv) == 0 {
		return operr.New(agentv1.ErrorCode_ERROR_CODE_OS, "no command to run")
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (r *Runner) newRunning() *running {
	p := &running{
		mark:   r.id + "." + strconv.FormatUint(r.last.Add(1), 10),
		exited: make(chan struct{}),
	}
	p.watch = sync.OnceFunc(func() { r.wg.Go(p.wait) })
	return p
}

// wait waits for the end of the command, however long that takes.
func (p *running) wait() {
	p.state = awaitExit(p.proc)
	p.hasEnded()
}

// hasEnded notes that the command has ended just now.
func (p *running) hasEnded() {
	p.ended = time.Now()
	close(p.exited)
}

// reap collects the status of a command that has exited; a death by signal is
// -1.
func (p *running) reap() int {
	if p.state == nil {
		state, err := p.proc.Wait()
		if err != nil {
			return -1
		}
		p.state = state
	}
	return p.state.ExitCode()
}

func (p *running) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// lifetime is how long the command ran, up to now if it still does.
func (p *running) lifetime() time.Duration {
	if !p.hasExited() {
		return time.Since(p.started)
	}
	return p.ended.Sub(p.started)
}

// feed writes data to w in the background and closes it. The returned function
// gives up on what nobody read and waits for the writer.
func feed(w *os.File, data []byte) (stop func()) {
	if w == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// A command need not read its input: a broken pipe is no failure.
		_, _ = w.Write(data)
		_ = w.Close()
	}()
	return func() {
		_ = w.Close()
		<-done
	}
}

// startProcess looks the program up and starts it. A file that some other
// process still holds open for writing, as happens to a script that was just
// written while a process was being forked, is tried again for a short while.
func startProcess(ctx context.Context, c Command, env []string, files []*os.File, sys *syscall.SysProcAttr) (*os.Process, error) {
	path, err := lookPath(c.Argv[0], c.Dir, env)
	if err != nil {
		return nil, err
	}
	attr := &os.ProcAttr{Dir: c.Dir, Env: env, Files: files, Sys: sys}
	const patience = time.Second
	for begin, pause := time.Now(), time.Millisecond; ; pause *= 2 {
		proc, err := os.StartProcess(path, c.Argv, attr)
		if err == nil || !isTextBusy(err) || time.Since(begin) > patience {
			return proc, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// startError blames the working directory or the program: the kernel gives the
// same errno for either.
func startError(c Command, err error) error {
	if dirErr := checkDir(c.Dir); dirErr != nil {
		return operr.System("change to directory "+c.Dir, dirErr)
	}
	var op *operr.Error
	if errors.As(err, &op) || errors.Is(err, context.Canceled) {
		return err
	}
	return operr.System("run "+c.Argv[0], err)
}

// withMark returns env with mark added to the marks that it has.
func withMark(env []string, mark string) []string {
	out := make([]string, 0, len(env)+1)
	marks := mark
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, markName+"="); ok {
			marks = v + "," + mark
			continue
		}
		out = append(out, kv)
	}
	return append(out, markName+"="+marks)
}

// pipes are the files of one command.
type pipes struct {
	child          [3]*os.File
	stdin          *os.File // this process's end, nil without input
	stdout, stderr source
}

func openPipes(withInput bool) (*pipes, error) {
	p := new(pipes)
	err := p.open(withInput)
	if err != nil {
		p.closeChildEnds()
		p.closeOwnEnds()
		return nil, err
	}
	return p, nil
}

func (p *pipes) open(withInput bool) (err error) {
	if withInput {
		p.child[0], p.stdin, err = os.Pipe()
	} else {
		p.child[0], err = os.Open(os.DevNull)
	}
	if err != nil {
		return fmt.Errorf("open standard input: %w", err)
	}
	if p.stdout, p.child[1], err = outputPipe(); err != nil {
		return fmt.Errorf("open standard output: %w", err)
	}
	if p.stderr, p.child[2], err = outputPipe(); err != nil {
		return fmt.Errorf("open standard error: %w", err)
	}
	return nil
}

func (p *pipes) closeChildEnds() { closeAll(p.child[:]) }

func (p *pipes) closeOwnEnds() {
	closeAll([]*os.File{p.stdin})
	p.stdout.close()
	p.stderr.close()
}

func closeAll(files []*os.File) {
	for f := range slices.Values(files) {
		if f != nil {
			_ = f.Close()
		}
	}
}

package process

import (
	"sync"
	"time"
)

// output gathers stdout and stderr of one command. Once watched, its pipes are
// read to their end whatever happens, so that a process that outlived its
// command is neither blocked nor killed by a write (exec.background); once
// sealed, what comes is discarded.
type output struct {
	done chan struct{} // closed when both pipes were watched to their end

	mu      sync.Mutex // guards the fields below
	pipes   [2]source
	ended   [2]bool // found at their end by a sweep
	left    int64   // bytes that may still be kept
	total   int64   // bytes that came before the seal
	bufs    [2][]byte
	watched bool
	readers int
	sealed  bool
}

func newOutput(limit int64, stdout, stderr source) *output {
	return &output{done: make(chan struct{}), pipes: [2]source{stdout, stderr}, left: limit}
}

// watch begins to read the pipes in the background. Until then they hold what
// fits them.
func (o *output) watch() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.watched || o.sealed {
		return
	}
	o.watched = true
	o.readers = len(o.pipes)
	for i := range o.pipes {
		o.pipes[i].open()
		go o.read(i)
	}
}

// read empties one pipe until it ends or is closed.
func (o *output) read(i int) {
	defer o.leave(i)
	// Most commands write little: a big buffer comes with the first big read.
	buf := make([]byte, 2<<10)
	for {
		n, err := o.readSome(i, buf)
		if err != nil || n == 0 {
			return
		}
		if n == len(buf) && n < 64<<10 {
			buf = make([]byte, 64<<10)
		}
	}
}

func (o *output) leave(i int) {
	o.pipes[i].close()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.readers--; o.readers == 0 {
		close(o.done)
	}
}

// keep accounts for p, which the caller read from pipe i. It needs o.mu.
func (o *output) keep(i int, p []byte) {
	if o.sealed {
		return
	}
	o.total += int64(len(p))
	n := min(int64(len(p)), o.left)
	o.left -= n
	o.bufs[i] = append(o.bufs[i], p[:n]...)
}

// collect seals the output of a command that has ended and returns it. If
// something else holds the pipes open, it waits outputGrace for their end, and
// then leaves them to held.
func (o *output) collect(held *heldPipes) (stdout, stderr []byte, total int64, overflow bool) {
	// What the command itself wrote is in the pipes by now, and their end too
	// if nobody else holds them: no need to wait for a reader to run.
	if !o.sweep() {
		o.watch()
		grace := time.NewTimer(outputGrace)
		defer grace.Stop()
		select {
		case <-o.done:
		case <-grace.C:
			o.sweep()
			held.add(o)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sealed = true
	if !o.watched {
		o.close()
	}
	stdout, stderr = o.bufs[0], o.bufs[1]
	o.bufs = [2][]byte{}
	kept := int64(len(stdout) + len(stderr))
	return stdout, stderr, o.total, o.total > kept
}

// sweep takes what is in the pipes and tells whether both have ended.
func (o *output) sweep() (ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.pipes {
		if !o.ended[i] {
			o.ended[i] = o.drain(i)
		}
	}
	return o.ended[0] && o.ended[1]
}

// close ends the readers before the pipes end.
func (o *output) close() {
	for i := range o.pipes {
		o.pipes[i].close()
	}
}

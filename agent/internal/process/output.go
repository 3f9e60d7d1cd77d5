package process

import (
	"os"
	"sync"
	"time"
)

// output gathers stdout and stderr of one command. Its readers go on to the
// end of the pipes whatever happens, so that a process that outlived its
// command is neither blocked nor killed by a write (exec.background); once
// sealed, they discard what comes.
type output struct {
	pipes [2]*os.File
	done  chan struct{} // closed when both pipes have ended

	mu     sync.Mutex // guards the fields below
	left   int64      // bytes that may still be kept
	total  int64      // bytes that came before the seal
	bufs   [2][]byte
	open   int
	sealed bool
}

func newOutput(limit int64, stdout, stderr *os.File) *output {
	o := &output{
		pipes: [2]*os.File{stdout, stderr},
		done:  make(chan struct{}),
		left:  limit,
		open:  2,
	}
	go o.read(0)
	go o.read(1)
	return o
}

// read empties one pipe until it ends or is closed.
func (o *output) read(i int) {
	defer o.ended(i)
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

func (o *output) ended(i int) {
	_ = o.pipes[i].Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open--; o.open == 0 {
		close(o.done)
	}
}

// collect seals the output of a command that has ended and returns it. It
// waits for the end of the pipes, or outputGrace if something else holds them
// open; those pipes go to held.
func (o *output) collect(held *heldPipes) (stdout, stderr []byte, total int64, overflow bool) {
	select {
	case <-o.done:
	default:
		grace := time.NewTimer(outputGrace)
		defer grace.Stop()
		select {
		case <-o.done:
		case <-grace.C:
			held.add(o)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	// What the command itself wrote is in the pipes by now: it is taken here
	// even if this process was too busy for its readers to run.
	if o.open > 0 {
		o.sweep(0)
		o.sweep(1)
	}
	o.sealed = true
	stdout, stderr = o.bufs[0], o.bufs[1]
	o.bufs = [2][]byte{}
	kept := int64(len(stdout) + len(stderr))
	return stdout, stderr, o.total, o.total > kept
}

// close ends the readers before the pipes end.
func (o *output) close() { closeAll(o.pipes[:]) }

// heldPipes are the outputs whose command has ended while other processes hold
// their pipes open. Beyond the limit the oldest is closed.
type heldPipes struct {
	limit int

	mu      sync.Mutex
	outputs []*output
	closed  bool
}

func (h *heldPipes) add(o *output) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		o.close()
		return
	}
	live := h.outputs[:0]
	for _, other := range h.outputs {
		select {
		case <-other.done:
		default:
			live = append(live, other)
		}
	}
	clear(h.outputs[len(live):])
	h.outputs = append(live, o)
	if len(h.outputs) > h.limit {
		h.outputs[0].close()
		h.outputs = h.outputs[1:]
	}
}

// close ends all of them and waits for their readers.
func (h *heldPipes) close() {
	h.mu.Lock()
	h.closed = true
	outputs := h.outputs
	h.outputs = nil
	h.mu.Unlock()
	for _, o := range outputs {
		o.close()
	}
	for _, o := range outputs {
		<-o.done
	}
}

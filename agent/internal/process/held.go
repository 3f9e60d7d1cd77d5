package process

import "sync"

// heldPipes are the outputs whose command has ended while other processes hold
// their pipes open. Beyond the limit the oldest is closed.
type heldPipes struct {
	limit int

	mu      sync.Mutex // guards the fields below
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

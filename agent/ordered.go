package agent

import "sync"

// ordered runs functions of one key one after the other, in the order of their
// arrival, and those of different keys side by side.
type ordered struct {
	mu      sync.Mutex
	waiting map[string][]func() // an entry exists while a goroutine serves the key
}

// do hands f over. It does not wait.
func (o *ordered) do(key string, f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if queue, served := o.waiting[key]; served {
		o.waiting[key] = append(queue, f)
		return
	}
	if o.waiting == nil {
		o.waiting = make(map[string][]func())
	}
	o.waiting[key] = nil
	go o.serve(key, f)
}

// serve ends when nothing of its key is left to do.
func (o *ordered) serve(key string, f func()) {
	for f != nil {
		f()
		f = o.next(key)
	}
}

func (o *ordered) next(key string) func() {
	o.mu.Lock()
	defer o.mu.Unlock()
	queue := o.waiting[key]
	if len(queue) == 0 {
		delete(o.waiting, key)
		return nil
	}
	f := queue[0]
	queue[0] = nil
	o.waiting[key] = queue[1:]
	return f
}

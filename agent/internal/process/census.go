package process

import "sync"

// proc is one process as a census saw it.
type proc struct {
	pid, ppid int
	group     int
	session   int
	// started tells processes apart that had the same pid, in whatever unit
	// the system counts.
	started uint64
	zombie  bool
	// marks are those of markName in its environment, where that is readable.
	marks []string
}

// identity names a process for all time, unlike its pid.
type identity struct {
	pid     int
	started uint64
}

func (p proc) identity() identity { return identity{p.pid, p.started} }

// census lists the processes of this machine. Callers that come while a
// listing is under way share the next one, so that many commands that time
// out at once cost a few listings and not one each.
type census struct {
	list func() ([]proc, error)

	running sync.Mutex // held during a listing
	mu      sync.Mutex // guards next
	next    *listing   // not begun yet
}

type listing struct {
	once  sync.Once
	procs []proc
	err   error
}

// take returns a listing that began after the call. The slice is shared.
func (c *census) take() ([]proc, error) {
	l := c.join()
	l.once.Do(func() {
		c.running.Lock()
		defer c.running.Unlock()
		c.mu.Lock()
		c.next = nil
		c.mu.Unlock()
		l.procs, l.err = c.list()
	})
	return l.procs, l.err
}

// join returns the listing that begins next.
func (c *census) join() *listing {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = new(listing)
	}
	return c.next
}

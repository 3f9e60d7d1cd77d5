package process

// LookForStale is one look of the reaper: it collects the dead children that
// it was told of and returns those it saw for the first time.
func (r *Runner) LookForStale(seen map[int]bool) (suspects map[int]bool) {
	procs, err := r.census.take()
	if err != nil {
		return nil
	}
	before := make(map[identity]bool)
	for _, p := range procs {
		if seen[p.pid] {
			before[p.identity()] = true
		}
	}
	suspects = make(map[int]bool)
	for id := range r.collectStale(before) {
		suspects[id.pid] = true
	}
	return suspects
}

// BeginStart stands for a command whose process is being started.
func (r *Runner) BeginStart() (end func()) { return r.beginStart() }

// Leaders counts the commands that are not reaped yet.
func (r *Runner) Leaders() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.leaders)
}

package process

import (
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// staleZombie is how long a dead child that is no command of the runner is
// left to whoever may be waiting for it.
const staleZombie = time.Second

// adoptOrphans makes orphaned descendants children of this process and starts
// to reap them.
func (r *Runner) adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set the subreaper attribute: %w", err)
	}
	r.restore = func() {
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	}
	r.wg.Go(r.reapOrphans)
	return nil
}

// reapOrphans collects dead children that nobody waits for. Waiting for any
// child would take statuses away from os/exec, so it only peeks, and collects
// what was dead at two looks that are staleZombie apart.
func (r *Runner) reapOrphans() {
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	defer signal.Stop(died)
	look := time.NewTimer(staleZombie)
	defer look.Stop()
	armed := true
	var suspects map[identity]bool
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-died:
			if !armed {
				look.Reset(staleZombie)
				armed = true
			}
		case <-look.C:
			suspects = r.collectStale(suspects)
			if armed = len(suspects) > 0; armed {
				look.Reset(staleZombie)
			}
		}
	}
}

// collectStale reaps the dead children that are among suspects and returns the
// others, which are the suspects of the next look.
func (r *Runner) collectStale(suspects map[identity]bool) map[identity]bool {
	if !anyChildDead() {
		return nil
	}
	procs, err := r.census.take()
	if err != nil {
		return nil
	}
	self := os.Getpid()
	next := make(map[identity]bool)
	for _, p := range procs {
		if !p.zombie || p.ppid != self || r.leads(p.pid) {
			continue
		}
		if suspects[p.identity()] {
			collect(p.pid)
		} else {
			next[p.identity()] = true
		}
	}
	return next
}

// anyChildDead peeks: with nothing to collect, which is nearly always, no
// listing is made.
func anyChildDead() bool { return peek(unix.P_ALL, 0, unix.WNOHANG) }

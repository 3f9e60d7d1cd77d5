package process

import (
	"context"
	"os"
	"time"
)

// tree says which processes belong to a command.
type tree struct {
	// leader is the pid of a command that is not reaped yet, or 0. Its group,
	// its session and its descendants belong.
	leader int
	// marked tells whether a process with this mark belongs.
	marked func(mark string) bool
}

// members adds to known what procs holds of the tree and returns the members
// that live. A member stays one when its parent has gone.
func (t tree) members(procs []proc, known map[identity]bool) (live []proc) {
	self := os.Getpid()
	children := make(map[int][]proc)
	var found []proc
	for _, p := range procs {
		if p.pid == self || p.pid <= 1 {
			continue
		}
		children[p.ppid] = append(children[p.ppid], p)
		if known[p.identity()] || t.owns(p) {
			found = append(found, p)
		}
	}
	seen := make(map[int]bool)
	for len(found) > 0 {
		p := found[0]
		found = found[1:]
		if seen[p.pid] {
			continue
		}
		seen[p.pid] = true
		known[p.identity()] = true
		if !p.zombie {
			live = append(live, p)
		}
		for _, c := range children[p.pid] {
			// One that is older than its parent is the child of somebody who
			// had the parent's pid before.
			if c.started >= p.started {
				found = append(found, c)
			}
		}
	}
	return live
}

func (t tree) owns(p proc) bool {
	if t.leader != 0 && (p.pid == t.leader || p.group == t.leader || p.session == t.leader) {
		return true
	}
	for _, m := range p.marks {
		if t.marked(m) {
			return true
		}
	}
	return false
}

// killTree kills the processes of t until two listings in a row show none
// alive, because a kill makes new orphans and a process may have forked after
// a listing passed it. It returns how many it last saw alive when ctx ended.
func (r *Runner) killTree(ctx context.Context, t tree) (left int) {
	known := make(map[identity]bool)
	pause := time.Millisecond
	for empty := 0; empty < 2; {
		procs, err := r.census.take()
		if t.leader != 0 {
			killGroup(t.leader)
		}
		if err != nil {
			return 0 // nothing but the group is known on this system
		}
		live := t.members(procs, known)
		for _, p := range live {
			killProcess(p)
		}
		r.reapMembers(procs, known)
		if left = len(live); left == 0 {
			empty++
			continue
		}
		empty = 0
		select {
		case <-time.After(pause):
			pause = min(2*pause, 50*time.Millisecond)
		case <-ctx.Done():
			return left
		}
	}
	return 0
}

// reapMembers collects the dead of a tree that this process has adopted.
func (r *Runner) reapMembers(procs []proc, known map[identity]bool) {
	if !r.opts.AdoptOrphans {
		return
	}
	self := os.Getpid()
	for _, p := range procs {
		if p.zombie && p.ppid == self && known[p.identity()] && !r.leads(p.pid) {
			collect(p.pid)
		}
	}
}

package process

import (
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func TestMembersOfATree(t *testing.T) {
	t.Parallel()
	const leader = 1 << 30 // beyond any pid, so that nothing here is this process
	const other = leader - 100
	marks := []string{"ours.1"}
	procs := []proc{
		{pid: leader, ppid: other, group: leader, session: leader},
		{pid: leader + 1, ppid: leader, group: leader, session: leader},
		{pid: leader + 2, ppid: leader + 1, group: leader + 2, session: leader + 2}, // setsid
		{pid: leader + 3, ppid: 1, group: leader + 3, session: leader},              // orphan in the session
		{pid: leader + 4, ppid: 1, group: leader + 4, session: leader + 4, marks: marks},
		{pid: leader + 5, ppid: leader + 4, group: leader + 5, session: leader + 5}, // child of a marked one
		{pid: leader + 6, ppid: leader, group: leader, session: leader, zombie: true},
		{pid: leader + 7, ppid: leader + 6, group: other, session: other}, // child of a dead one
		{pid: other, ppid: 1, group: other, session: other},
		{pid: leader + 8, ppid: 1, group: leader, session: leader, started: 9},
		{pid: leader + 9, ppid: leader + 8, group: other, session: other, started: 8}, // older than its parent
		{pid: other + 1, ppid: other, group: other, session: other, marks: []string{"ours.10", "theirs.1"}},
		{pid: 1, session: leader},
		{pid: os.Getpid(), session: leader},
	}
	tr := tree{leader: leader, marked: func(m string) bool { return m == "ours.1" }}
	known := make(map[identity]bool)
	want := []int{leader, leader + 1, leader + 2, leader + 3, leader + 4, leader + 5, leader + 7, leader + 8}
	if got := pids(tr.members(procs, known)); !slices.Equal(got, want) {
		t.Errorf("members %v, want %v", got, want)
	}

	// The parents have gone: who was a member stays one, and whoever got a
	// member's pid is none.
	procs = []proc{
		{pid: leader + 2, ppid: 1, group: leader + 2, session: leader + 2},
		{pid: leader + 5, ppid: 1, group: leader + 5, session: leader + 5, started: 7},
	}
	if got := pids(tr.members(procs, known)); !slices.Equal(got, []int{leader + 2}) {
		t.Errorf("members %v, want only %d", got, leader+2)
	}
}

func pids(procs []proc) []int {
	var out []int
	for _, p := range procs {
		out = append(out, p.pid)
	}
	slices.Sort(out)
	return out
}

func TestCallersShareTheListingThatBeginsNext(t *testing.T) {
	t.Parallel()
	var listings atomic.Int32
	begun, finish := make(chan struct{}), make(chan struct{})
	c := census{list: func() ([]proc, error) {
		if listings.Add(1) == 1 {
			close(begun)
			<-finish
		}
		return nil, nil
	}}
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = c.take() })
	<-begun
	next := c.join()
	for range 20 {
		if c.join() != next {
			t.Fatal("two callers do not share a listing that has not begun")
		}
	}
	close(finish)
	wg.Wait()
	if _, _ = c.take(); listings.Load() != 2 {
		t.Errorf("%d listings, want the first and the shared one", listings.Load())
	}
	if c.join() == next {
		t.Error("a caller got a listing that began before it came")
	}
}

func TestHeldPipesAreBounded(t *testing.T) {
	t.Parallel()
	h := heldPipes{limit: 2}
	var outputs []*output
	for range 3 {
		p, err := openPipes(false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.closeChildEnds)
		o := newOutput(10, p.stdout, p.stderr)
		o.watch()
		outputs = append(outputs, o)
		h.add(o)
	}
	<-outputs[0].done // closed to make room
	h.close()
	<-outputs[1].done
	<-outputs[2].done
}

package process_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestKillTakesTheWholeTree(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		role      string
		processes int
	}{
		"the command alone":                    {"linger", 1},
		"a child in the group":                 {"parent of a child", 2},
		"a child in a session of its own":      {"parent of a session", 2},
		"one that dropped its environment too": {"parent of a session without environment", 2},
		"an orphan in a session of its own":    {"double fork", 3},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stop := errors.New("stop")
			ctx, cancel := context.WithCancelCause(t.Context())
			c, file := child(t, tc.role)
			r := newRunner(t)
			done := make(chan error, 1)
			go func() {
				_, err := r.Run(ctx, c)
				done <- err
			}()
			pids := awaitPIDs(t, file, tc.processes)
			cancel(stop)
			if err := <-done; !errors.Is(err, stop) {
				t.Errorf("error %v", err)
			}
			for _, pid := range pids {
				eventually(t, "process "+strconv.Itoa(pid)+" is dead", func() bool { return !alive(pid) })
			}
		})
	}
}

func TestManyTimeoutsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRunner(t)
	const n = 64
	results := make(chan error, n)
	c := sh(t, "setsid sleep 100 & sleep 100")
	c.Timeout = outlast
	for range n {
		go func() {
			res, err := r.Run(t.Context(), c)
			if err == nil && !res.TimedOut {
				err = errors.New("did not time out")
			}
			if late := res.Duration - c.Timeout; err == nil && late > patience {
				err = errors.New("was late by " + late.String())
			}
			results <- err
		}()
	}
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestCloseKillsWhatCommandsLeftBehind(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"background", "daemon"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			r := newRunner(t)
			c, file := child(t, role)
			if _, err := r.Run(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			pids := awaitPIDs(t, file, map[string]int{"background": 2, "daemon": 3}[role])
			left := pids[len(pids)-1]
			if !alive(left) {
				t.Fatal("the command left nothing behind")
			}
			if err := r.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is dead", func() bool { return !alive(left) })
		})
	}
}

func TestNoZombieIsLeft(t *testing.T) {
	t.Parallel()
	r := newRunner(t)
	for range 20 {
		if _, err := r.Run(t.Context(), sh(t, "true")); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.Leaders(); n != 0 {
		t.Errorf("%d commands are remembered after their end", n)
	}
	// Other tests of this process end commands all the time: what counts is
	// that none of theirs or ours stays.
	eventually(t, "no child of this process is a zombie", func() bool { return len(zombies(t, os.Getpid())) == 0 })
}

// zombies lists the dead children of parent.
func zombies(tb testing.TB, parent int) []string {
	tb.Helper()
	dir, err := os.ReadDir("/proc")
	if err != nil {
		tb.Fatal(err)
	}
	var found []string
	for _, e := range dir {
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[0] == "Z" && fields[1] == strconv.Itoa(parent) {
			found = append(found, strings.TrimSpace(string(stat)))
		}
	}
	return found
}

package process_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"agentproof/agent/internal/process"
)

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// newRunner returns a runner that is closed, and must close well, when the
// test ends.
func newRunner(tb testing.TB) *process.Runner {
	tb.Helper()
	r, err := process.NewRunner(process.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			tb.Errorf("close the runner: %v", err)
		}
	})
	return r
}

// sh is a command for the shell in a directory of the test.
func sh(tb testing.TB, script string) process.Command {
	tb.Helper()
	return process.Command{Argv: []string{"/bin/sh", "-c", script}, Dir: tb.TempDir(), Env: os.Environ()}
}

// child is the test binary in a role, and the file where it and what it starts
// report their pids.
func child(tb testing.TB, role string) (c process.Command, pids string) {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	pids = dir + "/pids"
	env := append(os.Environ(), childRole+"="+role, pidFile+"="+pids)
	return process.Command{Argv: []string{self}, Dir: dir, Env: env}, pids
}

// run runs c and fails the test on an error.
func run(tb testing.TB, c process.Command) process.Result {
	tb.Helper()
	res, err := newRunner(tb).Run(tb.Context(), c)
	if err != nil {
		tb.Fatalf("run %q: %v", c.Argv, err)
	}
	return res
}

// awaitPIDs waits until n processes have reported.
func awaitPIDs(tb testing.TB, file string, n int) []int {
	tb.Helper()
	var pids []int
	eventually(tb, strconv.Itoa(n)+" processes report", func() bool {
		data, _ := os.ReadFile(file)
		lines := strings.Fields(string(data))
		if len(lines) < n || !strings.HasSuffix(string(data), "\n") {
			return false
		}
		pids = pids[:0]
		for _, l := range lines {
			pid, err := strconv.Atoi(l)
			if err != nil {
				tb.Fatal(err)
			}
			pids = append(pids, pid)
		}
		return true
	})
	return pids
}

// eventually polls until ok holds.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("never saw: %s", what)
		}
	}
}

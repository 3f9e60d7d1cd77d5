//go:build unix

package subject_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"agentproof/suite/subject"
)

var errInterrupted = errors.New("somebody pressed Ctrl-C")

func contextWithCancel(t *testing.T) (context.Context, context.CancelCauseFunc) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return ctx, cancel
}

// eventually polls until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// alive tells whether the process exists and is no zombie of ours.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// told waits until the agent has printed a process id.
func told(t *testing.T, out *output) (pid int) {
	t.Helper()
	eventually(t, "the agent prints a process id", func() bool {
		_, err := fmt.Sscanf(out.String(), "pid %d\n", &pid)
		return err == nil
	})
	return pid
}

func launched(t *testing.T, role string) (subject.Process, *output) {
	t.Helper()
	s, done, err := subject.Command(self(t), role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	env, out := environment(t)
	return start(t, s, env), out
}

func TestKillTakesTheChildrenToo(t *testing.T) {
	t.Parallel()
	p, out := launched(t, "parent")
	child := told(t, out)
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, p)
	if p.ExitCode() != -1 {
		t.Errorf("exit code %d of a killed agent, want -1", p.ExitCode())
	}
	eventually(t, "the agent's child is gone", func() bool { return !alive(child) })
}

func TestAnAgentHasEndedThoughAChildHoldsItsOutput(t *testing.T) {
	t.Parallel()
	p, out := launched(t, "leaver")
	await(t, p)
	child := told(t, out)
	if err := p.Kill(); err != nil {
		t.Fatalf("kill what the agent left behind: %v", err)
	}
	eventually(t, "the agent's child is gone", func() bool { return !alive(child) })
	if err := p.Kill(); err != nil {
		t.Errorf("kill an agent that is gone: %v", err)
	}
}

func TestSignalReachesTheAgent(t *testing.T) {
	t.Parallel()
	p, out := launched(t, "wait")
	told(t, out)
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, p)
	if err := p.Signal(os.Interrupt); err == nil {
		t.Error("an agent that has ended took a signal")
	}
}

func TestAnInterruptedBuildLeavesNothing(t *testing.T) {
	tmp, stalled := t.TempDir(), t.TempDir()+"/pid"
	t.Setenv("TMPDIR", tmp)
	t.Setenv("STALLED", stalled)
	s, done, err := subject.Command("go", "run", "-toolexec", self(t)+" stall", "./testdata/agent")
	if err != nil {
		t.Fatal(err)
	}
	env, _ := environment(t)
	ctx, cancel := contextWithCancel(t)
	failed := make(chan error, 1)
	go func() {
		_, err := s.Start(ctx, env)
		failed <- err
	}()
	var tool int
	eventually(t, "the compiler runs", func() bool {
		data, err := os.ReadFile(stalled)
		_, scanErr := fmt.Sscan(string(data), &tool)
		return err == nil && scanErr == nil
	})
	cancel(errInterrupted)
	if err := <-failed; err == nil || !strings.Contains(err.Error(), errInterrupted.Error()) {
		t.Errorf("got %v, want the reason of the interruption", err)
	}
	done()
	eventually(t, "the compiler is gone", func() bool { return !alive(tool) })
	if left := entries(t, tmp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

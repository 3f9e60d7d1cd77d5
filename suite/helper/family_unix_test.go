//go:build unix

package helper_test

import (
	"os"
	"runtime"
	"slices"
	"testing"

	"agentproof/suite/helper"
)

func TestDescendantsAreFoundByTheirParents(t *testing.T) {
	t.Parallel()
	tree, _ := plant(t, "child", "setsid", "orphan")
	found, err := helper.Descendants(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	has := func(pid int) bool {
		return slices.ContainsFunc(found, func(p helper.Process) bool { return p.PID == pid })
	}
	if !has(tree.Root.PID) || has(os.Getpid()) {
		t.Errorf("a child is among them: %v, the process itself: %v", has(tree.Root.PID), has(os.Getpid()))
	}
	for _, d := range tree.Descendants {
		if got, want := has(d.PID), d.Kind != "orphan"; got != want {
			t.Errorf("%s is among them: %v, want %v", d.Kind, got, want)
		}
	}
}

func TestKillEndsTheProcessThatWasMeant(t *testing.T) {
	t.Parallel()
	tree, _ := plant(t, "ignore-term")
	p := tree.Descendants[0].Process
	other := p
	other.Start++
	if err := helper.Kill(other); err != nil {
		t.Error(err)
	}
	if living(t, p.Ref()) == 0 {
		t.Fatal("a process died for an earlier one with its id")
	}
	for range 2 { // it is gone the second time
		if err := helper.Kill(p); err != nil {
			t.Error(err)
		}
		eventually(t, "its end", func() bool { return living(t, p.Ref()) == 0 })
	}
}

func TestCarryingFindsAVariableWholeAndExact(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the environment of other processes")
	}
	cmd := command(t, t.TempDir(), "sleep", "1h")
	const name = "AGENTPROOF_TEST_CARRIES"
	cmd.Env = append(os.Environ(), name+"=ab")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for variable, want := range map[string]int{name + "=ab": 1, name + "=a": 0, name + "=abc": 0, "CARRIES=ab": 0} {
		found, err := helper.Carrying(variable)
		if err != nil || len(found) != want || want > 0 && found[0].PID != cmd.Process.Pid {
			t.Errorf("%s: %v, %v, want %d", variable, found, err, want)
		}
	}
}

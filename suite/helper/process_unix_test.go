//go:build unix

package helper_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"agentproof/suite/helper"
)

// eventually polls until done; what names the thing that was awaited.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestSignalDiesOfTheSignalItself(t *testing.T) {
	t.Parallel()
	tests := map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "SIGHUP": syscall.SIGHUP, "INT": syscall.SIGINT, "9": syscall.SIGKILL,
		"PIPE": syscall.SIGPIPE, "QUIT": syscall.SIGQUIT, "SEGV": syscall.SIGSEGV, "USR1": syscall.SIGUSR1,
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, t.TempDir(), "signal", name)
			res := finish(t, cmd)
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !status.Signaled() || status.Signal() != want || len(res.stderr) != 0 {
				t.Errorf("%v, stderr %q, want death by %v", cmd.ProcessState, res.stderr, want)
			}
		})
	}
	for _, name := range []string{"0", "65", "TERMINATE", ""} {
		t.Run("no such signal "+name, func(t *testing.T) {
			t.Parallel()
			if res := finish(t, command(t, t.TempDir(), "signal", name)); res.code != helper.ExitUsage {
				t.Errorf("exit code %d, stderr %q", res.code, res.stderr)
			}
		})
	}
}

func TestSignalDiesAlsoWhenItWasStartedIgnoringIt(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	argv := append([]string{"-c", `trap "" HUP; exec "$0" "$@"`}, helper.Argv(exe, "signal", "HUP")...)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", argv...)
	finish(t, cmd)
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGHUP {
		t.Errorf("%v, want death by %v", cmd.ProcessState, syscall.SIGHUP)
	}
}

// plant runs tree in the background of the test and kills whatever is left of
// it at the end.
func plant(t *testing.T, args ...string) (helper.Tree, *exec.Cmd) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tree.json")
	cmd := command(t, t.TempDir(), append([]string{"tree", "--file", file, "--sleep", "1h"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // descendants may hold the pipes
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var tree helper.Tree
	t.Cleanup(func() {
		for _, d := range tree.Descendants {
			_ = syscall.Kill(d.PID, syscall.SIGKILL)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "the tree's file", func() bool {
		content, err := os.ReadFile(file)
		if err == nil {
			tree = decode[helper.Tree](t, content)
		}
		return err == nil
	})
	return tree, cmd
}

func living(t testing.TB, refs ...string) int {
	t.Helper()
	return len(ask[helper.Processes](t, append([]string{"alive"}, refs...)...).Living())
}

func TestTreeStartsDescendantsAsAsked(t *testing.T) {
	t.Parallel()
	kinds := []string{"child", "setpgid", "setsid", "orphan", "orphan+setsid", "orphan+setpgid", "ignore-term"}
	tree, cmd := plant(t, kinds...)
	root := tree.Root
	if root.PID != cmd.Process.Pid || root.PGID != root.PID || !root.Alive || len(tree.Descendants) != len(kinds) {
		t.Fatalf("root %+v with %d descendants", root, len(tree.Descendants))
	}
	for i, d := range tree.Descendants {
		orphan := strings.Contains(d.Kind, "orphan")
		ownSession := strings.Contains(d.Kind, "setsid")
		ownGroup := ownSession || strings.Contains(d.Kind, "setpgid")
		if d.Kind != kinds[i] || !d.Alive || (d.PPID == root.PID) == orphan ||
			(d.PGID == d.PID) != ownGroup || (d.PGID == root.PGID) == ownGroup ||
			(d.SID == d.PID) != ownSession || (d.SID == root.SID) == ownSession {
			t.Errorf("%s is %+v under %+v", kinds[i], d, root)
		}
	}
	if got := living(t, tree.Refs()...); got != len(kinds)+1 {
		t.Errorf("%d of %d live", got, len(kinds)+1)
	}
}

func TestTreeItselfIgnoresSignalsAsAsked(t *testing.T) {
	t.Parallel()
	tree, cmd := plant(t, "--ignore-term", "child")
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		if err := syscall.Kill(cmd.Process.Pid, sig); err != nil {
			t.Fatal(err)
		}
	}
	if got := living(t, tree.Root.Ref()); got != 1 {
		t.Error("the root died of a signal that it ignores")
	}
}

func TestTreeSurvivesSignalsAsAsked(t *testing.T) {
	t.Parallel()
	tree, cmd := plant(t, "child", "setsid", "orphan", "ignore-term", "orphan+setsid+ignore-term")
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the root ended by itself")
	}
	refs := tree.Refs()
	eventually(t, "the group to end", func() bool { return living(t, refs[0], refs[1], refs[3]) == 0 })
	if living(t, refs[2], refs[4], refs[5]) != 3 {
		t.Error("what left the group or ignores the signal is gone")
	}
	if err := syscall.Kill(tree.Descendants[4].PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if living(t, refs[5]) != 1 {
		t.Error("ignore-term was not carried over to the orphan")
	}
}

func TestTreeEndsWhileDescendantsLiveOn(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]bool{"holding its stdout": true, "letting go of it": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"tree", "--exit", "3", "--for", "1h"}
			if hold {
				args = append(args, "--hold-stdout")
			}
			cmd := command(t, t.TempDir(), append(args, "orphan+setsid", "chatty")...)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			cmd.Stdout = w
			if err := errors.Join(cmd.Start(), w.Close()); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 3 {
				t.Errorf("exit code: %v", err)
			}
			if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			line := make([]byte, 4096)
			n, err := r.Read(line)
			if err != nil {
				t.Fatal(err)
			}
			first, rest, _ := bytes.Cut(line[:n], []byte("\n"))
			tree := decode[helper.Tree](t, first)
			if got := living(t, tree.Refs()...); got != 2 {
				t.Errorf("%d live, want the descendants alone", got)
			}
			if hold && len(rest) == 0 {
				if n, err = r.Read(line); err != nil || !bytes.Contains(line[:n], []byte("is here")) {
					t.Errorf("the chatty one says %q, %v", line[:n], err)
				}
			} else if !hold {
				if got, err := io.ReadAll(r); err != nil || len(got) != 0 {
					t.Errorf("after the object: %q, %v", got, err)
				}
			}
			for _, d := range tree.Descendants {
				if err := syscall.Kill(d.PID, syscall.SIGKILL); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestTreeRefusesKindsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"", "uncle", "child+", "setsid+setpgid"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			if res := finish(t, command(t, t.TempDir(), "tree", "child", kind)); res.code != helper.ExitUsage || len(res.stdout) != 0 {
				t.Errorf("exit code %d, stdout %q", res.code, res.stdout)
			}
		})
	}
}

func TestAliveTellsZombiesFromTheLiving(t *testing.T) {
	t.Parallel()
	cmd := command(t, t.TempDir(), "exit", "0")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(cmd.Process.Pid)
	var p helper.Process
	eventually(t, "the zombie", func() bool {
		p = ask[helper.Processes](t, "alive", pid).Processes[0]
		return p.Zombie
	})
	if p.Alive || p.PPID != os.Getpid() {
		t.Errorf("zombie %+v", p)
	}
	var found bool
	for _, z := range ask[helper.Processes](t, "zombies-of", strconv.Itoa(os.Getpid())).Processes {
		found = found || z == p
	}
	if !found {
		t.Error("zombies-of does not list it")
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := ask[helper.Processes](t, "alive", p.Ref()).Processes[0]; got != (helper.Process{PID: p.PID}) {
		t.Errorf("after the wait: %+v", got)
	}
}

func TestAliveSeesThroughAReusedProcessID(t *testing.T) {
	t.Parallel()
	me := ask[helper.Processes](t, "alive", strconv.Itoa(os.Getpid())).Processes[0]
	if !me.Alive || living(t, me.Ref()) != 1 {
		t.Fatalf("I am %+v", me)
	}
	me.Start++
	if living(t, me.Ref()) != 0 {
		t.Error("a process that started at another time counts as this one")
	}
}

func TestAliveWaitsForTheEndThatItIsAskedToSee(t *testing.T) {
	t.Parallel()
	cmd := command(t, t.TempDir(), "sleep", "300ms")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(cmd.Process.Pid)
	if left := ask[helper.Processes](t, "alive", "--until-dead", "1m", pid).Living(); len(left) != 0 {
		t.Errorf("%+v is alive", left)
	}
	_ = cmd.Wait()
	me := strconv.Itoa(os.Getpid())
	if left := ask[helper.Processes](t, "alive", "--until-dead", "1ms", pid, me).Living(); len(left) != 1 {
		t.Errorf("%d are alive when the time is over, want only me", len(left))
	}
}

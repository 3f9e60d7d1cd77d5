//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// leftovers are the files in dir and the processes that were told of it: what
// a run whose TMPDIR it was left behind.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		found = append(found, e.Name())
	}
	// Where there is no /proc, the files have to do.
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range procs {
		environ, err := os.ReadFile(name)
		if err != nil || !strings.Contains("\x00"+string(environ), "\x00TMPDIR="+dir) {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "cmdline"))
		found = append(found, filepath.Base(filepath.Dir(name))+": "+strings.ReplaceAll(string(cmdline), "\x00", " "))
	}
	return found
}

// awaitClean waits a moment for processes that were killed to vanish.
func awaitClean(t *testing.T, dir string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		found := leftovers(t, dir)
		if len(found) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("left behind:\n%s", strings.Join(found, "\n"))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestNoWayOutLeavesAnythingBehind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		code int
		args []string
	}{
		{"everything passes", 0, []string{"--case", "ping.**", "--case", "fence.newer/*"}},
		{"something is broken", 1, []string{"--case", "fence.**", "--", self(t), asAgent, "faulty"}},
		{"nothing is selected", 2, []string{"--case", "nothing"}},
		{"the agent quits", 3, []string{"--", self(t), asAgent, "quits"}},
		{"the agent is never ready", 3, []string{"--timeout-scale", "0.01", "--", self(t), asAgent, "mute"}},
		{"the build fails", 3, []string{"--", "go", "run", "./nothing"}},
		{"the report cannot be written", 3, []string{"--case", "ping.nonce/echoed", "--out", blocked(t)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := program(t, append([]string{"run"}, tt.args...)...)
			cmd.Env = append(cmd.Env, "TMPDIR="+dir)
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != tt.code {
				t.Errorf("exit code %d (%v), want %d:\n%s", cmd.ProcessState.ExitCode(), err, tt.code, out)
			}
			awaitClean(t, dir)
		})
	}
}

// blocked is a directory that no report can be written into: a directory is in
// the way, which stops root as well.
func blocked(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "run.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestCtrlCLeavesAPartialReportAndNothingElse presses Ctrl-C in a terminal: the
// whole process group gets the signal, in the middle of a run with many instances.
func TestCtrlCLeavesAPartialReportAndNothingElse(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	s := newScreen(t, 100)
	cmd := program(t, "run", "--out", out)
	cmd.Env = append(cmd.Env, "TMPDIR="+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.terminal, s.terminal, s.terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.await(t, `▏  [1-9]\d*/\d+ `)
	if len(leftovers(t, dir)) == 0 {
		t.Error("the test looks in the wrong place: the run has no files or processes")
	}
	if _, err := s.master.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	text := left(s.end())
	for _, want := range []string{"interrupted: ending what runs", "; interrupted after ", "a partial run certifies nothing"} {
		if cmd.ProcessState.ExitCode() != 3 || !strings.Contains(text, want) {
			t.Errorf("%v: no %q in\n%s", err, want, text)
		}
	}
	awaitClean(t, dir)
	rep, err := report.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if n := rep.Document.Totals; n[verdict.Interrupted] == 0 || n[verdict.Pass] == 0 || n[verdict.Fail] > 0 || n[verdict.HarnessError] > 0 {
		t.Errorf("the totals are %v", n)
	}
	prefix := filepath.Join(t.TempDir(), "release")
	invoke(t, "keygen", "--out", prefix).want(t, 0, "", "")
	invoke(t, "certify", out, "--key", prefix+".key", "--subject-artifact", self(t)).want(t, 1, "", "the run was interrupted, and only a whole one certifies")
	invoke(t, "report", out, "--format", "html").want(t, 0, "The run was interrupted: ", "")
	invoke(t, "report", out, "--format", "junit").want(t, 0, `type="interrupted"`, "")
	invoke(t, "baseline", "--fix", filepath.Join(dir, "known.yaml"), out).want(t, 2, "", "an interrupted run, which knows nothing")
}

// TestCtrlCWhileTheAgentStarts interrupts the wait for a Hello.
func TestCtrlCWhileTheAgentStarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := program(t, "run", "--", self(t), asAgent, "mute")
	cmd.Env = append(cmd.Env, "TMPDIR="+dir)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitChild(t, dir, cmd)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("%v\n%s", err, out.String())
	}
	awaitClean(t, dir)
}

// awaitChild waits until the run has made the directories of its agent.
func awaitChild(t *testing.T, dir string, cmd *exec.Cmd) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for len(leftovers(t, dir)) < 2 {
		if time.Now().After(deadline) {
			t.Fatalf("process %d started nothing within a minute", cmd.Process.Pid)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

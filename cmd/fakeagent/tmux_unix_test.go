//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tmux is a terminal multiplexer with one window.
type tmux struct {
	tb     testing.TB
	socket string
	exit   string // the file with the exit code, when the shell has ended
}

// tmux runs `fakeagent shell` in a window of 33 rows and 101 columns.
func (m *machine) tmux(tb testing.TB, args ...string) *tmux {
	tb.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		tb.Skip("this machine has no tmux")
	}
	dir, err := os.MkdirTemp("", "tmux-") // a socket's path must be short
	if err != nil {
		tb.Fatal(err)
	}
	x := &tmux{tb: tb, socket: filepath.Join(dir, "socket"), exit: filepath.Join(dir, "exit")}
	tb.Cleanup(func() {
		_ = exec.Command("tmux", "-S", x.socket, "kill-server").Run()
		_ = os.RemoveAll(dir)
	})
	shell := program(tb, m.home, append([]string{"shell"}, args...)...)
	// tmux itself does not always hear of the exit code.
	start := exec.Command("tmux", append([]string{"-u", "-S", x.socket, "-f", "/dev/null",
		"new-session", "-d", "-x", "101", "-y", "33", "sh", "-c", `"$@"; echo $? >` + x.exit, "sh"}, shell.Args...)...)
	start.Env = shell.Env
	if out, err := start.CombinedOutput(); err != nil {
		tb.Fatalf("start tmux: %v: %s", err, out)
	}
	return x
}

func (x *tmux) run(args ...string) string {
	x.tb.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", x.socket}, args...)...).CombinedOutput()
	if err != nil {
		x.tb.Fatalf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// screen is what the window shows.
func (x *tmux) screen() string {
	x.tb.Helper()
	return x.run("capture-pane", "-p")
}

// shows waits until the window does.
func (x *tmux) shows(text string) {
	x.tb.Helper()
	eventually(x.tb, "the window shows "+text, func() bool { return strings.Contains(x.screen(), text) })
}

func TestAnEditorInAShellUnderTmuxOpensFollowsTheWindowAndQuits(t *testing.T) {
	t.Parallel()
	m, editor, file := notes(t)
	x := m.tmux(t, editor, "-u", "NONE", "-N", "notes")
	defer func() {
		if t.Failed() {
			screen, _ := exec.Command("tmux", "-S", x.socket, "capture-pane", "-p").CombinedOutput()
			t.Logf("the window shows\n%s", screen)
		}
	}()
	x.shows("remember the milk")
	x.run("resize-window", "-x", "123", "-y", "41")
	// The size may take a moment to get there, and the redraw that follows may
	// wipe an answer off the screen; the editor is asked until it stays.
	eventually(t, "the editor has the new size", func() bool {
		x.run("send-keys", ":echo 'answer:' &lines &columns", "Enter")
		return strings.Contains(x.screen(), "answer: 41 123")
	})
	x.run("send-keys", "o", "buy bread", "Escape")
	x.shows("\nbuy bread")
	x.run("send-keys", ":wq", "Enter")
	eventually(t, "the shell has ended", func() bool {
		code, _ := os.ReadFile(x.exit)
		return string(code) == "0\n"
	})
	if data, err := os.ReadFile(file); err != nil || string(data) != "remember the milk\nbuy bread\n" {
		t.Errorf("the file holds %q, %v", data, err)
	}
}

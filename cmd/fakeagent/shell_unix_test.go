//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// machine is an agent with a broker and a relay of its own.
type machine struct {
	*service
	home, root string
}

func startMachine(tb testing.TB, args ...string) *machine {
	tb.Helper()
	m := &machine{home: tb.TempDir(), root: tb.TempDir()}
	m.service = serve(tb, program(tb, m.home, append([]string{"run", "--root", m.root}, args...)...))
	return m
}

// user is somebody at a terminal in which `fakeagent shell` runs.
type user struct {
	*output
	tb     testing.TB
	keys   *os.File
	tty    *os.File
	before *term.State
	cmd    *exec.Cmd
}

// shell starts a shell in a window of 33 rows and 101 columns.
func (m *machine) shell(tb testing.TB, args ...string) *user {
	tb.Helper()
	keys, tty, err := pty.Open()
	if err != nil {
		tb.Fatal(err)
	}
	u := &user{output: newOutput(), tb: tb, keys: keys, tty: tty}
	u.resize(33, 101)
	if u.before, err = term.GetState(int(tty.Fd())); err != nil {
		tb.Fatal(err)
	}
	u.cmd = program(tb, m.home, append([]string{"shell"}, args...)...)
	u.cmd.Stdin, u.cmd.Stdout, u.cmd.Stderr = tty, tty, tty
	u.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := u.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(u.output, keys)
	}()
	tb.Cleanup(func() {
		_ = u.cmd.Process.Kill()
		_ = tty.Close()
		_ = keys.Close()
		<-read
	})
	return u
}

func (u *user) types(s string) {
	u.tb.Helper()
	if _, err := io.WriteString(u.keys, s); err != nil {
		u.tb.Fatal(err)
	}
}

func (u *user) resize(rows, cols uint16) {
	u.tb.Helper()
	if err := pty.Setsize(u.keys, &pty.Winsize{Rows: rows, Cols: cols}); err != nil {
		u.tb.Fatal(err)
	}
}

// wantExit waits for the end of the shell, after which the user's terminal
// must be what it was before.
func (u *user) wantExit(code int) {
	u.tb.Helper()
	limit := time.AfterFunc(patience, func() { _ = u.cmd.Process.Kill() })
	defer limit.Stop()
	var failed *exec.ExitError
	if err := u.cmd.Wait(); err != nil && !errors.As(err, &failed) {
		u.tb.Fatal(err)
	}
	if got := u.cmd.ProcessState.ExitCode(); got != code {
		u.tb.Errorf("exit code %d, want %d; the screen:\n%s", got, code, u)
	}
	after, err := term.GetState(int(u.tty.Fd()))
	if err != nil {
		u.tb.Fatal(err)
	}
	if *after != *u.before {
		u.tb.Error("the terminal was not restored")
	}
}

func TestAShellHasTheWindowsSizeFromTheStartAndPassesTheExitCodeOn(t *testing.T) {
	t.Parallel()
	m := startMachine(t)
	u := m.shell(t, "--env", "GREETING=hello", "--", "/bin/sh", "-c", `stty size; echo "$GREETING $TERM"; exit 7`)
	u.wantExit(7)
	u.await(t, "33 101")
	u.await(t, "hello xterm")

	u = m.shell(t, "/bin/sh", "-c", "kill -9 $$")
	u.wantExit(128 + 9)

	u = m.shell(t, "/no/such/program")
	u.wantExit(exitFailed)
	u.await(t, "open a terminal")
}

func TestAShellIsTheUsersOwnAndFollowsTheWindow(t *testing.T) {
	t.Parallel()
	u := startMachine(t).shell(t)
	u.types("echo $((20+3))x; stty size\r")
	u.await(t, "23x")
	u.await(t, "33 101")
	u.resize(40, 120)
	u.types("until stty size | grep '40 120'; do :; done; echo $((20+4))x\r")
	u.await(t, "24x")
	// An interrupt is the machine's, and drops what was typed with it.
	prompts := strings.Count(u.String(), "$ ")
	u.types("\x03")
	u.awaitMore(prompts, "$ ")
	u.types("exit 3\r")
	u.wantExit(3)
}

// notes is a machine with a file, and an editor for it.
func notes(tb testing.TB) (m *machine, editor, file string) {
	tb.Helper()
	editor, err := exec.LookPath("vi")
	if err != nil {
		tb.Skip("this machine has no vi")
	}
	m = startMachine(tb)
	file = filepath.Join(m.root, "notes")
	if err := os.WriteFile(file, []byte("remember the milk\n"), 0o644); err != nil {
		tb.Fatal(err)
	}
	return m, editor, file
}

func TestAnEditorInAShellOpensFollowsTheWindowAndQuits(t *testing.T) {
	t.Parallel()
	m, editor, file := notes(t)
	u := m.shell(t, editor, "-u", "NONE", "-N", "notes")
	u.await(t, "remember the milk")
	u.resize(41, 123)
	// The size may take a moment to get there; the editor is asked until then.
	sized := regexp.MustCompile(`columns=123`)
	for deadline := time.Now().Add(patience); !sized.MatchString(u.String()); {
		if time.Now().After(deadline) {
			t.Fatalf("the editor does not see the new size:\n%q", u)
		}
		seen := strings.Count(u.String(), "columns=")
		u.types("\x1b:set columns?\r")
		u.awaitMore(seen, "columns=")
	}
	u.types("\x1b:set lines?\r")
	u.await(t, "lines=41")
	u.types("\x1bobuy bread\x1b:wq\r")
	u.wantExit(0)
	if data, err := os.ReadFile(file); err != nil || string(data) != "remember the milk\nbuy bread\n" {
		t.Errorf("the file holds %q, %v", data, err)
	}
}

// awaitMore waits until text was printed more than n times.
func (u *user) awaitMore(n int, text string) {
	u.tb.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		u.mu.Lock()
		count, changed := strings.Count(u.buf.String(), text), u.changed
		u.mu.Unlock()
		if count > n {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			u.tb.Fatalf("%q was not printed again; there was:\n%q", text, u)
		}
	}
}

func TestAShellDetachesAndGoesOnLater(t *testing.T) {
	t.Parallel()
	m := startMachine(t)
	u := m.shell(t)
	u.types("echo $((20+3))x\r")
	u.await(t, "23x")
	u.types("~~~.\r~.")
	u.wantExit(0)
	u.await(t, "--attach ")
	_, id, _ := strings.Cut(u.String(), "--attach ")
	u = m.shell(t, "--attach", strings.TrimSpace(id))
	u.await(t, "23x") // the relay holds what was shown
	u.types("\x15until stty size | grep '33 101'; do :; done; echo $((40+4))y\r")
	u.await(t, "44y")
	u.types("exit 5\r")
	u.wantExit(5)
}

func TestAShellThatIsEndedHangsUpAndRestoresTheTerminal(t *testing.T) {
	t.Parallel()
	m := startMachine(t)
	for name, sig := range map[string]syscall.Signal{"terminate": syscall.SIGTERM, "hangup": syscall.SIGHUP} {
		u := m.shell(t, "/bin/sh", "-c", `trap 'echo > `+name+`; exit' HUP; echo u"p"; while :; do sleep 0.05; done`)
		u.await(t, "up\r\n")
		if err := u.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		u.wantExit(exitFailed)
		if _, err := os.Stat(filepath.Join(m.root, name)); err != nil {
			t.Errorf("the machine's terminal was not hung up: %v", err)
		}
	}
}

func TestAShellNeedsATerminalAndARelay(t *testing.T) {
	t.Parallel()
	m := startMachine(t, "--no-relay")
	cmd := program(t, m.home, "shell")
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(string(out), "needs a terminal") {
		t.Errorf("without a terminal: exit code %d, %s", code, out)
	}
	u := m.shell(t)
	u.wantExit(2)
	u.await(t, "there is no relay")
}

func TestCallSaysOnATerminalWhichAgentItTook(t *testing.T) {
	t.Parallel()
	m := startMachine(t, "--agent", "machine", "--no-relay")
	keys, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	cmd := program(t, m.home, "call", "exec", "pwd")
	cmd.Stderr = tty
	out, err := cmd.Output()
	tty.Close()
	if err != nil || strings.TrimSpace(string(out)) != m.root {
		t.Errorf("it printed %q, error %v, want %q", out, err, m.root)
	}
	said, _ := io.ReadAll(keys) // until the terminal's last end is closed
	if want := "agent machine of workspace local in " + m.root + "\r\n"; string(said) != want {
		t.Errorf("it said %q, want %q", said, want)
	}
}

//go:build unix

package helper_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"agentproof/suite/helper"
)

// A role is one command with what it needs and what it has to print.
type role struct {
	args  []string
	input string
	after string // with raw: what it prints before it wants the input
	raw   bool   // it needs a terminal
	code  int
	want  string // part of its stdout
}

// roles holds every command of the table but those that are not for cases. Each
// runs in a directory with the files that fixture makes.
var roles = []role{
	{args: []string{"help"}, want: "pty-sink"},
	{args: []string{"report", "x"}, want: `"args":["x"]`},
	{args: []string{"env", "PATH"}, want: `"present":true`},
	{args: []string{"exit", "3"}, code: 3},
	{args: []string{"sleep", "1ms"}},
	{args: []string{"signal", "TERM"}, code: -1},
	{args: []string{"out", "--stdout", "1", "--stderr", "1", "--seed", "65"}, want: "A"},
	{args: []string{"cat"}, input: "hello\n", want: "hello\n"},
	{args: []string{"digest"}, input: "hello\n", want: `"bytes":6`},
	{args: []string{"ignore-stdin", "1ms"}, input: "hello\n"},
	{args: []string{"tree", "--for", "1ms", "child", "orphan+setsid"}, want: `"kind":"orphan+setsid"`},
	{args: []string{"alive", "1"}, want: `"pid":1,`},
	{args: []string{"zombies-of", "1"}, want: `"processes":`},
	{args: []string{"symlink", "file", "new"}},
	{args: []string{"hardlink", "file", "new"}},
	{args: []string{"mkfifo", "new"}},
	{args: []string{"sparse", "new", "10"}},
	{args: []string{"chmod", "600", "file"}},
	{args: []string{"chown", "--", "-1", "-1", "file"}},
	{args: []string{"mtime", "1", "file"}},
	{args: []string{"mknames", ".", "ff"}, code: unlessLinux(helper.ExitFailure)},
	{args: []string{"remove", "file"}},
	{args: []string{"lstat", "file"}, want: `"size":7`},
	{args: []string{"slurp", "file"}, want: `"bytes":7`},
	{args: []string{"fill", ".", "2"}},
	{args: []string{"churn", "directory", "1ms"}, want: `"created":`},
	{args: []string{"append-lines", "-", "2"}, want: "line 0\nline 1\n"},
	{args: []string{"append-lines", "new", "2"}},
	{args: []string{"other-device", "."}, want: `"path":`},
	{args: []string{"small-disk", "--for", "1ms", "directory", "65536", "new"}},
	{args: []string{"winch"}, raw: true, after: "}", input: "quit", want: `"cols":`},
	{args: []string{"pty-echo"}, raw: true, after: helper.ReadyMarker,
		input: helper.BeginMarker + "hello" + helper.EndMarker, want: helper.BeginMarker + "hello" + helper.EndMarker},
	{args: []string{"pty-source", "1", "65"}, raw: true, want: helper.BeginMarker + "A" + helper.EndMarker},
	{args: []string{"pty-sink", "5"}, raw: true, after: helper.ReadyMarker, input: helper.BeginMarker + "hello", want: `"bytes":5`},
}

// unlessLinux is the code where only Linux takes any name.
func unlessLinux(code int) int {
	if runtime.GOOS == "linux" {
		return 0
	}
	return code
}

func fixture(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "directory"), 0o755),
		os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o644)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Agents differ in what they give their children: Node's default is sockets,
// which have no name that could be opened.
func TestEveryRoleWorksOnAnyDescriptors(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(*testing.T, *exec.Cmd, role) (stdout []byte){
		"pipes": onPipes, "sockets": onSockets, "files": onFiles, "a terminal": onTerminal,
	}
	for kind, run := range kinds {
		for _, r := range roles {
			t.Run(kind+" "+strings.Join(r.args, " "), func(t *testing.T) {
				t.Parallel()
				if kind == "a terminal" && runtime.GOOS != "linux" {
					t.Skip("elsewhere the kernel drops unread output when the child ends")
				}
				cmd := command(t, fixture(t), r.args...)
				stdout := string(bytes.ReplaceAll(run(t, cmd, r), []byte("\r\n"), []byte("\n")))
				if r.args[0] == "other-device" {
					removeAfter(t, stdout)
				}
				code, want := r.code, r.want
				if r.raw && kind != "a terminal" {
					code, want = helper.ExitFailure, ""
				}
				if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(stdout, want) {
					t.Errorf("exit code %d, want %d; stdout %q, want %q in it", got, code, stdout, want)
				}
			})
		}
	}
}

func TestEveryCommandForCasesIsTriedOnAllDescriptors(t *testing.T) {
	t.Parallel()
	tried := make(map[string]bool)
	for _, r := range roles {
		tried[r.args[0]] = true
	}
	for row := range strings.Lines(string(run(t, "help"))) {
		if name, _, _ := strings.Cut(row, " "); !tried[name] && !strings.Contains(row, "not for cases") {
			t.Errorf("%s is not among the roles", name)
		}
	}
}

// removeAfter removes the place that a command says it made.
func removeAfter(t *testing.T, stdout string) {
	t.Helper()
	if path := decode[helper.Place](t, []byte(stdout)).Path; path != "" {
		t.Cleanup(func() { _ = os.RemoveAll(path) })
	}
}

// ended waits for a role; how it ended is the caller's to judge.
func ended(t *testing.T, wait func() error) {
	t.Helper()
	err := wait()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
}

func onPipes(t *testing.T, cmd *exec.Cmd, r role) []byte {
	cmd.Stdin = strings.NewReader(r.input)
	return finish(t, cmd).stdout
}

func onFiles(t *testing.T, cmd *exec.Cmd, r role) []byte {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte(r.input), 0o644); err != nil {
		t.Fatal(err)
	}
	stdin, err := os.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stdout
	ended(t, cmd.Run)
	printed, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return printed
}

func onSockets(t *testing.T, cmd *exec.Cmd, r role) []byte {
	in, stdin := socketPair(t)
	out, stdout := socketPair(t)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = stdin.Close()
	_ = stdout.Close()
	if _, err := in.WriteString(r.input); err != nil && !errors.Is(err, syscall.EPIPE) {
		t.Fatal(err) // a role that reads nothing may be gone
	}
	_ = in.Close()
	printed, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	ended(t, cmd.Wait)
	return printed
}

// socketPair returns the two ends of a stream, this process's and the child's.
func socketPair(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	syscall.ForkLock.RLock() // as os/exec's own pipes: no other child inherits them
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs = os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	t.Cleanup(func() { _ = ours.Close(); _ = theirs.Close() })
	return ours, theirs
}

func onTerminal(t *testing.T, cmd *exec.Cmd, r role) []byte {
	master, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	var printed bytes.Buffer
	buf := make([]byte, 4096)
	for typed := false; ; {
		if !typed && bytes.Contains(printed.Bytes(), []byte(r.after)) {
			typed = true
			input := r.input
			if !r.raw {
				input += "\x04" // the end of a terminal's input
			}
			if _, err := master.WriteString(input); err != nil {
				t.Fatal(err)
			}
		}
		n, err := master.Read(buf)
		printed.Write(buf[:n])
		if err != nil {
			break // EIO: the last descriptor of the terminal was closed
		}
	}
	ended(t, cmd.Wait)
	if r.raw {
		return printed.Bytes()
	}
	// What was typed came back as an echo.
	echo := []byte(strings.ReplaceAll(r.input, "\n", "\r\n"))
	return bytes.Replace(printed.Bytes(), echo, nil, 1)
}

//go:build unix

package helper_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"agentproof/suite/helper"
)

// A session is a helper on a terminal of its own.
type session struct {
	tb     testing.TB
	master *os.File
	out    *bufio.Reader
	wait   func() error
}

func open(t testing.TB, size helper.Size, args ...string) *session {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the kernel drops unread output when the child ends")
	}
	cmd := command(t, t.TempDir(), args...)
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(size.Cols), Rows: uint16(size.Rows)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = master.Close()
	})
	return &session{t, master, bufio.NewReader(master), cmd.Wait}
}

func (s *session) enter(b []byte) {
	s.tb.Helper()
	if _, err := s.master.Write(b); err != nil {
		s.tb.Fatalf("type: %v", err)
	}
}

// expect reads past the next occurrence of mark.
func (s *session) expect(mark string) {
	s.tb.Helper()
	var got []byte
	for !bytes.HasSuffix(got, []byte(mark)) {
		b, err := s.out.ReadByte()
		if err != nil {
			s.tb.Fatalf("waiting for %q after %q: %v", mark, got, err)
		}
		got = append(got, b)
	}
}

func (s *session) read(n int) []byte {
	s.tb.Helper()
	got := make([]byte, n)
	if _, err := io.ReadFull(s.out, got); err != nil {
		s.tb.Fatalf("read %d bytes: %v", n, err)
	}
	return got
}

func (s *session) line() []byte {
	s.tb.Helper()
	line, err := s.out.ReadBytes('\n')
	if err != nil {
		s.tb.Fatalf("read a line after %q: %v", line, err)
	}
	return line
}

// finish demands that the helper has nothing more to say and exits with 0.
func (s *session) finish() {
	s.tb.Helper()
	rest, err := io.ReadAll(s.out)
	if len(rest) != 0 || err != nil && !errors.Is(err, syscall.EIO) {
		s.tb.Errorf("rest %q, %v", rest, err)
	}
	if err := s.wait(); err != nil {
		s.tb.Error(err)
	}
}

func TestReportSeesItsControllingTerminal(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.json")
	open(t, helper.Size{Cols: 91, Rows: 17}, "report", "--file", file).finish()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := decode[helper.Report](t, content)
	want := helper.Stream{TTY: true, Controlling: true, Foreground: true, Size: helper.Size{Cols: 91, Rows: 17}}
	if r.Stdin != want || r.Stdout != want || r.Stderr != want {
		t.Errorf("stdin %+v, stdout %+v, stderr %+v, want %+v", r.Stdin, r.Stdout, r.Stderr, want)
	}
	if r.SID != r.PID || r.PGID != r.PID {
		t.Errorf("pid %d, group %d, session %d", r.PID, r.PGID, r.SID)
	}
}

func TestReportTellsAForeignTerminalFromItsOwn(t *testing.T) {
	t.Parallel()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	cmd := command(t, t.TempDir(), "report")
	cmd.Stdin = slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	r := decode[helper.Report](t, finish(t, cmd).stdout)
	if !r.Stdin.TTY || r.Stdin.Controlling || r.Stdin.Foreground || r.Stdout.TTY {
		t.Errorf("stdin %+v, stdout %+v", r.Stdin, r.Stdout)
	}
}

func TestWinchTellsEverySize(t *testing.T) {
	t.Parallel()
	sizes := []helper.Size{{Cols: 80, Rows: 24}, {Cols: 132, Rows: 43}, {Cols: 1, Rows: 1}}
	s := open(t, sizes[0], "winch")
	for i, want := range sizes {
		if i > 0 {
			if err := pty.Setsize(s.master, &pty.Winsize{Cols: uint16(want.Cols), Rows: uint16(want.Rows)}); err != nil {
				t.Fatal(err)
			}
		}
		if got := decode[helper.Size](t, s.line()); got != want {
			t.Fatalf("size %+v, want %+v", got, want)
		}
	}
	s.enter([]byte("\nquit\n"))
	s.finish()
}

func TestWinchWritesEverySizeToAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "size.json")
	s := open(t, helper.Size{Cols: 80, Rows: 24}, "winch", "--file", file)
	for _, want := range []helper.Size{{Cols: 80, Rows: 24}, {Cols: 132, Rows: 43}} {
		if err := pty.Setsize(s.master, &pty.Winsize{Cols: uint16(want.Cols), Rows: uint16(want.Rows)}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the size in the file", func() bool {
			content, err := os.ReadFile(file)
			return err == nil && decode[helper.Size](t, content) == want
		})
	}
	s.enter([]byte("quit"))
	s.finish()
}

func TestPtyEchoReturnsEveryByteBetweenTheMarkers(t *testing.T) {
	t.Parallel()
	s := open(t, helper.Size{Cols: 80, Rows: 24}, "pty-echo")
	s.expect(helper.ReadyMarker)
	s.enter([]byte("\nnoise<agentproof:begin<" + helper.BeginMarker))
	if got := string(s.read(len(helper.BeginMarker))); got != helper.BeginMarker {
		t.Fatalf("began with %q", got)
	}
	// One byte at a time proves that nothing waits for more to come.
	for i := range 256 {
		b := byte(i)
		if b == helper.EndMarker[0] {
			continue // may start the marker, so it waits
		}
		s.enter([]byte{b})
		if got := s.read(1)[0]; got != b {
			t.Fatalf("typed %#x, got %#x", b, got)
		}
	}
	almost := []byte("<agentproof:en<<agentproof:begin>")
	s.enter(append(slices.Clone(almost), helper.EndMarker...))
	if got := s.read(len(almost)); !bytes.Equal(got, almost) {
		t.Errorf("got %q, want %q", got, almost)
	}
	if got := string(s.read(len(helper.EndMarker))); got != helper.EndMarker {
		t.Errorf("ended with %q", got)
	}
	s.finish()
}

func TestPtySourceWritesThePatternUnchanged(t *testing.T) {
	t.Parallel()
	const n = 1 << 20
	for name, wait := range map[string]bool{"at once": false, "when told to": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"pty-source"}
			if wait {
				args = append(args, "--wait")
			}
			s := open(t, helper.Size{Cols: 80, Rows: 24}, append(args, strconv.Itoa(n), "11")...)
			s.expect(helper.ReadyMarker)
			if wait {
				s.enter([]byte("\n" + helper.BeginMarker))
			}
			s.expect(helper.BeginMarker)
			if !bytes.Equal(s.read(n), helper.Pattern(11, n)) {
				t.Error("the pattern differs")
			}
			s.expect(helper.EndMarker)
			s.finish()
		})
	}
}

func TestPtySinkDigestsWhatWasTyped(t *testing.T) {
	t.Parallel()
	input := helper.Pattern(12, 256<<10)
	s := open(t, helper.Size{Cols: 80, Rows: 24}, "pty-sink", strconv.Itoa(len(input)))
	s.expect(helper.ReadyMarker)
	s.enter([]byte("\n" + helper.BeginMarker))
	s.enter(input)
	if got := decode[helper.Digest](t, s.line()); got != helper.DigestOf(input) {
		t.Errorf("got %+v, want %+v", got, helper.DigestOf(input))
	}
	s.finish()
}

func TestPtySinkTellsThroughFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ready, file := filepath.Join(dir, "ready"), filepath.Join(dir, "read.json")
	s := open(t, helper.Size{Cols: 80, Rows: 24}, "pty-sink", "--ready", ready, "--file", file, "5")
	eventually(t, "the file that says ready", func() bool {
		_, err := os.Stat(ready)
		return err == nil
	})
	s.expect(helper.ReadyMarker)
	s.enter([]byte("\n" + helper.BeginMarker + "a\x00\r\nb"))
	s.finish()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []byte("a\x00\r\nb")
	if got := decode[helper.Content](t, content); got.Digest != helper.DigestOf(want) || !bytes.Equal(got.Head, want) {
		t.Errorf("got %+v", got)
	}
}

func TestTerminalCommandsNeedATerminal(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"winch"}, {"pty-echo"}, {"pty-source", "1", "1"}, {"pty-sink", "1"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			if res := finish(t, command(t, t.TempDir(), args...)); res.code != helper.ExitFailure || len(res.stdout) != 0 {
				t.Errorf("exit code %d, stdout %q", res.code, res.stdout)
			}
		})
	}
}

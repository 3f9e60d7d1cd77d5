//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"

	"agentproof/suite/runner"
	"agentproof/suite/verdict"
)

// screen is a terminal and everything that was written to it.
type screen struct {
	master, terminal *os.File
	done             chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
}

// lastWords are written to a terminal before it is closed: what was not read by
// then is lost on macOS.
const lastWords = "\x1b[last words]"

// newScreen opens a terminal. end must be called before the text is complete.
func newScreen(t *testing.T, columns uint16) *screen {
	t.Helper()
	master, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(terminal, &pty.Winsize{Cols: columns, Rows: 24}); err != nil {
		t.Fatal(err)
	}
	s := &screen{master: master, terminal: terminal, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.text.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { s.end(); master.Close() })
	return s
}

// end waits for what was still on its way and closes the terminal.
func (s *screen) end() string {
	if _, err := s.terminal.WriteString(lastWords); err == nil {
		deadline := time.Now().Add(time.Minute)
		for !strings.Contains(s.String(), lastWords) && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
	}
	s.terminal.Close()
	<-s.done
	text, _, _ := strings.Cut(s.String(), lastWords)
	return text
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until the terminal has shown what the pattern matches.
func (s *screen) await(t *testing.T, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.Now().Add(2 * time.Minute)
	for !re.MatchString(s.String()) {
		if time.Now().After(deadline) {
			t.Fatalf("the terminal never showed %s, but\n%q", pattern, s)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// left is what a person sees in the end of lines that were rewritten.
func left(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if at := strings.LastIndex(line, "\r\x1b[K"); at >= 0 {
			line = line[at+len("\r\x1b[K"):]
		}
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	return strings.Join(lines, "\n")
}

// program is the program as a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), self(t), append([]string{asProgram}, args...)...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=")
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func TestOnATerminalThereAreProgressAndColours(t *testing.T) {
	t.Parallel()
	s := newScreen(t, 100)
	cmd := program(t, "run", "--case", "ping.**")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.terminal, s.terminal, s.terminal
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, s.end())
	}
	text := s.end()
	for _, want := range []string{"\r\x1b[Kstarting the agent", "▏  1/3  ", "ping.nonce/echoed", "\x1b[32m   3\x1b[0m", "\x1b[32m✓\x1b[0m"} {
		if !strings.Contains(text, want) {
			t.Errorf("the terminal never showed %q, but\n%q", want, text)
		}
	}
	if seen := left(text); strings.ContainsAny(seen, "▕▏") || strings.Contains(seen, "starting") {
		t.Errorf("something is left of the progress:\n%s", seen)
	}
}

func TestUnderNoColorProgressAndReportArePlain(t *testing.T) {
	t.Parallel()
	s := newScreen(t, 100)
	cmd := program(t, "run", "--case", "ping.nonce/echoed", "--", self(t), asAgent, "faulty")
	cmd.Env = append(cmd.Env, "NO_COLOR=1")
	cmd.Stdout, cmd.Stderr = s.terminal, s.terminal
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v\n%s", err, s.end())
	}
	text := s.end()
	if strings.Contains(text, "\x1b[3") || !strings.Contains(text, "1 failed") || !strings.Contains(text, "FAIL  ping.nonce/echoed") {
		t.Errorf("got\n%q", text)
	}
}

func TestAPipeGetsTheReportAndTheTerminalTheProgress(t *testing.T) {
	t.Parallel()
	s := newScreen(t, 100)
	cmd := program(t, "run", "--case", "ping.**")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, s.terminal
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, s.end())
	}
	if text := s.end(); !strings.Contains(text, "3/3") || left(text) != "" {
		t.Errorf("the terminal showed\n%q", text)
	}
	if strings.ContainsAny(out.String(), "\x1b\r▕") || !strings.Contains(out.String(), "✓ the bundled agent") {
		t.Errorf("the pipe got\n%q", out.String())
	}
}

// lines are the states that a progress line went through, without colours.
func lines(text string) []string {
	text = regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(text, "")
	return strings.Split(text, "\r\x1b[K")[1:]
}

func TestTheProgressLineFitsItsTerminal(t *testing.T) {
	t.Parallel()
	s := newScreen(t, 60)
	p := newProgressLine(s.terminal)
	p.update(runner.Progress{Total: 400, Done: 399, Running: []string{strings.Repeat("long", 20), "other"}})
	failed := &verdict.Result{ID: "exec.argv/kept", Status: verdict.Fail, Reason: strings.Repeat("reason ", 20)}
	p.update(runner.Progress{Total: 400, Done: 400, Last: failed})
	p.close()
	got := lines(s.end())
	if len(got) < 4 || got[0] != "starting the agent  0 s" {
		t.Fatalf("got %q", got)
	}
	got = got[1:]
	for _, line := range got {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\r\n")); n > 60 || n > 59 && !strings.HasPrefix(line, "FAIL") {
			t.Errorf("%d columns of 60: %q", n, line)
		}
	}
	if !strings.HasSuffix(got[0], "…") || !strings.HasPrefix(got[1], "FAIL  exec.argv/kept  reason ") || !strings.HasPrefix(got[2], "▕"+strings.Repeat("█", 24)+"▏  400/400  1 failed  0 s") {
		t.Errorf("got %q", got)
	}
	if last := got[len(got)-1]; last != "" {
		t.Errorf("it leaves %q", last)
	}
}

func TestTheProgressLineGoesOnWhileCasesWait(t *testing.T) {
	t.Parallel()
	s := newScreen(t, 80)
	p := newProgressLine(s.terminal)
	p.update(runner.Progress{Total: 8, Done: 1, Running: []string{"exec.timeout/waits"}})
	s.await(t, `▕███ +▏  1/8  [1-9]\d* s  exec.timeout/waits`)
	p.close()
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"agentproof/suite"
)

// programEnv makes the test binary the program itself.
const programEnv = "FAKEAGENT_TEST_PROGRAM"

// patience bounds every wait for something that takes moments.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	suite.Intercept()
	if os.Getenv(programEnv) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop)
		os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	// The developer's own agents are not the tests' to find.
	home, err := os.MkdirTemp("", "fakeagent-test-")
	if err == nil {
		err = os.Setenv("XDG_RUNTIME_DIR", home)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(home)
		os.Exit(code)
	}))
}

// program is the program as a process of its own, which finds in home what
// other processes there remembered.
func program(tb testing.TB, home string, args ...string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "AGENTPROOF_") || strings.HasPrefix(kv, "OPENGENI_")
	})
	cmd.Env = append(cmd.Env, programEnv+"=1", "XDG_RUNTIME_DIR="+home, "TERM=xterm", "SHELL=/bin/sh", "PS1=$ ", "ENV=")
	return cmd
}

// output keeps what a process prints. It is safe for concurrent use.
type output struct {
	mu      sync.Mutex // guards the fields below
	buf     bytes.Buffer
	changed chan struct{}
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// await waits until text was printed.
func (o *output) await(tb testing.TB, text string) {
	tb.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		o.mu.Lock()
		found, changed := strings.Contains(o.buf.String(), text), o.changed
		o.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			tb.Fatalf("%q was not printed in time; there was:\n%s", text, o)
		}
	}
}

// service is a process that runs until it is stopped.
type service struct {
	*output // of both streams
	cmd     *exec.Cmd
	ended   chan struct{}
}

// serve starts the program and waits until it says that it is ready.
func serve(tb testing.TB, cmd *exec.Cmd) *service {
	tb.Helper()
	s := &service{output: newOutput(), cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.output, s.output
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		_ = cmd.Wait()
	}()
	tb.Cleanup(func() { s.stop(tb) })
	s.await(tb, "ready\n")
	return s
}

// stop asks the process to end and returns its exit code.
func (s *service) stop(tb testing.TB) int {
	tb.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	return s.wait(tb)
}

// kill ends the process as a crash would.
func (s *service) kill(tb testing.TB) {
	tb.Helper()
	_ = s.cmd.Process.Kill()
	s.wait(tb)
}

func (s *service) wait(tb testing.TB) int {
	tb.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		tb.Fatalf("the process did not end; it printed:\n%s", s)
	}
	return s.cmd.ProcessState.ExitCode()
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agentproof/fixtures/broker"
)

// outcome is what an invocation left behind.
type outcome struct {
	code     int
	out, err string
}

// invoke runs the program in this process.
func invoke(tb testing.TB, in io.Reader, args ...string) outcome {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	var out, errw bytes.Buffer
	code := run(ctx, args, in, &out, &errw)
	return outcome{code, out.String(), errw.String()}
}

// nothing is an empty standard input.
func nothing() io.Reader { return strings.NewReader("") }

// want checks the exit code and that the texts hold what they should.
func (o outcome) want(tb testing.TB, code int, out, errw string) {
	tb.Helper()
	if o.code != code {
		tb.Errorf("exit code %d, want %d", o.code, code)
	}
	if !strings.Contains(o.out, out) {
		tb.Errorf("stdout lacks %q", out)
	}
	if !strings.Contains(o.err, errw) {
		tb.Errorf("stderr lacks %q", errw)
	}
	if tb.Failed() {
		tb.Logf("stdout:\n%s\nstderr:\n%s", o.out, o.err)
	}
}

// runner is a `fakeagent run`. It has a process of its own, because it adopts
// orphans.
type runner struct {
	cmd      *exec.Cmd
	home     string // where it remembers how to be reached
	root     string
	out, log *output
	ended    chan struct{}
}

// begin starts fakeagent run and returns at once.
func begin(tb testing.TB, environ []string, args ...string) *runner {
	tb.Helper()
	r := &runner{home: tb.TempDir(), root: tb.TempDir(), out: newOutput(), log: newOutput(), ended: make(chan struct{})}
	r.cmd = program(tb, r.home, append([]string{"run"}, args...)...)
	r.cmd.Env = append(r.cmd.Env, environ...)
	r.cmd.Dir, r.cmd.Stdout, r.cmd.Stderr = r.root, r.out, r.log
	if err := r.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		_ = r.cmd.Wait()
	}()
	tb.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.ended
	})
	return r
}

// start starts fakeagent run and waits until it is ready.
func start(tb testing.TB, environ []string, args ...string) *runner {
	tb.Helper()
	r := begin(tb, environ, args...)
	r.awaitReady(tb)
	return r
}

func (r *runner) awaitReady(tb testing.TB) {
	tb.Helper()
	eventually(tb, "it is ready", func() bool {
		select {
		case <-r.ended:
			tb.Fatalf("it ended instead of getting ready:\n%s", r.log)
		default:
		}
		said := r.out.String()
		return strings.HasSuffix(said, "ready\n") || strings.Contains(said, `"ready":true`)
	})
}

// told is the value that the announcement gives for a label.
func (r *runner) told(label string) string {
	for line := range strings.Lines(r.out.String()) {
		if name, value, _ := strings.Cut(line, " "); name == label {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// stop sends a signal and returns the exit code.
func (r *runner) stop(tb testing.TB, sig os.Signal) int {
	tb.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		tb.Fatal(err)
	}
	select {
	case <-r.ended:
	case <-time.After(patience):
		tb.Fatalf("it did not end; it logged:\n%s", r.log)
	}
	return r.cmd.ProcessState.ExitCode()
}

// call is the beginning of a `fakeagent call` that reaches the agent.
func (r *runner) call() []string {
	return []string{"call", "--nats", r.told("control"), "--workspace", "local", "--agent", strings.Split(r.told("subject"), ".")[2]}
}

// theirs is a broker that does not belong to fakeagent.
func theirs(tb testing.TB) *broker.Broker {
	tb.Helper()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return b
}

// eventually polls until ok holds.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			tb.Fatalf("not in time: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// decoded is a line of JSON.
func decoded(tb testing.TB, line string) map[string]any {
	tb.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		tb.Fatalf("%q: %v", line, err)
	}
	return m
}

// rememberedFile is the one file in home that says how to reach an agent.
func rememberedFile(tb testing.TB, home string) string {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(home, "agentproof", "agents", "*"))
	if err != nil || len(names) != 1 {
		tb.Fatalf("it remembers %q (%v), want one agent", names, err)
	}
	return names[0]
}

// remembered is how to reach the one agent that runs with home.
func remembered(tb testing.TB, home string) (r reach) {
	tb.Helper()
	data, err := os.ReadFile(rememberedFile(tb, home))
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

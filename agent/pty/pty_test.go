//go:build unix

package pty_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"agentproof/agent/internal/operr"
	"agentproof/agent/internal/process"
	"agentproof/agent/pty"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
	"agentproof/stream/producer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that takes milliseconds.
const patience = 30 * time.Second

// bench is the terminals of one agent, and a relay.
type bench struct {
	*pty.Terminals
	tb    testing.TB
	relay *relay.Server
	dir   string
}

func open(tb testing.TB) *bench {
	tb.Helper()
	return openAt(tb, relaytest.Start(tb, relay.Config{Rate: -1}))
}

func openAt(tb testing.TB, rs *relay.Server) *bench {
	tb.Helper()
	procs, err := process.NewRunner(process.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	b := &bench{tb: tb, relay: rs, dir: tb.TempDir()}
	b.Terminals = pty.New(pty.Config{
		WorkspaceID: "ws", AgentID: "agent", Shell: "/bin/sh", Processes: procs,
		Relay: producer.Config{
			RelayURL: rs.URL(), Token: relaytest.ProducerToken(tb, "ws", "agent"),
			Backoff: stream.Backoff{Min: 10 * time.Millisecond, Max: 50 * time.Millisecond},
		},
		Environ: func(over map[string]string) ([]string, error) {
			env := map[string]string{"PATH": os.Getenv("PATH"), "TERM": "dumb"}
			maps.Copy(env, over)
			var out []string
			for k, v := range env {
				out = append(out, k+"="+v)
			}
			return out, nil
		},
		Resolve: func(cwd string) (string, error) { return b.dir + "/" + cwd, nil },
	})
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := b.Shutdown(ctx); err != nil {
			tb.Error(err)
		}
		if err := procs.Close(ctx); err != nil {
			tb.Error(err)
		}
	})
	return b
}

// sh opens a terminal that runs a script.
func (b *bench) sh(script string) *agentv1.PtyOpenResponse {
	b.tb.Helper()
	return b.start(&agentv1.PtyOpenRequest{Command: []string{"/bin/sh", "-c", script}})
}

func (b *bench) start(req *agentv1.PtyOpenRequest) *agentv1.PtyOpenResponse {
	b.tb.Helper()
	resp, err := b.Open(b.tb.Context(), req)
	if err != nil {
		b.tb.Fatalf("open a terminal: %v", err)
	}
	return resp
}

// view attaches a viewer to a terminal.
func (b *bench) view(resp *agentv1.PtyOpenResponse) *stream.Viewer {
	b.tb.Helper()
	url := b.relay.URL() + "?" + stream.RouteOf(resp.GetChannel()).Query()
	v, err := stream.Dial(b.tb.Context(), url, relaytest.ViewerToken(b.tb, "ws", pty.Port, 1), &stream.DialOptions{Reconnect: true})
	if err != nil {
		b.tb.Fatalf("view the terminal: %v", err)
	}
	b.tb.Cleanup(v.Detach)
	return v
}

// rest reads what a viewer gets until the terminal ends.
func (b *bench) rest(v *stream.Viewer) string {
	b.tb.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(b.tb.Context(), patience)
	defer cancel()
	for {
		f, err := v.Read(ctx)
		if err != nil {
			var end *stream.CloseError
			if !errors.As(err, &end) || end.Reason != agentv1.StreamCloseReason_STREAM_CLOSE_REASON_PROCESS_EXIT {
				b.tb.Errorf("the stream ended with %v, want a StreamClose PROCESS_EXIT", err)
			}
			return out.String()
		}
		if f.Missed > 0 {
			b.tb.Errorf("%d frames missing before seq %d", f.Missed, f.Seq)
		}
		out.Write(f.Data)
	}
}

// until reads until the text was seen.
func (b *bench) until(v *stream.Viewer, text string) string {
	b.tb.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(b.tb.Context(), patience)
	defer cancel()
	for !strings.Contains(out.String(), text) {
		f, err := v.Read(ctx)
		if err != nil {
			b.tb.Fatalf("waiting for %q: %v; had %q", text, err, out.String())
		}
		out.Write(f.Data)
	}
	return out.String()
}

func (b *bench) close(id string) (int32, error) {
	resp, err := b.Close(b.tb.Context(), &agentv1.PtyCloseRequest{PtyId: id})
	return resp.GetExitCode(), err
}

func wantCode(tb testing.TB, err error, code agentv1.ErrorCode) {
	tb.Helper()
	var e *operr.Error
	if !errors.As(err, &e) || e.Code != code {
		tb.Errorf("err = %v, want %v", err, code)
	}
}

// eventually polls for what has no event.
func eventually(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !cond() {
		select {
		case <-ticker.C:
		case <-deadline:
			tb.Fatalf("never: %s", what)
		}
	}
}

func TestTheChildSeesTheTerminalThatWasAskedFor(t *testing.T) {
	t.Parallel()
	const script = `test -t 0 && test -t 1 && test -t 2 && printf 'tty '; stty size; echo "$TERM $FOO"; pwd -P`
	tests := map[string]struct {
		req  *agentv1.PtyOpenRequest
		want []string
	}{
		"defaults": {&agentv1.PtyOpenRequest{}, []string{"tty 24 80", "xterm-256color "}},
		"a size, a term and a variable": {
			&agentv1.PtyOpenRequest{Cols: 132, Rows: 50, Term: "vt100", Env: map[string]string{"TERM": "other", "FOO": "bar"}},
			[]string{"tty 50 132", "vt100 bar"},
		},
		"one 0 defaults on its own": {&agentv1.PtyOpenRequest{Cols: 100}, []string{"tty 24 100"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			tc.req.Command = []string{"/bin/sh", "-c", script}
			resp := b.start(tc.req)
			ch := resp.GetChannel()
			if ch.GetKind() != agentv1.StreamKind_STREAM_KIND_PTY || ch.GetPort() != pty.Port || ch.GetWorkspaceId() != "ws" || ch.GetAgentId() != "agent" {
				t.Errorf("channel %v", ch)
			}
			got := b.rest(b.view(resp))
			for _, line := range tc.want {
				if !strings.Contains(got, line) {
					t.Errorf("got %q, want a line %q", got, line)
				}
			}
		})
	}
}

func TestWhatIsTypedArrivesInOrderFromBothSides(t *testing.T) {
	t.Parallel()
	b := open(t)
	resp := b.sh(`stty -echo; echo ready; while read -r line; do echo "<$line>"; done`)
	v := b.view(resp)
	b.until(v, "ready")
	w, err := b.Write(t.Context(), &agentv1.PtyWriteRequest{PtyId: resp.GetPtyId(), Data: []byte("one\n")})
	if err != nil || w.GetBytesWritten() != 4 {
		t.Fatalf("write: %v, %v", w, err)
	}
	b.until(v, "<one>")
	if err := v.Write(t.Context(), []byte("two\n")); err != nil {
		t.Fatal(err)
	}
	b.until(v, "<two>")
}

func TestResizeReachesTheChild(t *testing.T) {
	t.Parallel()
	b := open(t)
	resp := b.sh(`trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done`)
	v := b.view(resp)
	b.until(v, "ready")
	for _, step := range []struct {
		cols, rows uint32
		want       string
	}{{100, 40, "40 100"}, {0, 10, "10 100"}, {1 << 20, 10, "10 65535"}} {
		if _, err := b.Resize(t.Context(), &agentv1.PtyResizeRequest{PtyId: resp.GetPtyId(), Cols: step.cols, Rows: step.rows}); err != nil {
			t.Fatal(err)
		}
		b.until(v, step.want)
	}
}

func TestTheEndOfATerminalTellsItsExitCode(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script string
		code   int32
	}{
		"an exit code":      {"exit 7", 7},
		"success":           {"exit 0", 0},
		"death by a signal": {"kill -TERM $$", 128 + 15},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			resp := b.sh(tc.script)
			b.rest(b.view(resp))
			eventually(t, "the terminal forgotten", func() bool { return b.Active() == 0 })
			_, err := b.Write(t.Context(), &agentv1.PtyWriteRequest{PtyId: resp.GetPtyId(), Data: []byte("x")})
			wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
			if code, err := b.close(resp.GetPtyId()); err != nil || code != tc.code {
				t.Errorf("close: %d, %v, want %d", code, err, tc.code)
			}
			_, err = b.close(resp.GetPtyId())
			wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
		})
	}
}

func TestCloseKillsEverythingOnTheTerminal(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"a shell":                    `sleep 1000 & echo pids $$ $!; wait`,
		"one that ignores hangups":   `trap '' HUP TERM; sleep 1000 & echo pids $$ $!; while :; do wait; done`,
		"a child in its own session": `setsid sh -c 'echo pids $$ $$; exec sleep 1000' & wait`,
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			resp := b.sh(script)
			v := b.view(resp)
			pids := pidsIn(t, b.until(v, "\n"))
			start := time.Now()
			code, err := b.close(resp.GetPtyId())
			if err != nil || code != -1 {
				t.Errorf("close: %d, %v, want -1", code, err)
			}
			for _, pid := range pids {
				eventually(t, fmt.Sprintf("process %d gone", pid), func() bool { return !alive(pid) })
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("gone after %v, want at most 2 s", took)
			}
			b.rest(v)
		})
	}
}

func pidsIn(t *testing.T, out string) []int {
	t.Helper()
	var a, b int
	i := strings.Index(out, "pids ")
	if i < 0 {
		t.Fatalf("no pids in %q", out)
	}
	if _, err := fmt.Sscanf(out[i:], "pids %d %d", &a, &b); err != nil {
		t.Fatalf("pids in %q: %v", out, err)
	}
	return []int{a, b}
}

// alive tells whether a process exists and is no zombie.
func alive(pid int) bool {
	if runtime.GOOS != "linux" {
		return syscall.Kill(pid, 0) == nil
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	return fields[0] != "Z"
}

func TestTheViewersCloseEndsTheTerminal(t *testing.T) {
	t.Parallel()
	b := open(t)
	resp := b.sh(`sleep 1000 & echo pids $$ $!; wait`)
	v := b.view(resp)
	pids := pidsIn(t, b.until(v, "\n"))
	if err := v.Close(t.Context(), agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, ""); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		eventually(t, "the processes gone", func() bool { return !alive(pid) })
	}
}

func TestLastOutputIsNeverLost(t *testing.T) {
	t.Parallel()
	b := open(t)
	// Many at once, so that children end before anybody has read.
	const terminals, lines = 40, 2000
	for range 3 {
		var opened []*agentv1.PtyOpenResponse
		for i := range terminals {
			opened = append(opened, b.sh(fmt.Sprintf("i=0; while [ $i -lt %d ]; do i=$((i+1)); echo $i; done; printf last-%d", lines, i)))
		}
		for i, resp := range opened {
			got := b.rest(b.view(resp))
			if want := fmt.Sprintf("last-%d", i); !strings.HasSuffix(got, want) || strings.Count(got, "\n") != lines {
				t.Errorf("terminal %d: %d lines, end %q", i, strings.Count(got, "\n"), got[max(0, len(got)-20):])
			}
		}
	}
}

func TestABackgroundProcessDoesNotHoldTheEndBack(t *testing.T) {
	t.Parallel()
	b := open(t)
	resp := b.sh(`(trap '' HUP; setsid sh -c 'while :; do echo noise; sleep 0.01; done') & sleep 0.2; exit 5`)
	b.rest(b.view(resp))
	eventually(t, "the terminal forgotten", func() bool { return b.Active() == 0 })
	if code, err := b.close(resp.GetPtyId()); err != nil || code != 5 {
		t.Errorf("close: %d, %v, want 5", code, err)
	}
}

func TestWhatCannotBeStartedLeavesNothing(t *testing.T) {
	t.Parallel()
	b := open(t)
	_, err := b.Open(t.Context(), &agentv1.PtyOpenRequest{Command: []string{"/no/such/program"}})
	wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
	_, err = b.Open(t.Context(), &agentv1.PtyOpenRequest{Cwd: "nowhere"})
	wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
	if n := b.Active(); n != 0 {
		t.Errorf("%d terminals open, want none", n)
	}
}

func TestARelayThatIsAwayIsAStreamError(t *testing.T) {
	t.Parallel()
	rs := relaytest.Start(t, relay.Config{})
	b := openAt(t, rs)
	rs.Kill()
	_, err := b.Open(t.Context(), &agentv1.PtyOpenRequest{})
	wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_STREAM)
}

func TestAStalledViewerDoesNotHoldAClose(t *testing.T) {
	t.Parallel()
	b := open(t)
	resp := b.sh(`while :; do echo 0123456789012345678901234567890123456789; done`)
	v := b.view(resp)
	b.until(v, "0123456789") // and never again
	if _, err := b.close(resp.GetPtyId()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func TestManyTerminalsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	b := open(t)
	count := 1000
	if testing.Short() {
		count = 50
	}
	before := openFiles(t)
	for range count {
		resp := b.sh("exit 0")
		if _, err := b.close(resp.GetPtyId()); err != nil {
			t.Fatal(err)
		}
	}
	// Other tests run beside this one; a leak of one a terminal would dwarf
	// what they hold.
	eventually(t, "the descriptors given back", func() bool { return openFiles(t) < before+count/2 })
}

func openFiles(t *testing.T) int {
	t.Helper()
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if entries, err := os.ReadDir(dir); err == nil {
			return len(entries)
		}
	}
	t.Fatal("no directory of open files")
	return 0
}

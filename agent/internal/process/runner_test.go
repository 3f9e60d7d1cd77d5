//go:build unix

package process_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"agentproof/agent/internal/operr"
	"agentproof/agent/internal/process"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script string
		want   int
	}{
		"success is 0":                {"exit 0", 0},
		"a status is passed on":       {"exit 1", 1},
		"126 is a status":             {"exit 126", 126},
		"127 is a status":             {"exit 127", 127},
		"the highest status":          {"exit 255", 255},
		"death by SIGTERM is -1":      {"kill -TERM $$", -1},
		"death by SIGKILL is -1":      {"kill -KILL $$", -1},
		"a killed child is no signal": {"sh -c 'kill -KILL $$'; exit 5", 5},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := run(t, sh(t, tc.script)); got.ExitCode != tc.want || got.TimedOut {
				t.Errorf("exit code %d, timed out %v; want %d", got.ExitCode, got.TimedOut, tc.want)
			}
		})
	}
}

func TestOutputIsByteExactAndApart(t *testing.T) {
	t.Parallel()
	res := run(t, sh(t, `printf 'a\000\377\n'; printf 'b\300\000' >&2`))
	if got, want := string(res.Stdout), "a\x00\xff\n"; got != want {
		t.Errorf("stdout %q, want %q", got, want)
	}
	if got, want := string(res.Stderr), "b\xc0\x00"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
	if res.OutputBytes != 7 || res.Overflow {
		t.Errorf("%d bytes, overflow %v; want 7, false", res.OutputBytes, res.Overflow)
	}
}

func TestNothingIsLostWhenACommandPrintsAndExitsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRunner(t)
	c := sh(t, "printf 'first\nlast'; printf 'error' >&2")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 40 {
				res, err := r.Run(t.Context(), c)
				if err != nil || string(res.Stdout) != "first\nlast" || string(res.Stderr) != "error" {
					t.Errorf("stdout %q, stderr %q, error %v", res.Stdout, res.Stderr, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestHundredCommandsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRunner(t)
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			want := strconv.Itoa(i)
			res, err := r.Run(t.Context(), process.Command{
				Argv: []string{"/bin/sh", "-c", "cat; echo $0", want}, Dir: dir, Env: os.Environ(), Stdin: []byte("in "),
			})
			if err != nil || string(res.Stdout) != "in "+want+"\n" {
				t.Errorf("command %d: %q, %v", i, res.Stdout, err)
			}
		})
	}
	wg.Wait()
}

func TestStdin(t *testing.T) {
	t.Parallel()
	t.Run("empty input is the end at once", func(t *testing.T) {
		t.Parallel()
		c := sh(t, "cat; echo end")
		c.Timeout = patience
		if res := run(t, c); string(res.Stdout) != "end\n" {
			t.Errorf("stdout %q", res.Stdout)
		}
	})
	t.Run("input is fed whole and then closed", func(t *testing.T) {
		t.Parallel()
		c := sh(t, "cat")
		c.Stdin = []byte("a\x00\xffb")
		if res := run(t, c); !bytes.Equal(res.Stdout, c.Stdin) {
			t.Errorf("stdout %q", res.Stdout)
		}
	})
	t.Run("several MiB in and out do not deadlock", func(t *testing.T) {
		t.Parallel()
		c := sh(t, "cat | tee /dev/stderr")
		c.Stdin = make([]byte, 6<<20)
		source := rand.NewChaCha8([32]byte{1})
		_, _ = source.Read(c.Stdin)
		res := run(t, c)
		if !bytes.Equal(res.Stdout, c.Stdin) || !bytes.Equal(res.Stderr, c.Stdin) {
			t.Errorf("%d bytes in, %d and %d out, or not the same", len(c.Stdin), len(res.Stdout), len(res.Stderr))
		}
	})
	t.Run("a command that ends without reading is no hang", func(t *testing.T) {
		t.Parallel()
		c := sh(t, "exit 4")
		c.Stdin = make([]byte, 4<<20)
		if res := run(t, c); res.ExitCode != 4 {
			t.Errorf("exit code %d", res.ExitCode)
		}
	})
	t.Run("the timeout counts while nobody reads", func(t *testing.T) {
		t.Parallel()
		c := sh(t, "exec sleep 60")
		c.Stdin = make([]byte, 4<<20)
		c.Timeout = 200 * time.Millisecond
		if res := run(t, c); !res.TimedOut {
			t.Error("did not time out")
		}
	})
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	c := sh(t, "echo before; sleep 60; echo after")
	c.Timeout = time.Second
	begin := time.Now()
	res := run(t, c)
	if !res.TimedOut || res.ExitCode != -1 {
		t.Errorf("timed out %v, exit code %d; want true, -1", res.TimedOut, res.ExitCode)
	}
	if string(res.Stdout) != "before\n" {
		t.Errorf("stdout %q, want what came before the timeout", res.Stdout)
	}
	if res.Duration < c.Timeout || res.Duration > time.Since(begin) {
		t.Errorf("duration %v", res.Duration)
	}
}

func TestTimeoutOfACommandThatIgnoresSignals(t *testing.T) {
	t.Parallel()
	c := sh(t, "trap '' TERM INT HUP; echo $$; while :; do sleep 1; done")
	c.Timeout = time.Second
	res := run(t, c)
	pid, err := strconv.Atoi(strings.TrimSpace(string(res.Stdout)))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the command is dead", func() bool { return !alive(pid) })
}

func TestDurationIsTheCommandsOwn(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	res := run(t, sh(t, "sleep 0.3"))
	if outside := time.Since(begin); res.Duration < 280*time.Millisecond || res.Duration > outside {
		t.Errorf("duration %v of a command of 300 ms, seen from outside %v", res.Duration, outside)
	}
}

func TestCancelEndsTheCommand(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	c, pids := child(t, "linger")
	done := make(chan error, 1)
	r := newRunner(t)
	go func() {
		_, err := r.Run(ctx, c)
		done <- err
	}()
	pid := awaitPIDs(t, pids, 1)[0]
	cancel(stop)
	if err := <-done; !errors.Is(err, stop) {
		t.Errorf("error %v, want the cause", err)
	}
	eventually(t, "the command is dead", func() bool { return !alive(pid) })
	if _, err := r.Run(ctx, c); !errors.Is(err, stop) {
		t.Errorf("a run with an ended context: %v, want the cause", err)
	}
}

func TestAClosedRunnerStartsNothing(t *testing.T) {
	t.Parallel()
	r := newRunner(t)
	for range 2 {
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c := sh(t, "touch trace")
	_, err := r.Run(t.Context(), c)
	if e, ok := errors.AsType[*operr.Error](err); !ok || e.Code != agentv1.ErrorCode_ERROR_CODE_DRAINING {
		t.Errorf("error %v, want DRAINING", err)
	}
	if exists(filepath.Join(c.Dir, "trace")) {
		t.Error("the command ran")
	}
}

func TestOutputBound(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		limit    int64
		overflow bool
		kept     int
	}{
		"output within the bound is whole": {limit: 300_000, kept: 300_000},
		"output beyond it is counted":      {limit: 100_000, overflow: true, kept: 100_000},
		"a bound of one byte":              {limit: 1, overflow: true, kept: 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := sh(t, "head -c 200000 /dev/zero; head -c 100000 /dev/zero >&2")
			c.MaxOutput = tc.limit
			res := run(t, c)
			if res.ExitCode != 0 || res.OutputBytes != 300_000 || res.Overflow != tc.overflow {
				t.Errorf("exit code %d, %d bytes, overflow %v", res.ExitCode, res.OutputBytes, res.Overflow)
			}
			if got := len(res.Stdout) + len(res.Stderr); got != tc.kept {
				t.Errorf("kept %d bytes, want %d", got, tc.kept)
			}
		})
	}
}

func TestBackgroundChild(t *testing.T) {
	t.Parallel()
	t.Run("delays the reply for less than a second", func(t *testing.T) {
		t.Parallel()
		begin := time.Now()
		res := run(t, sh(t, "sleep 60 & echo started"))
		if took := time.Since(begin) - res.Duration; took > time.Second {
			t.Errorf("the reply came %v after the end of the command", took)
		}
		if res.ExitCode != 0 || string(res.Stdout) != "started\n" {
			t.Errorf("exit code %d, stdout %q", res.ExitCode, res.Stdout)
		}
	})
	t.Run("is not killed by what it writes later", func(t *testing.T) {
		t.Parallel()
		r := newRunner(t)
		c := sh(t, "(until test -e go; do sleep 0.05; done; echo late; echo late >&2; touch alive) & echo started")
		if _, err := r.Run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		touch(t, filepath.Join(c.Dir, "go"))
		eventually(t, "the child lives on after its write", func() bool { return exists(filepath.Join(c.Dir, "alive")) })
	})
	t.Run("that never stops writing is no hang", func(t *testing.T) {
		t.Parallel()
		c := sh(t, "yes & echo started >&2")
		c.Timeout = patience
		if res := run(t, c); res.TimedOut || string(res.Stderr) != "started\n" {
			t.Errorf("timed out %v, stderr %q", res.TimedOut, res.Stderr)
		}
	})
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	touch(t, filepath.Join(dir, "plain"))
	script(t, filepath.Join(dir, "no-interpreter"), "#!/no/such/interpreter\n")
	script(t, filepath.Join(dir, "no-format"), "\x7fnonsense")
	const notFound, os_ = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND, agentv1.ErrorCode_ERROR_CODE_OS
	tests := map[string]struct {
		argv    []string
		dir     string
		code    agentv1.ErrorCode
		errno   syscall.Errno
		context string // what the context must name
	}{
		"a missing program by name":            {argv: []string{"no-such-program"}, code: notFound, errno: syscall.ENOENT, context: "no-such-program"},
		"a missing program by path":            {argv: []string{"/no/such"}, code: notFound, errno: syscall.ENOENT, context: "/no/such"},
		"an empty program name":                {argv: []string{""}, code: notFound, errno: syscall.ENOENT},
		"a missing interpreter":                {argv: []string{"./no-interpreter"}, code: notFound, errno: syscall.ENOENT, context: "no-interpreter"},
		"a missing directory":                  {argv: []string{"/bin/sh"}, dir: "/no/such/dir", code: notFound, errno: syscall.ENOENT, context: "/no/such/dir"},
		"a missing directory and program":      {argv: []string{"no-such-program"}, dir: "/no/such/dir", code: notFound, errno: syscall.ENOENT, context: "/no/such/dir"},
		"a directory that is a file":           {argv: []string{"/bin/sh"}, dir: filepath.Join(dir, "plain"), code: os_, errno: syscall.ENOTDIR, context: "plain"},
		"a file without permission to run":     {argv: []string{"./plain"}, code: os_, errno: syscall.EACCES, context: "plain"},
		"a directory as the program":           {argv: []string{"/tmp"}, code: os_, errno: syscall.EACCES, context: "/tmp"},
		"a file in no format the kernel knows": {argv: []string{"./no-format"}, code: os_, errno: syscall.ENOEXEC, context: "no-format"},
		"a program below a file":               {argv: []string{"./plain/x"}, code: os_, errno: syscall.ENOTDIR, context: "plain/x"},
		"a NUL byte in an argument":            {argv: []string{"/bin/sh", "a\x00b"}, code: os_, errno: syscall.EINVAL},
		"no program":                           {argv: nil, code: os_},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := process.Command{Argv: tc.argv, Dir: tc.dir, Env: os.Environ()}
			if c.Dir == "" {
				c.Dir = dir
			}
			_, err := newRunner(t).Run(t.Context(), c)
			e, ok := errors.AsType[*operr.Error](err)
			if !ok {
				t.Fatalf("error %v, want an *operr.Error", err)
			}
			if e.Code != tc.code || !strings.Contains(e.Detail["context"], tc.context) {
				t.Errorf("code %v, context %q; want %v, %q", e.Code, e.Detail["context"], tc.code, tc.context)
			}
			if tc.errno != 0 && e.Detail["errno"] != strconv.Itoa(int(tc.errno)) {
				t.Errorf("errno %s, want %d (%v)", e.Detail["errno"], int(tc.errno), tc.errno)
			}
		})
	}
}

func TestProgramLookup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, d := range []string{"first", "second", "nested"} {
		if err := os.MkdirAll(filepath.Join(dir, d, "tool-dir"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script(t, filepath.Join(dir, "first", "tool"), "#!/bin/sh\necho first\n")
	script(t, filepath.Join(dir, "second", "tool"), "#!/bin/sh\necho second\n")
	script(t, filepath.Join(dir, "second", "tool-dir-too"), "#!/bin/sh\necho second\n")
	script(t, filepath.Join(dir, "tool"), "#!/bin/sh\necho here\n")
	script(t, filepath.Join(dir, "second", "shadowed"), "#!/bin/sh\necho second\n")
	touch(t, filepath.Join(dir, "first", "shadowed"))
	if err := os.Mkdir(filepath.Join(dir, "first", "tool-dir-too"), 0o755); err != nil {
		t.Fatal(err)
	}
	script(t, filepath.Join(dir, "nested", "tool"), "#!/bin/sh\necho nested\n")
	if err := os.Symlink(filepath.Join("nested", "tool-dir"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ path, program, want string }{
		"the parent of a link is the target's": {dir + "/link/..", "tool", "nested\n"},
		"the first entry wins":                 {dir + "/first:" + dir + "/second", "tool", "first\n"},
		"a relative entry counts from cwd":     {"second", "tool", "second\n"},
		"an empty entry is cwd":                {":/nowhere", "tool", "here\n"},
		"a name with a slash ignores PATH":     {dir + "/first", "./tool", "here\n"},
		"a relative path counts from cwd":      {"", "second/tool", "second\n"},
		"an entry that is missing is skipped":  {"/no/such:" + dir + "/second", "tool", "second\n"},
		"a file that cannot run is passed":     {dir + "/first:" + dir + "/second", "shadowed", "second\n"},
		"a directory of that name is passed":   {dir + "/first:" + dir + "/second", "tool-dir-too", "second\n"},
		"only the last PATH in the env counts": {"second", "tool", "second\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := run(t, process.Command{
				Argv: []string{tc.program}, Dir: dir, Env: []string{"PATH=/overridden", "PATH=" + tc.path},
			})
			if string(res.Stdout) != tc.want {
				t.Errorf("ran %q, want %q", res.Stdout, tc.want)
			}
		})
	}
	t.Run("a program is missing though an entry may not be searched", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() == 0 {
			t.Skip("root may search every directory")
		}
		closed := filepath.Join(t.TempDir(), "closed")
		if err := os.Mkdir(closed, 0); err != nil {
			t.Fatal(err)
		}
		_, err := newRunner(t).Run(t.Context(), process.Command{Argv: []string{"missing"}, Dir: dir, Env: []string{"PATH=" + closed}})
		if e, ok := errors.AsType[*operr.Error](err); !ok || e.Code != agentv1.ErrorCode_ERROR_CODE_NOT_FOUND {
			t.Errorf("got %v, want NOT_FOUND", err)
		}
	})
	t.Run("argv[0] stays as it was given", func(t *testing.T) {
		t.Parallel()
		res := run(t, process.Command{Argv: []string{"sh", "-c", "ps -o args= -p $$ 2>/dev/null || tr '\\0' ' ' </proc/$$/cmdline"}, Dir: dir, Env: os.Environ()})
		if !strings.HasPrefix(string(res.Stdout), "sh -c") {
			t.Errorf("command line %q", res.Stdout)
		}
	})
}

func TestAFileThatIsStillOpenForWritingIsTriedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "busy")
	script(t, name, "#!/bin/sh\necho ran\n")
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(100*time.Millisecond, func() { _ = f.Close() })
	defer timer.Stop()
	res := run(t, process.Command{Argv: []string{name}, Dir: dir, Env: os.Environ()})
	if string(res.Stdout) != "ran\n" {
		t.Errorf("stdout %q", res.Stdout)
	}
}

func TestCommandLeadsASessionOfItsOwn(t *testing.T) {
	t.Parallel()
	c, pids := child(t, "linger")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := newRunner(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = r.Run(ctx, c)
	}()
	pid := awaitPIDs(t, pids, 1)[0]
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("process group %d of process %d, %v", group, pid, err)
	}
	cancel()
	<-done
}

func TestMarksNest(t *testing.T) {
	t.Parallel()
	c := sh(t, "echo $AGENTPROOF_COMMAND_ID")
	c.Env = append(c.Env, "AGENTPROOF_COMMAND_ID=outer.1")
	res := run(t, c)
	outer, inner, ok := strings.Cut(strings.TrimSpace(string(res.Stdout)), ",")
	if !ok || outer != "outer.1" || inner == "" {
		t.Errorf("marks %q, want the outer agent's and one more", res.Stdout)
	}
}

func touch(tb testing.TB, name string) {
	tb.Helper()
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		tb.Fatal(err)
	}
}

// script writes an executable without a fork in this process copying the
// descriptor, which would keep it from being run.
func script(tb testing.TB, name, text string) {
	tb.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		tb.Fatal(err)
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

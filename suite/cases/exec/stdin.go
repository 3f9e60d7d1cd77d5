package exec

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

const (
	// overPipe is more than any pipe holds, so that somebody has to read while
	// the agent writes, and below the smallest broker's limit.
	overPipe = 400_001

	// severalMiB is what the clause about large input names.
	severalMiB = 5<<20 + 1
)

func stdinCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "exec.stdin/fed-whole",
			Clause:  "exec.stdin",
			Needs:   engine.Exec,
			Explain: "Archives and patches arrive on stdin; a byte that is missing or changed spoils them silently.",
			Try:     "fakeagent call exec -i sha256sum < file",
			Run:     stdinWhole,
		},
		{
			ID:      "exec.stdin/closed-at-its-end",
			Clause:  "exec.stdin",
			Needs:   engine.Exec,
			Explain: "A filter ends when its input does. If nobody closes it, every cat and sort hangs.",
			Try:     "echo hi | fakeagent call exec -i cat",
			Run:     stdinClosed,
		},
		{
			ID:      "exec.stdin/empty-is-eof",
			Clause:  "exec.stdin",
			Needs:   engine.Exec,
			Explain: "A command that asks a question nobody can answer must see the end of input, and give up.",
			Try:     "fakeagent call exec cat",
			Run:     stdinEmpty,
		},
		{
			ID:      "exec.stdin-unread/command-exits",
			Clause:  "exec.stdin-unread",
			Needs:   engine.Exec,
			Explain: "head reads a little and leaves. The rest of its input has no reader, and must neither hang nor fail the request.",
			Try:     "seq 100000 | fakeagent call exec -i --argv sh -c 'exit 3'",
			Run:     unreadExit,
		},
		{
			ID:      "exec.stdin-unread/command-sleeps",
			Clause:  "exec.stdin-unread",
			Needs:   engine.Exec,
			Explain: "An agent that feeds stdin before it starts the clock waits for ever on a command that does not read.",
			Try:     "seq 100000 | fakeagent call exec -i --limit 1s sleep 20",
			Run:     unreadSleep,
		},
		{
			ID:      "exec.stdin-unread/command-closes-it",
			Clause:  "exec.stdin-unread",
			Needs:   engine.Exec,
			Explain: "A command may close its stdin and go on working; the broken pipe is nobody's failure.",
			Try:     "seq 100000 | fakeagent call exec -i --argv sh -c 'exec <&-; echo done'",
			Run:     unreadClosed,
		},
		{
			ID:      "exec.stdin-large/through-a-filter",
			Clause:  "exec.stdin-large",
			Needs:   engine.Exec,
			Explain: "A filter writes while it reads. An agent that does one after the other stops with both pipes full.",
			Try:     "head -c 5000000 /dev/urandom | fakeagent call exec -i cat | wc -c",
			Run:     largeThroughFilter,
		},
		{
			ID:      "exec.stdin-large/output-first",
			Clause:  "exec.stdin-large",
			Needs:   engine.Exec,
			Explain: "Some commands talk before they listen: whoever feeds them to the end before reading never ends.",
			Try:     "head -c 5000000 /dev/urandom | fakeagent call exec -i --argv sh -c 'head -c 5000000 /dev/zero; wc -c >&2'",
			Run:     largeOutputFirst,
		},
	}
}

func stdinWhole(ctx context.Context, t *engine.T) {
	req := command(ctx, t, t.Helper(ctx, "digest")...)
	req.Stdin = helper.Pattern(1, overPipe)
	r := t.Exec(ctx, req)
	if ended(t, r, 0) {
		engine.Equal(t, "what the command read", engine.Decode[helper.Digest](t, r), helper.DigestOf(req.Stdin))
	}
}

func stdinClosed(ctx context.Context, t *engine.T) {
	req := command(ctx, t, t.Helper(ctx, "digest")...)
	req.Stdin = []byte("no line end, and \x00 inside")
	r := t.Exec(ctx, req)
	if ended(t, r, 0) {
		engine.Equal(t, "what the command read", engine.Decode[helper.Digest](t, r), helper.DigestOf(req.Stdin))
	}
}

func stdinEmpty(ctx context.Context, t *engine.T) {
	r := t.Exec(ctx, command(ctx, t, t.Helper(ctx, "digest")...))
	if ended(t, r, 0) {
		engine.Equal(t, "what the command read", engine.Decode[helper.Digest](t, r).Bytes, 0)
	}
}

func unreadExit(ctx context.Context, t *engine.T) {
	req := command(ctx, t, sh("echo out; exit 3")...)
	without := t.Given().Exec(ctx, req)
	req = command(ctx, t, req.Command...)
	req.Stdin = bytes.Repeat([]byte("x"), overPipe)
	r := t.Exec(ctx, req)
	if ended(t, r, without.GetExitCode()) {
		engine.Equal(t, "stdout as of a command without stdin,", string(r.GetStdout()), string(without.GetStdout()))
	}
}

func unreadSleep(ctx context.Context, t *engine.T) {
	// The command lives much longer than its limit, and the answer must come
	// nearer to the limit than to the end of that life.
	const life, limit, late = "20s", 500 * time.Millisecond, 8 * time.Second
	argv := t.Helper(ctx, "sleep", life)
	t.Given().Check(timed(ctx, t.Given(), limit, argv...).GetTimedOut(), "a command without stdin that is timed out", "one that is not")
	req := command(ctx, t, argv...)
	req.Stdin = bytes.Repeat([]byte("x"), overPipe)
	req.TimeoutMs = uint32(limit.Milliseconds())
	start := time.Now()
	r := t.Exec(ctx, req)
	took := time.Since(start)
	t.Logf("it took %v", took)
	t.Check(r.GetTimedOut(), "a result that is timed out", "one that is not")
	t.Check(took < limit+late, "a timeout that counts from the start of the command", "one that waited for its stdin to be read")
}

func unreadClosed(ctx context.Context, t *engine.T) {
	req := command(ctx, t, t.Helper(ctx, "ignore-stdin", "200ms")...)
	req.Stdin = bytes.Repeat([]byte("x"), overPipe)
	ended(t, t.Exec(ctx, req), 0)
}

func largeThroughFilter(ctx context.Context, t *engine.T) {
	filter(ctx, t.Given(), overPipe)
	filter(ctx, t, severalMiB)
}

// filter feeds the helper that copies its stdin to its stdout.
func filter(ctx context.Context, t *engine.T, size int) {
	req := command(ctx, t, t.Helper(ctx, "cat")...)
	req.Stdin = helper.Pattern(2, size)
	r := t.Exec(ctx, req)
	if ended(t, r, 0) {
		engine.EqualBytes(t, "stdout", r.GetStdout(), req.Stdin)
	}
}

func largeOutputFirst(ctx context.Context, t *engine.T) {
	outputFirst(ctx, t.Given(), overPipe)
	outputFirst(ctx, t, severalMiB)
}

// outputFirst feeds the helper that fills stdout whole before it reads stdin.
func outputFirst(ctx context.Context, t *engine.T, size int) {
	line := fmt.Sprintf(`"$@" out --stdout %d --seed 3 && "$@" digest >&2`, size)
	req := command(ctx, t, sh(line, t.Helper(ctx)...)...)
	req.Stdin = helper.Pattern(2, size)
	r := t.Exec(ctx, req)
	if !ended(t, r, 0) {
		return
	}
	engine.EqualBytes(t, "stdout", r.GetStdout(), helper.Pattern(3, size))
	want := helper.DigestOf(req.Stdin)
	t.Check(bytes.Contains(r.GetStderr(), []byte(want.SHA256)), "stdin read whole after that", "another digest")
}

package exec

import (
	"context"
	"strconv"
	"time"

	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wire"
)

const (
	// smallPayload is the limit of the broker where output must exceed it, in
	// bytes; it is what brokers have by default.
	smallPayload = 1 << 20

	// beyondMemory is more output than an agent can mean to keep when its
	// broker carries smallPayload.
	beyondMemory = 64 << 20

	// beyondLimit, in milliseconds, is for so much output on a busy machine.
	beyondLimit = 50_000
)

func outputCases() []engine.Case {
	small := &engine.Launch{MaxPayload: smallPayload}
	return []engine.Case{
		{
			ID:      "exec.output/apart-and-byte-exact",
			Clause:  "exec.output",
			Needs:   engine.Exec,
			Explain: "A compiler's errors are not its product. Both come back as the command wrote them, binary and at sizes where buffers end.",
			Try:     "fakeagent call exec --argv sh -c 'head -c 400001 /dev/urandom | tee copy; echo no >&2' > out 2> err; cmp out copy",
			Run:     outputExact,
		},
		{
			ID:      "exec.output/nothing-added",
			Clause:  "exec.output",
			Needs:   engine.Exec,
			Explain: "A command that says nothing said nothing: a line end or a note that an agent adds breaks whoever compares.",
			Try:     "fakeagent call exec true | wc -c",
			Run:     outputEmpty,
		},
		{
			ID:      "exec.output/last-bytes-at-the-exit",
			Clause:  "exec.output",
			Needs:   engine.Exec,
			Explain: "Most commands print their result and exit at once. Whoever stops reading at the exit loses it now and then.",
			Try:     "for i in $(seq 200); do fakeagent call exec --argv sh -c 'echo last'; done | wc -l",
			Run:     outputLastBytes,
		},
		{
			ID:      "exec.output/tiny-writes",
			Clause:  "exec.output",
			Needs:   engine.Exec,
			Explain: "Thousands of writes of a byte or two must come together in their order, on both streams at once.",
			Try:     "fakeagent call exec --argv sh -c 'for i in $(seq 5000); do printf x; done'",
			Run:     outputTinyWrites,
		},
		{
			ID:      "exec.output/of-a-failed-command",
			Clause:  "exec.output",
			Needs:   engine.Exec,
			Explain: "When a command fails, its output is the reason, and what everybody reads first.",
			Try:     "fakeagent call exec --argv sh -c 'echo out; echo why >&2; exit 5'",
			Run:     outputOfFailure,
		},
		{
			ID:      "exec.output-bounded/reply",
			Clause:  "exec.output-bounded",
			Needs:   engine.Exec,
			Launch:  small,
			Explain: "yes must not eat the machine's memory, and its caller must learn that there was more than it can have, and how much.",
			Try:     "fakeagent call exec head -c 67108864 /dev/zero",
			Run:     boundedReply,
		},
		{
			ID:      "exec.output-bounded/pipes-drained",
			Clause:  "exec.output-bounded",
			Needs:   engine.Exec | engine.Filesystem,
			Launch:  small,
			Explain: "A build that prints too much still builds. Closing its pipe kills it half-way, and not reading it stops it for ever.",
			Try:     "fakeagent call exec --argv sh -c 'head -c 67108864 /dev/zero; echo done > finished'; fakeagent call read finished",
			Run:     boundedDrained,
		},
		{
			ID:      "exec.output-bounded/what-fits-is-kept",
			Clause:  "exec.output-bounded",
			Needs:   engine.Exec,
			Launch:  small,
			Explain: "The bound is there for the machine's sake: whatever a reply can carry must come through.",
			Try:     "fakeagent call exec head -c 1000000 /dev/zero | wc -c",
			Run:     boundedFits,
		},
	}
}

// out is the helper that writes patterns of those sizes to stdout and stderr.
func out(ctx context.Context, t *engine.T, stdout, stderr int, flags ...string) []string {
	argv := t.Helper(ctx, "out", "--stdout", strconv.Itoa(stdout), "--stderr", strconv.Itoa(stderr))
	return append(argv, flags...)
}

func outputExact(ctx context.Context, t *engine.T) {
	const stdout, stderr = 400_001, 300_007
	r := t.Exec(ctx, command(ctx, t, out(ctx, t, stdout, stderr)...))
	if ended(t, r, 0) {
		engine.EqualBytes(t, "stdout", r.GetStdout(), helper.Pattern(0, stdout))
		engine.EqualBytes(t, "stderr", r.GetStderr(), helper.Pattern(1, stderr))
	}
}

func outputEmpty(ctx context.Context, t *engine.T) {
	r := t.Exec(ctx, command(ctx, t, sh("exit 0")...))
	engine.EqualBytes(t, "stdout", r.GetStdout(), nil)
	engine.EqualBytes(t, "stderr", r.GetStderr(), nil)
	r = t.Exec(ctx, command(ctx, t, sh(`printf out; printf err >&2`)...))
	engine.EqualBytes(t, "stdout", r.GetStdout(), []byte("out"))
	engine.EqualBytes(t, "stderr", r.GetStderr(), []byte("err"))
}

func outputLastBytes(ctx context.Context, t *engine.T) {
	const lanes, each = 4, 40
	t.Dir(ctx)
	var lost [lanes]bool
	t.Lanes(lanes, func(lane int) {
		for range each {
			r := t.Exec(ctx, command(ctx, t, sh(`echo out; echo err >&2; echo last`)...))
			if string(r.GetStdout()) != "out\nlast\n" || string(r.GetStderr()) != "err\n" {
				lost[lane] = true
			}
		}
	})
	t.Check(lost == [lanes]bool{}, "all that was written before the exit, every time", "less, at least once")
}

func outputTinyWrites(ctx context.Context, t *engine.T) {
	const each = 8_000
	r := t.Exec(ctx, command(ctx, t, out(ctx, t, each, each, "--chunk", "1")...))
	if ended(t, r, 0) {
		engine.EqualBytes(t, "stdout", r.GetStdout(), helper.Pattern(0, each))
		engine.EqualBytes(t, "stderr", r.GetStderr(), helper.Pattern(1, each))
	}
}

func outputOfFailure(ctx context.Context, t *engine.T) {
	r := t.Exec(ctx, command(ctx, t, sh(`echo out; echo why >&2; exit 5`)...))
	ended(t.Given(), r, 5)
	engine.Equal(t, "stdout", string(r.GetStdout()), "out\n")
	engine.Equal(t, "stderr", string(r.GetStderr()), "why\n")
}

func boundedReply(ctx context.Context, t *engine.T) {
	req := command(ctx, t, out(ctx, t, beyondMemory-5, 5)...)
	req.TimeoutMs = beyondLimit
	e := t.WantError(t.Start(wire.NewRequest(req)).Response(ctx, t.Scale(wire.OpLimit)+beyondLimit*time.Millisecond), tooLarge)
	engine.Equal(t, "the detail total_output_bytes", e.GetDetail()["total_output_bytes"], strconv.Itoa(beyondMemory))
}

func boundedDrained(ctx context.Context, t *engine.T) {
	req := command(ctx, t, sh(`"$@" && echo done >finished`, out(ctx, t, beyondMemory/2, beyondMemory/2)...)...)
	req.TimeoutMs = beyondLimit
	// What the reply says is another case's matter.
	t.Start(wire.NewRequest(req)).Response(ctx, t.Scale(wire.OpLimit)+beyondLimit*time.Millisecond)
	t.Check(ran(ctx, t, "finished"), "a command that ran to its end", "one that did not")
}

func boundedFits(ctx context.Context, t *engine.T) {
	const size = smallPayload - 16<<10
	r := t.Exec(ctx, command(ctx, t, out(ctx, t, size, 0)...))
	if ended(t, r, 0) {
		engine.EqualBytes(t, "stdout", r.GetStdout(), helper.Pattern(0, size))
	}
}

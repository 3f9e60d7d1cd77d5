package errs

import (
	"context"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func osCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "error.os/path-through-a-file",
			Clause:  "error.os",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "file/x cannot be made by creating something: a caller that is told “missing” tries in vain.",
			Try:     "echo x | fakeagent call write file; fakeagent call read file/x",
			Run:     func(ctx context.Context, t *engine.T) { refusedByOS(ctx, t, throughFile(ctx, t)) },
		},
		{
			ID:      "error.os/git-working-directory-through-a-file",
			Clause:  "error.os",
			Needs:   engine.Git | engine.Filesystem,
			Explain: "git's cwd fails as every path does, and not because git is missing.",
			Try:     "echo x | fakeagent call write file; fakeagent call git --cwd file/x status",
			Run:     gitThroughFile,
		},
		{
			ID:      "error.os/links-in-a-circle",
			Clause:  "error.os",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A circle of links is neither missing nor endless work.",
			Try:     "fakeagent call exec 'ln -s loop loop'; fakeagent call read loop",
			Run:     func(ctx context.Context, t *engine.T) { refusedByOS(ctx, t, throughLoop(ctx, t)) },
		},
		{
			ID:      "error.os/name-too-long",
			Clause:  "error.os",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A name that no file system takes is the caller's mistake, and not a file that is missing.",
			Try:     "fakeagent call read $(printf '%300s' | tr ' ' x)",
			Run:     func(ctx context.Context, t *engine.T) { refusedByOS(ctx, t, tooLong(ctx, t)) },
		},
		{
			ID:      "error.os/wrong-kind-of-file",
			Clause:  "error.os",
			Needs:   engine.Filesystem,
			Explain: "Something is there and of another kind, or not empty: the caller must look before it goes on.",
			Try:     "echo x | fakeagent call write file; fakeagent call ls file",
			Run:     func(ctx context.Context, t *engine.T) { refusedByOS(ctx, t, wrongKind(ctx, t)) },
		},
		{
			ID:      "error.os/no-permission",
			Clause:  "error.os",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "What the owner's account may not touch is denied by the system; the caller must not take it for missing.",
			Try:     "fakeagent call exec chmod 0 dir; fakeagent call ls dir",
			Run:     noPermission,
		},
		{
			ID:      "error.os/argument-too-long",
			Clause:  "error.os",
			Needs:   engine.Exec,
			Explain: "The system refuses to start a program with too long an argument, though the program is there.",
			Try:     "fakeagent call exec echo $(head -c 200000 /dev/zero | tr '\\0' x)",
			Run:     argumentTooLong,
		},
	}
}

// A failure is an operation that a system call must fail, and with what.
type failure struct {
	engine.Attempt
	errno errno
}

// each gives attempts the same errno.
func each(e errno, attempts ...engine.Attempt) []failure {
	out := make([]failure, len(attempts))
	for i, a := range attempts {
		out[i] = failure{a, e}
	}
	return out
}

func refusedByOS(ctx context.Context, t *engine.T, failures []failure) {
	attempts := make([]engine.Attempt, len(failures))
	for i, f := range failures {
		attempts[i] = f.Attempt
	}
	t.RefusedAll(ctx, osError, attempts...)
}

// everyOperation is each operation that takes a path, on a path below dir.
func everyOperation(ctx context.Context, t *engine.T, dir string) []engine.Attempt {
	inner := dir + "/inner"
	return []engine.Attempt{
		readOf(inner), writeOf(inner), listOf(inner), mkdirOf(inner), statOf(inner), removeOf(inner),
		move(inner, t.Path(ctx, "moved")), move(t.File(ctx, "source", ""), inner),
		execIn(inner), run(t.Abs(ctx, dir) + "/inner"),
	}
}

// obstacle is the name of what is in the way of an operation.
const obstacle = "obstacle"

func throughFile(ctx context.Context, t *engine.T) []failure {
	return each(enotdir, everyOperation(ctx, t, t.File(ctx, obstacle, ""))...)
}

func gitThroughFile(ctx context.Context, t *engine.T) {
	needGit(ctx, t)
	t.RefusedAll(ctx, osError, gitIn(t.File(ctx, obstacle, "")+"/inner"))
}

func throughLoop(ctx context.Context, t *engine.T) []failure {
	t.Arrange(ctx, "symlink", obstacle, obstacle)
	loop := t.Path(ctx, obstacle)
	return each(eloop, append(everyOperation(ctx, t, loop), readOf(loop), listOf(loop), execIn(loop))...)
}

func tooLong(ctx context.Context, t *engine.T) []failure {
	// File systems end at 255 bytes or so, paths at 1024 or more.
	name := t.Path(ctx, obstacle+strings.Repeat("x", 300))
	attempts := everyOperation(ctx, t, name)
	attempts = append(attempts, readOf(name), writeOf(name), listOf(name), mkdirOf(name), statOf(name), execIn(name))
	return each(enametoolong, attempts...)
}

func wrongKind(ctx context.Context, t *engine.T) []failure {
	file := t.File(ctx, obstacle+"/file", "")
	dir := t.Path(ctx, obstacle)
	empty := t.Path(ctx, "empty")
	t.PutDir(ctx, empty)
	return []failure{
		{readOf(dir), eisdir},
		{writeOf(dir), eisdir},
		{listOf(file), enotdir},
		{mkdirOf(file), eexist},
		{mkdirOf(dir), eexist},
		{removeOf(dir), enotempty},
		{move(empty, dir), enotempty},
	}
}

func noPermission(ctx context.Context, t *engine.T) {
	file := t.File(ctx, obstacle+"/file", "")
	dir := t.Path(ctx, obstacle)
	denied := []engine.Attempt{
		readOf(file), writeOf(file), statOf(file), removeOf(file), listOf(dir), mkdirOf(dir + "/made"),
		move(file, t.Path(ctx, "moved")), execIn(dir), run(t.Abs(ctx, file)),
	}
	if engine.Probe[helper.FileInfo](ctx, t, "lstat", obstacle).UID == 0 {
		denied = deniedToRoot(ctx, t, file)
	} else {
		t.Arrange(ctx, "chmod", "0", obstacle)
		t.Cleanup(func(ctx context.Context) { t.RunHelper(ctx, "chmod", "755", obstacle) })
	}
	t.RefusedAll(ctx, osError, denied...)
}

// deniedToRoot is what even an agent that runs as root may not do: run a file
// that nobody may, and on Linux write to a constant of the kernel.
func deniedToRoot(ctx context.Context, t *engine.T, file string) []engine.Attempt {
	attempts := []engine.Attempt{run(t.Abs(ctx, file))}
	const constant = "/proc/sys/kernel/ostype"
	if engine.Probe[helper.FileInfo](ctx, t, "lstat", constant).Exists {
		attempts = append(attempts, writeOf(constant))
	}
	return attempts
}

func argumentTooLong(ctx context.Context, t *engine.T) {
	// Linux takes 128 KiB in one argument; others limit them all together.
	size := 200 << 10
	if systemOf(ctx, t) != "linux" {
		size = 3 << 19
		if t.Instance().Broker == nil {
			t.Untestable("an attached agent's broker may not carry an argument that is too long for this system")
		}
	}
	t.Refused(ctx, &agentv1.ExecRequest{
		Command: []string{"/bin/sh", "-c", "exit 0", "sh", strings.Repeat("x", size)}, Cwd: "/", TimeoutMs: commandLimit,
	}, osError)
}

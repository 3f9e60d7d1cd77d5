package path

import (
	"context"

	"agentproof/suite/engine"
)

func nulCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "path.nul/exec-cwd",
			Clause:  "path.nul",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "No path holds a NUL byte. A C string ends there, so an agent that passes it on runs the command in another directory.",
			Try:     "an exec with cwd \"dir\\x00x\" through any NATS client",
			Run:     nulExecCwd,
		},
		{
			ID:      "path.nul/git-cwd",
			Clause:  "path.nul",
			Needs:   engine.Git | engine.Filesystem,
			Explain: "git must not run in the directory that the path is called up to its NUL byte.",
			Run:     nulGitCwd,
		},
		{
			ID:      "path.nul/file-operations",
			Clause:  "path.nul",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A path that is cut at a NUL byte names another file: the one that an attacker meant.",
			Try:     "an fs_read of \"file\\x00.txt\" through any NATS client",
			Run:     nulFiles,
		},
	}
}

func nulExecCwd(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	t.RefusedAll(ctx, osError, execIn(dir+"\x00"), execIn(dir+"\x00x"), execIn("\x00"))
}

func nulGitCwd(ctx context.Context, t *engine.T) {
	needGit(ctx, t)
	t.RefusedAll(ctx, osError, gitIn(t.Dir(ctx)+"\x00x"))
}

func nulFiles(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "old")
	fresh := t.Path(ctx, "fresh")
	t.RefusedAll(ctx, osError,
		readOf(file+"\x00x"), writeOf(file+"\x00x"), statOf(file+"\x00x"), removeOf(file+"\x00x"), listOf(t.Dir(ctx)+"\x00x"),
		mkdirOf(fresh+"\x00x"), moveFrom(file+"\x00x", fresh), moveTo(file, fresh+"\x00x"))
	engine.Equal(t, "the file that the path names up to the NUL byte", script(ctx, t, `read x <file || :; echo "$x"`), "old\n")
	t.Check(script(ctx, t, `test -e fresh || echo none`) == "none\n", "nothing made under a part of the path", "a file")
}

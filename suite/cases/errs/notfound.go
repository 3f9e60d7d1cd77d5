package errs

import (
	"context"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func notFoundCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "error.not-found/file-operations",
			Clause:  "error.not-found",
			Needs:   engine.Filesystem,
			Explain: "Callers create what is missing and give up on the rest, so that every operation must say missing in the same way.",
			Try:     "fakeagent call read no/such/file; fakeagent call ls no/such/directory",
			Run:     missingFiles,
		},
		{
			ID:      "error.not-found/working-directory-and-program",
			Clause:  "error.not-found",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A command cannot start where there is no directory or no program, and that is not the machine's failure.",
			Try:     "fakeagent call exec --cwd no/such/directory pwd; fakeagent call exec --argv no-such-program",
			Run:     missingForExec,
		},
		{
			ID:      "error.not-found/git-working-directory",
			Clause:  "error.not-found",
			Needs:   engine.Git,
			Explain: "A repository that was not cloned yet is missing; git never ran.",
			Try:     "fakeagent call git --cwd no/such/repository status",
			Run:     missingForGit,
		},
		{
			ID:      "error.not-found/dangling-links",
			Clause:  "error.not-found",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A link that leads nowhere is there, but what it names is not, and that is what was asked for.",
			Try:     "fakeagent call exec 'ln -s nowhere link'; fakeagent call read link",
			Run:     danglingLinks,
		},
		{
			ID:      "error.not-found/terminals",
			Clause:  "error.not-found",
			Needs:   engine.PTY,
			Explain: "A viewer that comes back to a terminal that is gone opens a new one, if it is told so.",
			Try:     "a pty_write with an unknown id through any NATS client",
			Run:     unknownTerminals,
		},
		{
			ID:      "error.not-found/command-that-finds-nothing",
			Clause:  "error.not-found",
			Needs:   engine.Exec,
			Explain: "cat of a missing file is cat's failure. An agent that reads “no such file” out of stderr takes a result away from the caller.",
			Try:     "fakeagent call exec cat no-such-file; echo $?",
			Run:     commandFindsNothing,
		},
	}
}

func missingFiles(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "old")
	missing, below := t.Path(ctx, "missing"), t.Path(ctx, "missing", "inner")
	t.RefusedAll(ctx, notFound, readOf(missing), listOf(missing), removeOf(missing), move(missing, t.Path(ctx, "moved")),
		readOf(below), listOf(below), removeOf(below), writeOf(below), mkdirOf(below), move(file, below))
}

func missingForExec(ctx context.Context, t *engine.T) {
	missing := t.Path(ctx, "missing")
	t.RefusedAll(ctx, notFound, execIn(missing), execIn(missing+"/inner"),
		run(t.Abs(ctx, missing)), run(t.Abs(ctx, missing)+"/inner"))
}

func missingForGit(ctx context.Context, t *engine.T) {
	needGit(ctx, t)
	t.RefusedAll(ctx, notFound, gitIn(t.Path(ctx, "missing")))
}

func danglingLinks(ctx context.Context, t *engine.T) {
	t.Arrange(ctx, "symlink", "nowhere", "link")
	link := t.Path(ctx, "link")
	t.RefusedAll(ctx, notFound, readOf(link), listOf(link), execIn(link), run(t.Abs(ctx, link)), mkdirOf(link+"/made"))
}

func unknownTerminals(ctx context.Context, t *engine.T) {
	const id = "no-such-terminal"
	write := &agentv1.PtyWriteRequest{PtyId: id, Data: []byte("x")}
	if t.Instance().Hello() == nil && t.Call(ctx, write).GetError().GetCode() == unsupported {
		t.NotClaimed("the attached agent has no terminals")
	}
	t.RefusedAll(ctx, notFound,
		engine.Attempt{What: "pty_write", Op: write},
		engine.Attempt{What: "pty_resize", Op: &agentv1.PtyResizeRequest{PtyId: id, Cols: 80, Rows: 24}},
		engine.Attempt{What: "pty_close", Op: &agentv1.PtyCloseRequest{PtyId: id}})
}

func commandFindsNothing(ctx context.Context, t *engine.T) {
	resp := t.Call(ctx, &agentv1.ExecRequest{
		Command: t.Helper(ctx, "slurp", "no-such-file"), Cwd: t.Dir(ctx), TimeoutMs: commandLimit,
	})
	judge := t
	if resp.GetError().GetCode() != notFound {
		judge = t.Given() // another error is another clause's
	}
	judge.Check(resp.GetError() == nil, "a result of a command that finds nothing", "%s", engine.Outcome(resp))
}

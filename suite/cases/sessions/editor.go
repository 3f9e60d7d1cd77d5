package sessions

import (
	"context"
	"errors"
	"io/fs"

	"agentproof/session"
	"agentproof/suite/engine"
)

func editorCases() []engine.Case {
	return []engine.Case{
		{
			ID: "session.editor.create/new-file-with-parents", Clause: "session.editor.create", Needs: engine.Filesystem,
			Explain: "A model's first edit of a project is a new file in a new directory.",
			Run:     editorCreates,
		},
		{
			ID: "session.editor.create/refuses-an-existing-path", Clause: "session.editor.create", Needs: engine.Filesystem,
			Explain: "A model that believes a file is new must not wipe out the one that is there.",
			Run:     createRefuses,
		},
		{
			ID: "session.editor.update/applies-the-diff", Clause: "session.editor.update", Needs: engine.Filesystem,
			Explain: "An edit changes the lines that it names, and keeps the file's mode.",
			Run:     editorUpdates,
		},
		{
			ID: "session.editor.all-or-nothing/keeps-the-file", Clause: "session.editor.all-or-nothing", Needs: engine.Filesystem,
			Explain: "A diff whose second half does not fit must not leave its first half behind.",
			Run:     allOrNothing,
		},
		{
			ID: "session.editor.move/leaves-one-file", Clause: "session.editor.move", Needs: fsAndExec,
			Explain: "A rename ends with the content at the new path and nothing at the old one.",
			Run:     editorMoves,
		},
		{
			ID: "session.editor.move/onto-itself-is-none", Clause: "session.editor.move", Needs: engine.Filesystem,
			Explain: "A move to another spelling of the same path must not delete what it just wrote.",
			Run:     moveOntoItself,
		},
		{
			ID: "session.editor.delete/odd-names-and-only-them", Clause: "session.editor.delete", Needs: fsAndExec,
			Explain: "The delete goes through a shell; a name with quotes and blanks must not become a command.",
			Run:     editorDeletes,
		},
		{
			ID: "session.editor.refused-path/never-the-project", Clause: "session.editor.refused-path", Needs: fsAndExec,
			Explain: "No patch of a model may remove the whole project.",
			Run:     refusedPath,
		},
	}
}

func editorCreates(ctx context.Context, t *engine.T) {
	err := in(ctx, t).CreateEditor().CreateFile(ctx, session.CreateFileParams{Path: "/workspace/new/dir/f.txt", Diff: "+a\n+b\n+\n"})
	done(t, "a create", err)
	holds(ctx, t, t.Path(ctx, "new/dir/f.txt"), "a\nb\n")
}

func createRefuses(ctx context.Context, t *engine.T) {
	name := t.File(ctx, "f.txt", "precious")
	err := in(ctx, t).CreateEditor().CreateFile(ctx, session.CreateFileParams{Path: "f.txt", Diff: "+x"})
	t.Check(errors.Is(err, fs.ErrExist), "an error that is fs.ErrExist", "%s", condition(err))
	holds(ctx, t, name, "precious")
}

func editorUpdates(ctx context.Context, t *engine.T) {
	name := t.File(ctx, "f.txt", "one\ntwo\nthree\n")
	err := in(ctx, t).CreateEditor().UpdateFile(ctx, session.UpdateFileParams{Path: "f.txt", Diff: "@@\n one\n-two\n+zwei\n three\n"})
	done(t, "an update", err)
	holds(ctx, t, name, "one\nzwei\nthree\n")
}

func allOrNothing(ctx context.Context, t *engine.T) {
	name := t.File(ctx, "f.txt", "one\ntwo\n")
	err := in(ctx, t).CreateEditor().UpdateFile(ctx, session.UpdateFileParams{Path: "f.txt", Diff: "@@\n-one\n+eins\n@@\n-nine\n+neun\n"})
	t.Check(err != nil, "an error for a diff that does not apply", "none")
	holds(ctx, t, name, "one\ntwo\n")
}

func editorMoves(ctx context.Context, t *engine.T) {
	name := t.File(ctx, "old name.txt", "one\n")
	err := in(ctx, t).CreateEditor().UpdateFile(ctx, session.UpdateFileParams{
		Path: "old name.txt", MoveTo: "/workspace/sub/new.txt", Diff: "@@\n-one\n+eins\n",
	})
	done(t, "a move", err)
	holds(ctx, t, t.Path(ctx, "sub/new.txt"), "eins\n")
	absent(ctx, t, "nothing at the old path", name)
}

func moveOntoItself(ctx context.Context, t *engine.T) {
	name := t.File(ctx, "f.txt", "one\n")
	err := in(ctx, t).CreateEditor().UpdateFile(ctx, session.UpdateFileParams{
		Path: "f.txt", MoveTo: "/workspace/./f.txt", Diff: "@@\n-one\n+eins\n",
	})
	done(t, "an update", err)
	holds(ctx, t, name, "eins\n")
}

func editorDeletes(ctx context.Context, t *engine.T) {
	const odd = `it's "$(touch hacked)" -rf *`
	name := t.File(ctx, odd, "")
	t.File(ctx, "keep", "kept")
	editor := in(ctx, t).CreateEditor()
	done(t, "a delete", editor.DeleteFile(ctx, session.DeleteFileParams{Path: odd}))
	absent(ctx, t, "the file deleted", name)
	absent(ctx, t, "no command run from the name", t.Path(ctx, "hacked"))
	holds(ctx, t, t.Path(ctx, "keep"), "kept")
	done(t, "a delete of a missing path", editor.DeleteFile(ctx, session.DeleteFileParams{Path: "nope"}))
}

func refusedPath(ctx context.Context, t *engine.T) {
	t.File(ctx, "keep", "kept")
	editor := in(ctx, t).CreateEditor()
	for _, p := range []string{"", ".", "..", "/workspace", "/workspace/", "/workspace/..", "sub/..", "/"} {
		if editor.DeleteFile(ctx, session.DeleteFileParams{Path: p}) == nil {
			t.Errorf("a delete of "+quoted(p)+" to be refused", "no error")
		}
	}
	holds(ctx, t, t.Path(ctx, "keep"), "kept")
}

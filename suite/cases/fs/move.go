package fs

import (
	"context"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func moveCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.move.rename/file",
			Clause:  "fs.move.rename",
			Needs:   needs,
			Explain: "A rename leaves one file: a copy that stays behind is edited by mistake, a lost one is worse.",
			Try:     "fakeagent call mv old.txt new.txt && ls",
			Run:     moveFile,
		},
		{
			ID:      "fs.move.rename/directory",
			Clause:  "fs.move.rename",
			Needs:   needs,
			Explain: "A package is renamed with all that is in it, hidden files and links included.",
			Try:     "fakeagent call mv old-package new-package",
			Run:     moveDirectory,
		},
		{
			ID:      "fs.move.rename/symlink-itself",
			Clause:  "fs.move.rename",
			Needs:   needs,
			Explain: "Moving a link moves the link; its target is somebody else's file.",
			Try:     "ln -s real link && fakeagent call mv link other && ls -l",
			Run:     moveSymlink,
		},
		{
			ID:      "fs.move.no-overwrite/nothing-changes",
			Clause:  "fs.move.no-overwrite",
			Needs:   needs,
			Explain: "A file that was overwritten by a rename is gone for good; who did not ask for it must be stopped.",
			Try:     "fakeagent call mv new.txt existing.txt",
			Run:     moveOntoExisting,
		},
		{
			ID:      "fs.move.no-overwrite/empty-directory",
			Clause:  "fs.move.no-overwrite",
			Needs:   needs,
			Explain: "An empty directory exists too, although the system's own rename would replace it without a word.",
			Try:     "mkdir new empty && fakeagent call mv new empty",
			Run:     moveOntoEmptyDirectory,
		},
		{
			ID:      "fs.move.overwrite/file",
			Clause:  "fs.move.overwrite",
			Needs:   needs,
			Explain: "Saving by writing beside and moving over is how editors keep a file whole.",
			Try:     "fakeagent call mv -f new.txt existing.txt",
			Run:     moveOverFile,
		},
		{
			ID:      "fs.move.overwrite/symlink",
			Clause:  "fs.move.overwrite",
			Needs:   needs,
			Explain: "A link in the way is replaced; what it leads to was never named and must stay as it is.",
			Run:     moveOverSymlink,
		},
		{
			ID:      "fs.move.overwrite/empty-directory",
			Clause:  "fs.move.overwrite",
			Needs:   needs,
			Explain: "A directory that is moved over an empty one takes its place; it does not land inside it.",
			Try:     "mkdir empty && fakeagent call mv -f new empty && ls empty",
			Run:     moveOverEmptyDirectory,
		},
		{
			ID:      "fs.move.overwrite/nothing-there",
			Clause:  "fs.move.overwrite",
			Needs:   needs,
			Explain: "Overwriting is allowed and not demanded: a destination that is free is just taken.",
			Run:     moveOverNothing,
		},
		{
			ID:      "fs.move.missing-source/refused",
			Clause:  "fs.move.missing-source",
			Needs:   needs,
			Explain: "A rename of what is not there is a mistake that the caller can mend, and nothing must come of it.",
			Try:     "fakeagent call mv no-such-file new.txt",
			Run:     moveMissing,
		},
		{
			ID:      "fs.move.missing-source/destination-survives",
			Clause:  "fs.move.missing-source",
			Needs:   needs,
			Explain: "An agent that clears the way before it looks for the source loses the destination for nothing.",
			Run:     moveMissingKeepsDestination,
		},
		{
			ID:      "fs.move.onto-full-directory/refused",
			Clause:  "fs.move.onto-full-directory",
			Needs:   needs,
			Explain: "Replacing a file must never take a whole directory with it.",
			Try:     "fakeagent call mv -f new.txt full-directory",
			Run:     moveOntoFullDirectory,
		},
		{
			ID:      "fs.move.dangling-destination/recorded",
			Clause:  "fs.move.dangling-destination",
			Needs:   needs,
			Explain: "A link to nothing exists and does not, depending on who looks.",
			Try:     "ln -s nothing link && fakeagent call mv file link",
			Run:     moveOntoDangling,
		},
		{
			ID:      "fs.move.both-wrong/recorded",
			Clause:  "fs.move.both-wrong",
			Needs:   engine.Filesystem,
			Explain: "With two mistakes in one request either may be told; a caller should know which it will be.",
			Try:     "fakeagent call mv no-such-file existing.txt",
			Run:     moveBothWrong,
		},
	}
}

// move sends one move, in the case's directory, that must succeed.
func move(ctx context.Context, t *engine.T, from, to string, overwrite bool) {
	engine.Must[*agentv1.FsMoveResponse](ctx, t, moveRequest(ctx, t, from, to, overwrite))
}

func moveRequest(ctx context.Context, t *engine.T, from, to string, overwrite bool) *agentv1.FsMoveRequest {
	return &agentv1.FsMoveRequest{From: t.Path(ctx, from), To: t.Path(ctx, to), Overwrite: overwrite}
}

func moveFile(ctx context.Context, t *engine.T) {
	t.File(ctx, "old name", "content")
	move(ctx, t, "old name", "new name", false)
	wantText(ctx, t, "new name", "content")
	wantGone(ctx, t, "old name")
	t.Folder(ctx, "sub")
	move(ctx, t, "new name", "sub/third", false)
	wantText(ctx, t, "sub/third", "content")
	wantGone(ctx, t, "new name")
}

func moveDirectory(ctx context.Context, t *engine.T) {
	t.File(ctx, "old/sub/file", "content")
	t.File(ctx, "old/.hidden", "secret")
	t.Arrange(ctx, "symlink", "sub/file", "old/link")
	t.Arrange(ctx, "chmod", "750", "old/sub/file")
	move(ctx, t, "old", "new", false)
	wantGone(ctx, t, "old")
	wantText(ctx, t, "new/sub/file", "content")
	wantText(ctx, t, "new/.hidden", "secret")
	wantSymlink(ctx, t, "new/link", "sub/file")
	wantFileMode(ctx, t, "a file in a directory that was moved", "new/sub/file", 0o750)
}

func moveSymlink(ctx context.Context, t *engine.T) {
	t.File(ctx, "real", "content")
	t.Arrange(ctx, "symlink", "real", "link")
	t.Arrange(ctx, "symlink", "nothing", "dangling")
	move(ctx, t, "link", "moved", false)
	move(ctx, t, "dangling", "moved-dangling", false)
	wantSymlink(ctx, t, "moved", "real")
	wantSymlink(ctx, t, "moved-dangling", "nothing")
	wantGone(ctx, t, "link")
	wantGone(ctx, t, "dangling")
	wantText(ctx, t, "real", "content")
}

func moveOntoExisting(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "the source")
	t.File(ctx, "existing", "the destination")
	t.File(ctx, "dir/file", "inside")
	t.Arrange(ctx, "symlink", "existing", "link")
	t.RefusedAll(ctx, osError,
		engine.Attempt{What: "a file onto a file", Op: moveRequest(ctx, t, "file", "existing", false)},
		engine.Attempt{What: "a file onto a symlink to a file", Op: moveRequest(ctx, t, "file", "link", false)},
		engine.Attempt{What: "a file onto a directory", Op: moveRequest(ctx, t, "file", "dir", false)},
		engine.Attempt{What: "a directory onto a file", Op: moveRequest(ctx, t, "dir", "existing", false)},
	)
	wantText(ctx, t, "file", "the source")
	wantText(ctx, t, "existing", "the destination")
	wantText(ctx, t, "dir/file", "inside")
	wantSymlink(ctx, t, "link", "existing")
}

func moveOntoEmptyDirectory(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "the source")
	t.File(ctx, "dir/file", "inside")
	t.Folder(ctx, "empty")
	t.RefusedAll(ctx, osError,
		engine.Attempt{What: "a directory onto an empty directory", Op: moveRequest(ctx, t, "dir", "empty", false)},
		engine.Attempt{What: "a file onto an empty directory", Op: moveRequest(ctx, t, "file", "empty", false)},
	)
	wantText(ctx, t, "file", "the source")
	wantText(ctx, t, "dir/file", "inside")
	wantType(ctx, t, "empty", "directory")
	wantGone(ctx, t, "empty/file")
	wantGone(ctx, t, "empty/dir")
}

func moveOverFile(ctx context.Context, t *engine.T) {
	t.File(ctx, "new", "new")
	t.File(ctx, "existing", "an old and longer content")
	move(ctx, t, "new", "existing", true)
	wantText(ctx, t, "existing", "new")
	wantGone(ctx, t, "new")
}

func moveOverSymlink(ctx context.Context, t *engine.T) {
	t.File(ctx, "new", "new")
	t.File(ctx, "real", "the target's content")
	t.Arrange(ctx, "symlink", "real", "link")
	move(ctx, t, "new", "link", true)
	wantType(ctx, t, "link", "file")
	wantText(ctx, t, "link", "new")
	wantText(ctx, t, "real", "the target's content")
	wantGone(ctx, t, "new")
}

func moveOverEmptyDirectory(ctx context.Context, t *engine.T) {
	t.File(ctx, "new/file", "content")
	t.Folder(ctx, "empty")
	move(ctx, t, "new", "empty", true)
	wantText(ctx, t, "empty/file", "content")
	wantGone(ctx, t, "new")
}

func moveOverNothing(ctx context.Context, t *engine.T) {
	t.File(ctx, "new", "content")
	move(ctx, t, "new", "free", true)
	wantText(ctx, t, "free", "content")
	wantGone(ctx, t, "new")
}

func moveMissing(ctx context.Context, t *engine.T) {
	t.RefusedAll(ctx, notFound,
		engine.Attempt{What: "a move of a missing file", Op: moveRequest(ctx, t, "nothing", "new", false)},
		engine.Attempt{What: "a move of a missing file with overwrite", Op: moveRequest(ctx, t, "nothing", "new", true)},
		engine.Attempt{What: "a move from a missing directory", Op: moveRequest(ctx, t, "no/such/file", "new", false)},
	)
	wantGone(ctx, t, "new")
}

func moveMissingKeepsDestination(ctx context.Context, t *engine.T) {
	t.File(ctx, "existing", "stays")
	t.Folder(ctx, "empty")
	for _, to := range []string{"existing", "empty"} {
		resp := t.Call(ctx, moveRequest(ctx, t, "nothing", to, true))
		t.Check(resp.GetError() != nil, "an error for a source that does not exist", "a success")
	}
	wantText(ctx, t, "existing", "stays")
	wantType(ctx, t, "empty", "directory")
}

func moveOntoFullDirectory(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "the source")
	t.File(ctx, "dir/file", "inside")
	t.File(ctx, "full/file", "stays")
	t.RefusedAll(ctx, osError,
		engine.Attempt{What: "a directory onto a full one with overwrite", Op: moveRequest(ctx, t, "dir", "full", true)},
		engine.Attempt{What: "a file onto a full directory with overwrite", Op: moveRequest(ctx, t, "file", "full", true)},
		engine.Attempt{What: "a directory onto a full one", Op: moveRequest(ctx, t, "dir", "full", false)},
	)
	wantText(ctx, t, "file", "the source")
	wantText(ctx, t, "dir/file", "inside")
	wantText(ctx, t, "full/file", "stays")
	wantGone(ctx, t, "full/dir")
}

func moveOntoDangling(ctx context.Context, t *engine.T) {
	for _, how := range []struct {
		words     string
		overwrite bool
	}{{"without overwrite", false}, {"with overwrite", true}} {
		t.File(ctx, "file", "content")
		t.Arrange(ctx, "remove", "link", "nothing")
		t.Arrange(ctx, "symlink", "nothing", "link")
		resp := t.Call(ctx, moveRequest(ctx, t, "file", "link", how.overwrite))
		what := outcome(resp)
		if resp.GetError() == nil {
			what += ", and the destination is a " + lstat(ctx, t, "link").Type
		}
		t.Record("%s: %s", how.words, what)
	}
}

func moveBothWrong(ctx context.Context, t *engine.T) {
	t.File(ctx, "existing", "stays")
	t.Record("without overwrite: %s", outcome(t.Call(ctx, moveRequest(ctx, t, "nothing", "existing", false))))
}

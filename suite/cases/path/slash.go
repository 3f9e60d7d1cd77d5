package path

import (
	"context"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func slashCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "path.trailing-slash/after-a-file",
			Clause:  "path.trailing-slash",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A caller that writes file/ expects a directory, and must hear that there is none. Most path libraries drop the slash unasked.",
			Try:     "echo x | fakeagent call write file; fakeagent call read file/",
			Run:     slashAfterFile,
		},
		{
			ID:      "path.trailing-slash/exec-cwd",
			Clause:  "path.trailing-slash",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Completion in shells and editors leaves a slash behind a directory; that must go on working as a cwd.",
			Try:     "fakeagent call exec --cwd dir/ pwd",
			Run:     slashExecCwd,
		},
		{
			ID:      "path.trailing-slash/file-operations",
			Clause:  "path.trailing-slash",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "dir/ is the directory for every operation that takes one.",
			Try:     "fakeagent call ls dir/",
			Run:     slashAfterDirectory,
		},
		{
			ID:      "path.trailing-slash/after-a-link",
			Clause:  "path.trailing-slash",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "With a slash behind it, a link to a directory is that directory: so people ask for one or the other.",
			Try:     "fakeagent call exec 'ln -s dir link'; fakeagent call stat link/",
			Run:     slashAfterLink,
		},
		{
			ID:      "path.trailing-slash/no-file-made",
			Clause:  "path.trailing-slash",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Writing to new/ cannot make a file; an agent that makes one called new took the caller for somebody else.",
			Try:     "echo x | fakeagent call write new/; fakeagent call stat new",
			Run:     slashMakesNoFile,
		},
	}
}

func slashAfterFile(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "old")
	slashed := file + "/"
	t.RefusedAll(ctx, osError, readOf(slashed), statOf(slashed), listOf(slashed), writeOf(slashed), removeOf(slashed),
		moveFrom(slashed, t.Path(ctx, "moved")), execIn(slashed))
	engine.Equal(t, "the content of the file", script(ctx, t, `read x <file || :; echo "$x"`), "old\n")
}

func slashExecCwd(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	t.Check(where(ctx, t, dir+"/") == really(ctx, t, dir), "a command in that directory", "one elsewhere")
}

func slashAfterDirectory(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	landsIn(ctx, t, dir+"/", ".") // its names come after two slashes
	engine.Must[*agentv1.FsMkdirResponse](ctx, t, &agentv1.FsMkdirRequest{Path: dir + "/new/"})
	engine.Must[*agentv1.FsMoveResponse](ctx, t, &agentv1.FsMoveRequest{From: dir + "/new/", To: dir + "/newer/"})
	t.Check(script(ctx, t, `! test -d newer || test -e new || echo moved`) == "moved\n", "a directory that was made and moved", "none")
	engine.Must[*agentv1.FsRemoveResponse](ctx, t, &agentv1.FsRemoveRequest{Path: dir + "/newer/"})
	t.Check(script(ctx, t, `test -e newer || echo removed`) == "removed\n", "a directory that was removed", "one that is there")
}

func slashAfterLink(ctx context.Context, t *engine.T) {
	script(ctx, t, `mkdir target; ln -s target link`)
	wantDirectory(ctx, t, "link/", t.Path(ctx, "link")+"/")
}

func slashMakesNoFile(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "new")
	resp := t.Call(ctx, writeOf(name+"/").Op)
	t.Check(resp.GetError() != nil, "an error for fs_write to new/", "a result")
	t.Check(script(ctx, t, `test -e new || echo none`) == "none\n", "no file called new", "one that exists")
	if engine.Probe[helper.Report](ctx, t, "report").OS == "linux" {
		engine.Equal(t, "the error's code, which is that of EISDIR", resp.GetError().GetCode(), osError)
	}
}

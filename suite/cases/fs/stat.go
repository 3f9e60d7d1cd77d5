package fs

import (
	"context"
	"fmt"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func statCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.stat.present/file-and-directory",
			Clause:  "fs.stat.present",
			Needs:   needs,
			Explain: "Asking before acting works only if the answer is what the system would say.",
			Try:     "fakeagent call stat notes.txt",
			Run:     statPresent,
		},
		{
			ID:      "fs.stat.present/symlink-itself",
			Clause:  "fs.stat.present",
			Needs:   needs,
			Explain: "The entry of a link is the link's, in every field and not only in its kind.",
			Try:     "ln -s notes.txt link && fakeagent call stat link",
			Run:     statSymlink,
		},
		{
			ID:      "fs.stat.path-verbatim/as-asked",
			Clause:  "fs.stat.path-verbatim",
			Needs:   engine.Filesystem,
			Explain: "Callers find the answer to a path by the path that they asked with; a tidied one matches nothing.",
			Try:     "fakeagent call stat ./notes/../notes.txt",
			Run:     statVerbatim,
		},
		{
			ID:      "fs.stat.missing/no-error",
			Clause:  "fs.stat.missing",
			Needs:   engine.Filesystem,
			Explain: "Whether a file is there is a question with two good answers; an error is neither.",
			Try:     "fakeagent call stat no-such-file",
			Run:     statMissing,
		},
		{
			ID:      "fs.stat.dangling/exists",
			Clause:  "fs.stat.dangling",
			Needs:   needs,
			Explain: "A link that leads nowhere is in the way all the same: who is told that nothing is there fails to create it.",
			Try:     "ln -s nothing link && fakeagent call stat link",
			Run:     statDangling,
		},
		{
			ID:      "fs.stat.through-file/refused",
			Clause:  "fs.stat.through-file",
			Needs:   engine.Filesystem,
			Explain: "Below a file nothing can ever be created; `does not exist` invites a caller to try.",
			Try:     "fakeagent call stat notes.txt/x",
			Run:     statThroughFile,
		},
	}
}

// wantEntry checks that a path exists for a stat. Whether the fields are right is
// what the clauses about entries say.
func wantEntry(ctx context.Context, t *engine.T, name string) *agentv1.FsEntry {
	r := engine.Must[*agentv1.FsStatResponse](ctx, t, &agentv1.FsStatRequest{Path: t.Path(ctx, name)})
	engine.Equal(t, "the exists of a "+name, r.GetExists(), true)
	t.Check(r.GetEntry() != nil, "an entry for "+name, "none")
	return r.GetEntry()
}

func statPresent(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "content")
	t.Folder(ctx, "directory")
	wantEntry(ctx, t, "file")
	wantEntry(ctx, t, "directory")
}

func statSymlink(ctx context.Context, t *engine.T) {
	t.File(ctx, "real", "a content that is longer than the name")
	t.Arrange(ctx, "mtime", "1000000000000000000", "real")
	t.Arrange(ctx, "chmod", "604", "real")
	t.Folder(ctx, "directory")
	t.Arrange(ctx, "mtime", "1000000000000000000", "directory")
	for _, target := range []string{"real", "directory"} {
		name := "to-" + target
		t.Arrange(ctx, "symlink", target, name)
		e, link, behind := wantEntry(ctx, t, name), lstat(ctx, t, name), lstat(ctx, t, target)
		// A field that is the target's was not taken by lstat; one that is neither
		// the link's nor the target's is wrong in another way.
		wantOwn(t, "kind of "+name, e.GetKind(), kindSymlink, map[string]agentv1.FsEntryKind{"real": kindFile, "directory": kindDirectory}[target])
		wantOwn(t, "permission bits of "+name, e.GetMode()&0o777, link.Mode&0o777, behind.Mode&0o777)
		wantOwn(t, "modified_ms of "+name, e.GetModifiedMs(), link.MtimeNS/1_000_000, behind.MtimeNS/1_000_000)
		wantOwn(t, "size of "+name, e.GetSize(), uint64(link.Size), uint64(behind.Size))
	}
}

// wantOwn checks that a field of a link's entry is not that of the link's target.
func wantOwn[V comparable](t *engine.T, what string, got, links, targets V) {
	t.Check(got == links || got != targets, "the link's own "+what, "that of its target")
}

func statVerbatim(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "sub/file", "x")
	sub := t.Path(ctx, "sub")
	for _, p := range []string{file, "./" + file, sub + "//file", sub + "/../sub/file", t.Abs(ctx, file), sub + "/", ".", "", "/"} {
		e := t.Stat(ctx, p)
		if t.Check(e != nil, "an entry for a path that exists", "none") {
			t.Check(e.GetPath() == p, "the request's path, verbatim", "%s", differently(e.GetPath()))
		}
	}
}

// differently describes a path without the machine's own root in it.
func differently(p string) string {
	switch {
	case p == "":
		return "an empty one"
	case p[0] == '/':
		return "another absolute one"
	default:
		return fmt.Sprintf("%q", p)
	}
}

func statMissing(ctx context.Context, t *engine.T) {
	t.Folder(ctx, "sub")
	for _, name := range []string{"nothing", "sub/nothing", "no/such/file"} {
		r := engine.Must[*agentv1.FsStatResponse](ctx, t, &agentv1.FsStatRequest{Path: t.Path(ctx, name)})
		engine.Equal(t, "the exists of a path that does not,", r.GetExists(), false)
		t.Check(r.GetEntry() == nil, "no entry for a path that does not exist", "one")
	}
}

func statDangling(ctx context.Context, t *engine.T) {
	t.Arrange(ctx, "symlink", "nothing", "link")
	t.Arrange(ctx, "symlink", "self", "self")
	for _, name := range []string{"link", "self"} {
		r := engine.Must[*agentv1.FsStatResponse](ctx, t, &agentv1.FsStatRequest{Path: t.Path(ctx, name)})
		engine.Equal(t, "the exists of a symlink that leads nowhere,", r.GetExists(), true)
		t.Check(r.GetEntry() != nil, "an entry for a symlink that leads nowhere", "none")
	}
}

func statThroughFile(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "x")
	t.RefusedAll(ctx, osError,
		engine.Attempt{What: "a stat through a file", Op: &agentv1.FsStatRequest{Path: file + "/x"}},
		engine.Attempt{What: "a stat deep below a file", Op: &agentv1.FsStatRequest{Path: file + "/x/y"}},
	)
}

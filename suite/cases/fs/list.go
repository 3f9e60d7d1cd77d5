package fs

import (
	"context"
	"encoding/hex"
	"fmt"
	"path"
	"strconv"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func listCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.list.shallow/direct-entries",
			Clause:  "fs.list.shallow",
			Needs:   engine.Filesystem,
			Explain: "Opening a folder must not fetch the whole tree below it.",
			Try:     "fakeagent call ls",
			Run:     listShallow,
		},
		{
			ID:      "fs.list.shallow/empty-directory",
			Clause:  "fs.list.shallow",
			Needs:   engine.Filesystem,
			Explain: "An empty directory is listed as nothing, and is no error.",
			Try:     "mkdir empty && fakeagent call ls empty",
			Run:     listEmpty,
		},
		{
			ID:      "fs.list.shallow/many-entries",
			Clause:  "fs.list.shallow",
			Needs:   needs,
			Explain: "The system hands out a large directory in pieces; each entry must come, and come once.",
			Run:     listMany,
		},
		{
			ID:      "fs.list.shallow/beside-an-undecodable-name",
			Clause:  "fs.list.shallow",
			Needs:   needs,
			Explain: "One file whose name is not UTF-8 must not make its whole directory invisible.",
			Try:     `touch "$(printf 'bad\377name')" good && fakeagent call ls`,
			Run:     listBesideBadName,
		},
		{
			ID:      "fs.list.hidden/listed",
			Clause:  "fs.list.hidden",
			Needs:   engine.Filesystem,
			Explain: "What a project is set up with lies in dot files; what is not a file of it are `.` and `..`.",
			Try:     "touch .hidden && fakeagent call ls",
			Run:     listHidden,
		},
		{
			ID:      "fs.list.relative-path/of-every-entry",
			Clause:  "fs.list.relative-path",
			Needs:   engine.Filesystem,
			Explain: "Callers join an entry's path to the path that they listed, whichever way they wrote that.",
			Try:     "fakeagent call ls -R notes",
			Run:     listRelativePaths,
		},
		{
			ID:      "fs.list.relative-path/in-the-root",
			Clause:  "fs.list.relative-path",
			Needs:   engine.Filesystem,
			Explain: "The root is listed by an empty path, to which nothing can be joined but what is relative to it.",
			Run:     listRoot,
		},
		{
			ID:      "fs.list.recursive-order/whole-tree",
			Clause:  "fs.list.recursive-order",
			Needs:   engine.Filesystem,
			Explain: "Who copies a tree makes the entries in the order of the list, so a directory has to come before what lies in it.",
			Try:     "fakeagent call ls -R",
			Run:     listTree,
		},
		{
			ID:      "fs.list.recursive-order/deep-tree",
			Clause:  "fs.list.recursive-order",
			Needs:   engine.Filesystem,
			Explain: "Dependencies of dependencies nest deeply; a list that stops half-way down hides files.",
			Run:     listDeepTree,
		},
		{
			ID:      "fs.list.symlink-not-descended/into-a-directory",
			Clause:  "fs.list.symlink-not-descended",
			Needs:   needs,
			Explain: "A link out of the tree is part of the tree, and what it leads to is not.",
			Try:     "ln -s /usr link && fakeagent call ls -R",
			Run:     listLinkToDirectory,
		},
		{
			ID:      "fs.list.symlink-not-descended/loop",
			Clause:  "fs.list.symlink-not-descended",
			Needs:   needs,
			Explain: "A link to its own parent has no end for whoever follows it.",
			Try:     "ln -s . loop && fakeagent call ls -R",
			Run:     listLoop,
		},
		{
			ID:      "fs.list.symlink-root/followed",
			Clause:  "fs.list.symlink-root",
			Needs:   needs,
			Explain: "Who names a link as the folder to open wants to see what is in there.",
			Try:     "ln -s notes link && fakeagent call ls link",
			Run:     listThroughLink,
		},
		{
			ID:      "fs.list.missing/refused",
			Clause:  "fs.list.missing",
			Needs:   needs,
			Explain: "A folder that is gone is not an empty one.",
			Try:     "fakeagent call ls no-such-directory",
			Run:     listMissing,
		},
		{
			ID:      "fs.list.file/refused",
			Clause:  "fs.list.file",
			Needs:   engine.Filesystem,
			Explain: "A file has no entries; a list of one that gives itself makes callers walk into it.",
			Try:     "fakeagent call ls notes.txt",
			Run:     listFile,
		},
		{
			ID:      "fs.list.unreadable-child/recorded",
			Clause:  "fs.list.unreadable-child",
			Needs:   needs,
			Explain: "Whether one closed directory spoils the list of the tree around it is left to the agent, and worth knowing.",
			Try:     "mkdir -m 0 closed && fakeagent call ls -R",
			Run:     listUnreadable,
		},
	}
}

// paths are the paths of a list's entries, in its order.
func paths(entries []*agentv1.FsEntry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.GetPath()
	}
	return out
}

func listShallow(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "x")
	t.File(ctx, "sub/inner/file", "x")
	t.Folder(ctx, "two words")
	engine.EqualSet(t, "the entries", paths(t.List(ctx, t.Dir(ctx), false)), []string{"file", "sub", "two words"})
}

func listEmpty(ctx context.Context, t *engine.T) {
	engine.EqualSet(t, "the entries", paths(t.List(ctx, t.Dir(ctx), false)), nil)
	engine.EqualSet(t, "the entries of a recursive list", paths(t.List(ctx, t.Dir(ctx), true)), nil)
}

func listMany(ctx context.Context, t *engine.T) {
	const count = 3000
	t.Arrange(ctx, "fill", "--size", "0", ".", strconv.Itoa(count))
	times := make(map[string]int)
	for _, p := range paths(t.List(ctx, t.Dir(ctx), false)) {
		times[p]++
	}
	engine.Equal(t, "the number of different entries", len(times), count)
	for i := range count {
		name := fmt.Sprintf("file-%06d", i)
		if !t.Check(times[name] == 1, name+" once", "it %d times", times[name]) {
			return
		}
	}
}

func listBesideBadName(ctx context.Context, t *engine.T) {
	t.File(ctx, "good", "x")
	bad := hex.EncodeToString([]byte("bad\xff\xfename"))
	if r := t.RunHelper(ctx, "mknames", ".", bad); r.GetExitCode() != helper.ExitOK {
		t.NotClaimed("the agent's file system takes no name that is not UTF-8")
	}
	for _, recursive := range []bool{false, true} {
		entries := t.List(ctx, t.Dir(ctx), recursive)
		engine.Equal(t, "the number of entries", len(entries), 2)
		t.Check(strings.Contains(strings.Join(paths(entries), "/"), "good"), "an entry for good", "none")
	}
}

func listHidden(ctx context.Context, t *engine.T) {
	for _, name := range []string{".hidden", "..two-dots", "...", ".directory/.inner", "file"} {
		t.File(ctx, name, "x")
	}
	direct := []string{".hidden", "..two-dots", "...", ".directory", "file"}
	engine.EqualSet(t, "the entries", paths(t.List(ctx, t.Dir(ctx), false)), direct)
	engine.EqualSet(t, "the entries of a recursive list", paths(t.List(ctx, t.Dir(ctx), true)), append(direct, ".directory/.inner"))
}

func listRelativePaths(ctx context.Context, t *engine.T) {
	t.File(ctx, "top/sub/inner/file", "x")
	t.File(ctx, "top/file", "x")
	top := t.Path(ctx, "top")
	for _, listed := range []struct{ how, path string }{
		{"a relative path", top},
		{"a trailing slash", top + "/"},
		{"a dot", "./" + top + "/."},
		{"the parent", top + "/sub/.."},
		{"an absolute path", t.Abs(ctx, top)},
	} {
		engine.EqualSet(t, "with "+listed.how+" the paths", paths(t.List(ctx, listed.path, false)), []string{"file", "sub"})
		engine.EqualSet(t, "with "+listed.how+" the paths of a recursive list", paths(t.List(ctx, listed.path, true)),
			[]string{"file", "sub", "sub/inner", "sub/inner/file"})
	}
}

func listRoot(ctx context.Context, t *engine.T) {
	first, _, _ := strings.Cut(t.Dir(ctx), "/")
	for _, p := range []string{"", ".", t.Root(ctx)} {
		entries := t.List(ctx, p, false)
		found := false
		for _, e := range entries {
			found = found || e.GetPath() == first
		}
		t.Check(found, fmt.Sprintf("an entry with the path %q", first), "none")
	}
}

// wantTree checks that a list holds the paths, each directory before what lies
// in it.
func wantTree(t *engine.T, got, want []string) {
	engine.EqualSet(t, "the entries of the tree", got, want)
	seen := map[string]bool{".": true}
	for _, p := range got {
		seen[p] = true
		if !t.Check(seen[path.Dir(p)], path.Dir(p)+" before "+p, "it behind") {
			return
		}
	}
}

func listTree(ctx context.Context, t *engine.T) {
	// As strings, a-b and a.b sort between a and what lies in a.
	files := []string{"a/b/c/file", "a/.hidden/file", "a-b/file", "a.b/file", "z", "0/a"}
	for _, f := range files {
		t.File(ctx, f, "x")
	}
	t.Folder(ctx, "empty/inside")
	directories := []string{"a", "a/b", "a/b/c", "a/.hidden", "a-b", "a.b", "0", "empty", "empty/inside"}
	wantTree(t, paths(t.List(ctx, t.Dir(ctx), true)), append(directories, files...))
}

func listDeepTree(ctx context.Context, t *engine.T) {
	const depth = 60
	var want []string
	for i := range depth {
		want = append(want, strings.TrimPrefix(strings.Repeat("/d", i+1), "/"))
	}
	deepest := want[depth-1]
	t.File(ctx, deepest+"/file", "x")
	wantTree(t, paths(t.List(ctx, t.Dir(ctx), true)), append(want, deepest+"/file"))
}

func listLinkToDirectory(ctx context.Context, t *engine.T) {
	t.File(ctx, "outside/file", "x")
	t.File(ctx, "tree/sub/file", "x")
	t.Arrange(ctx, "symlink", "../outside", "tree/link")
	t.Arrange(ctx, "symlink", "sub", "tree/inner-link")
	entries := t.List(ctx, t.Path(ctx, "tree"), true)
	engine.EqualSet(t, "the entries", paths(entries), []string{"sub", "sub/file", "link", "inner-link"})
}

func listLoop(ctx context.Context, t *engine.T) {
	t.File(ctx, "sub/file", "x")
	t.Arrange(ctx, "symlink", "..", "sub/loop")
	t.Arrange(ctx, "symlink", "self", "self")
	engine.EqualSet(t, "the entries", paths(t.List(ctx, t.Dir(ctx), true)), []string{"sub", "sub/file", "sub/loop", "self"})
}

func listThroughLink(ctx context.Context, t *engine.T) {
	t.File(ctx, "real/sub/file", "x")
	t.Arrange(ctx, "symlink", "real", "link")
	engine.EqualSet(t, "the entries", paths(t.List(ctx, t.Path(ctx, "link"), false)), []string{"sub"})
	engine.EqualSet(t, "the entries of a recursive list", paths(t.List(ctx, t.Path(ctx, "link"), true)), []string{"sub", "sub/file"})
}

func listMissing(ctx context.Context, t *engine.T) {
	t.Arrange(ctx, "symlink", "nothing", "dangling")
	for _, recursive := range []bool{false, true} {
		how := map[bool]string{false: "a list of ", true: "a recursive list of "}[recursive]
		t.RefusedAll(ctx, notFound,
			engine.Attempt{What: how + "a missing path", Op: &agentv1.FsListRequest{Path: t.Path(ctx, "nothing"), Recursive: recursive}},
			engine.Attempt{What: how + "a missing path in a missing path", Op: &agentv1.FsListRequest{Path: t.Path(ctx, "no/such"), Recursive: recursive}},
			engine.Attempt{What: how + "a dangling symlink", Op: &agentv1.FsListRequest{Path: t.Path(ctx, "dangling"), Recursive: recursive}},
		)
	}
}

func listFile(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "x")
	t.RefusedAll(ctx, osError,
		engine.Attempt{What: "a list of a file", Op: &agentv1.FsListRequest{Path: file}},
		engine.Attempt{What: "a recursive list of a file", Op: &agentv1.FsListRequest{Path: file, Recursive: true}},
	)
}

func listUnreadable(ctx context.Context, t *engine.T) {
	t.File(ctx, "open/file", "x")
	t.File(ctx, "closed/file", "x")
	t.Arrange(ctx, "chmod", "000", "closed")
	t.Cleanup(func(ctx context.Context) { t.RunHelper(ctx, "chmod", "755", "closed") })
	resp := t.Call(ctx, &agentv1.FsListRequest{Path: t.Dir(ctx), Recursive: true})
	got := strings.Join(paths(resp.GetFsList().GetEntries()), " ")
	switch {
	case resp.GetError() != nil:
		t.Record("%s", outcome(resp))
	case strings.Contains(got, "closed/file"):
		t.Record("the agent's user can read everything")
	case strings.Contains(got, "closed"):
		t.Record("the child is listed and its content is skipped")
	default:
		t.Record("the child is skipped")
	}
}

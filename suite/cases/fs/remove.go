package fs

import (
	"context"
	"strconv"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func removeCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.remove.file/only-that-one",
			Clause:  "fs.remove.file",
			Needs:   needs,
			Explain: "A file goes, and nothing but it: a name with a star in it is a name.",
			Try:     "touch '*' stays && fakeagent call rm '*' && ls",
			Run:     removeFile,
		},
		{
			ID:      "fs.remove.file/read-only",
			Clause:  "fs.remove.file",
			Needs:   needs,
			Explain: "Git's objects are read-only files; removing a checkout must not stumble over them.",
			Try:     "touch f && chmod 444 f && fakeagent call rm f",
			Run:     removeReadOnly,
		},
		{
			ID:      "fs.remove.missing/refused",
			Clause:  "fs.remove.missing",
			Needs:   needs,
			Explain: "A caller that mistyped a name must hear of it, also where it asked for everything below.",
			Try:     "fakeagent call rm -r no-such-file",
			Run:     removeMissing,
		},
		{
			ID:      "fs.remove.full-directory/refused",
			Clause:  "fs.remove.full-directory",
			Needs:   needs,
			Explain: "A directory with something in it goes only when that was asked for.",
			Try:     "fakeagent call rm full-directory",
			Run:     removeFullDirectory,
		},
		{
			ID:      "fs.remove.recursive/whole-tree",
			Clause:  "fs.remove.recursive",
			Needs:   needs,
			Explain: "A clean build begins by removing the last one, hidden and read-only files included.",
			Try:     "fakeagent call rm -r build",
			Run:     removeTree,
		},
		{
			ID:      "fs.remove.recursive/many-files",
			Clause:  "fs.remove.recursive",
			Needs:   needs,
			Explain: "Removing while listing skips entries on some systems; then the directory is not empty at the end.",
			Run:     removeMany,
		},
		{
			ID:      "fs.remove.symlink-itself/target-stays",
			Clause:  "fs.remove.symlink-itself",
			Needs:   needs,
			Explain: "Taking down a link to a shared directory must not take down the directory.",
			Try:     "ln -s real link && fakeagent call rm -r link && ls real",
			Run:     removeSymlink,
		},
		{
			ID:      "fs.remove.symlinks-inside/never-followed",
			Clause:  "fs.remove.symlinks-inside",
			Needs:   needs,
			Explain: "A tree of dependencies is full of links to elsewhere; removing it through them empties somebody's home.",
			Try:     "mkdir tree && ln -s ../real tree/link && fakeagent call rm -r tree && ls real",
			Run:     removeTreeWithSymlinks,
		},
		{
			ID:      "fs.remove.root/refused",
			Clause:  "fs.remove.root",
			Needs:   engine.Filesystem,
			Explain: "An empty path is what a forgotten variable leaves; it must not cost the workspace.",
			Launch:  &engine.Launch{},
			Run:     removeRoot,
		},
	}
}

func remove(ctx context.Context, t *engine.T, name string, recursive bool) {
	engine.Must[*agentv1.FsRemoveResponse](ctx, t, removeRequest(ctx, t, name, recursive))
}

func removeRequest(ctx context.Context, t *engine.T, name string, recursive bool) *agentv1.FsRemoveRequest {
	return &agentv1.FsRemoveRequest{Path: t.Path(ctx, name), Recursive: recursive}
}

func removeFile(ctx context.Context, t *engine.T) {
	names := []string{"plain", "two words", "*", ".hidden"}
	for _, name := range append(names, "stays") {
		t.File(ctx, name, name)
	}
	for i, name := range names {
		remove(ctx, t, name, i%2 == 1)
		wantGone(ctx, t, name)
		wantText(ctx, t, "stays", "stays")
	}
}

func removeReadOnly(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "x")
	t.Arrange(ctx, "chmod", "444", "file")
	remove(ctx, t, "file", false)
	wantGone(ctx, t, "file")
}

func removeMissing(ctx context.Context, t *engine.T) {
	t.File(ctx, "stays", "stays")
	t.RefusedAll(ctx, notFound,
		engine.Attempt{What: "a missing file", Op: removeRequest(ctx, t, "nothing", false)},
		engine.Attempt{What: "a missing tree", Op: removeRequest(ctx, t, "nothing", true)},
		engine.Attempt{What: "a tree in a missing directory", Op: removeRequest(ctx, t, "no/such/tree", true)},
	)
	wantText(ctx, t, "stays", "stays")
}

func removeFullDirectory(ctx context.Context, t *engine.T) {
	t.File(ctx, "full/.hidden", "stays")
	t.Folder(ctx, "outer/inner")
	t.RefusedAll(ctx, osError,
		engine.Attempt{What: "a directory with a hidden file", Op: removeRequest(ctx, t, "full", false)},
		engine.Attempt{What: "a directory with an empty one in it", Op: removeRequest(ctx, t, "outer", false)},
	)
	wantText(ctx, t, "full/.hidden", "stays")
	wantType(ctx, t, "outer/inner", "directory")
}

func removeTree(ctx context.Context, t *engine.T) {
	t.File(ctx, "tree/a/b/c/file", "x")
	t.File(ctx, "tree/.hidden/.file", "x")
	t.File(ctx, "tree/read-only", "x")
	t.Folder(ctx, "tree/empty")
	t.Arrange(ctx, "chmod", "444", "tree/read-only")
	t.Arrange(ctx, "mkfifo", "tree/fifo")
	t.File(ctx, "tree-stays", "stays")
	remove(ctx, t, "tree", true)
	wantGone(ctx, t, "tree")
	wantText(ctx, t, "tree-stays", "stays")
	t.Folder(ctx, "empty")
	remove(ctx, t, "empty", true)
	wantGone(ctx, t, "empty")
}

func removeMany(ctx context.Context, t *engine.T) {
	t.Folder(ctx, "many")
	t.Arrange(ctx, "fill", "--size", "0", "many", strconv.Itoa(1500))
	remove(ctx, t, "many", true)
	wantGone(ctx, t, "many")
}

func removeSymlink(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "stays")
	t.File(ctx, "full/file", "stays")
	for _, target := range []string{"file", "full", "nothing"} {
		for _, recursive := range []bool{false, true} {
			t.Arrange(ctx, "symlink", target, "link")
			remove(ctx, t, "link", recursive)
			wantGone(ctx, t, "link")
		}
	}
	wantText(ctx, t, "file", "stays")
	wantText(ctx, t, "full/file", "stays")
}

func removeTreeWithSymlinks(ctx context.Context, t *engine.T) {
	t.File(ctx, "outside/file", "stays")
	t.File(ctx, "outside/sub/file", "stays")
	t.Arrange(ctx, "chmod", "640", "outside/file")
	t.Folder(ctx, "tree/sub")
	t.Arrange(ctx, "symlink", "../outside", "tree/to-directory")
	t.Arrange(ctx, "symlink", "../../outside/file", "tree/sub/to-file")
	t.Arrange(ctx, "symlink", t.Abs(ctx, t.Path(ctx, "outside/sub")), "tree/sub/absolute")
	t.Arrange(ctx, "symlink", ".", "tree/loop")
	remove(ctx, t, "tree", true)
	wantGone(ctx, t, "tree")
	wantText(ctx, t, "outside/file", "stays")
	wantText(ctx, t, "outside/sub/file", "stays")
	wantFileMode(ctx, t, "a file outside of the tree", "outside/file", 0o640)
}

func removeRoot(ctx context.Context, t *engine.T) {
	marker := t.File(ctx, "marker", "stays")
	root := t.Root(ctx)
	for _, target := range []struct{ what, path string }{
		{"an empty path", ""}, {"a dot", "."}, {"the root's own path", root}, {"the root's own path with a slash", strings.TrimSuffix(root, "/") + "/"},
	} {
		t.RefusedAll(ctx, osError,
			engine.Attempt{What: "a remove of " + target.what, Op: &agentv1.FsRemoveRequest{Path: target.path}},
			engine.Attempt{What: "a recursive remove of " + target.what, Op: &agentv1.FsRemoveRequest{Path: target.path, Recursive: true}},
		)
		content, there := t.Look(ctx, marker)
		if !there {
			t.Fatalf("the root and what lies in it, untouched", "nothing left after the remove of %s", target.what)
		}
		engine.EqualBytes(t, "the content of a file in the root", content, []byte("stays"))
	}
}

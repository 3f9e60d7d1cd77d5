package fs

import (
	"context"
	"fmt"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func mkdirCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.mkdir.plain/one-directory",
			Clause:  "fs.mkdir.plain",
			Needs:   needs,
			Explain: "A new folder in a file browser is one directory, where and as it was named.",
			Try:     "fakeagent call mkdir new && ls -ld new",
			Run:     mkdirPlain,
		},
		{
			ID:      "fs.mkdir.parents/created",
			Clause:  "fs.mkdir.parents",
			Needs:   needs,
			Explain: "With parents a caller need not know how much of the path is there already.",
			Try:     "fakeagent call mkdir -p one/two/three",
			Run:     mkdirParents,
		},
		{
			ID:      "fs.mkdir.parents/existing-is-fine",
			Clause:  "fs.mkdir.parents",
			Needs:   needs,
			Explain: "Setting up a workspace twice must do no harm: nothing fails, and what lies there stays.",
			Try:     "mkdir here && fakeagent call mkdir -p here",
			Run:     mkdirParentsExisting,
		},
		{
			ID:      "fs.mkdir.parents/existing-file-is-not",
			Clause:  "fs.mkdir.parents",
			Needs:   needs,
			Explain: "Only a directory that exists is fine; after a success on a file the caller would write into nothing.",
			Try:     "touch file && fakeagent call mkdir -p file",
			Run:     mkdirParentsFile,
		},
		{
			ID:      "fs.mkdir.exists/refused",
			Clause:  "fs.mkdir.exists",
			Needs:   needs,
			Explain: "Without parents mkdir is how two programs agree who was first.",
			Try:     "mkdir here && fakeagent call mkdir here",
			Run:     mkdirExisting,
		},
		{
			ID:      "fs.mkdir.missing-parent/refused",
			Clause:  "fs.mkdir.missing-parent",
			Needs:   needs,
			Explain: "A parent that nobody asked for is a mistyped one.",
			Try:     "fakeagent call mkdir no/such",
			Run:     mkdirMissingParent,
		},
		{
			ID:      "fs.mkdir.mode-chmod/whatever-the-umask",
			Clause:  "fs.mkdir.mode-chmod",
			Needs:   needs,
			Explain: "A directory that a group shares is made with 0775 on purpose; the umask would take that away.",
			Run:     mkdirMode,
		},
		{
			ID:      "fs.mkdir.mode-chmod/leaf-of-new-parents",
			Clause:  "fs.mkdir.mode-chmod",
			Needs:   needs,
			Explain: "A mode that lands on the first directory made, or nowhere, leaves the one that was asked for open or shut.",
			Run:     mkdirModeOfLeaf,
		},
		{
			ID:      "fs.mkdir.mode-chmod/sticky",
			Clause:  "fs.mkdir.mode-chmod",
			Needs:   needs,
			Explain: "A shared scratch directory is 1777: without the sticky bit everybody removes everybody's files.",
			Run:     mkdirSticky,
		},
	}
}

func mkdir(ctx context.Context, t *engine.T, req *agentv1.FsMkdirRequest) {
	engine.Must[*agentv1.FsMkdirResponse](ctx, t, req)
}

func mkdirPlain(ctx context.Context, t *engine.T) {
	for _, name := range []string{"new", "new/inner", "two words"} {
		mkdir(ctx, t, &agentv1.FsMkdirRequest{Path: t.Path(ctx, name)})
		wantType(ctx, t, name, "directory")
	}
}

func mkdirParents(ctx context.Context, t *engine.T) {
	mkdir(ctx, t, &agentv1.FsMkdirRequest{Path: t.Path(ctx, "one/two/three"), Parents: true})
	wantType(ctx, t, "one/two/three", "directory")
	mkdir(ctx, t, &agentv1.FsMkdirRequest{Path: t.Path(ctx, "one/two/other/leaf"), Parents: true})
	wantType(ctx, t, "one/two/other/leaf", "directory")
}

func mkdirParentsExisting(ctx context.Context, t *engine.T) {
	t.File(ctx, "full/file", "stays")
	for range 2 {
		mkdir(ctx, t, &agentv1.FsMkdirRequest{Path: t.Path(ctx, "full"), Parents: true})
		mkdir(ctx, t, &agentv1.FsMkdirRequest{Path: t.Path(ctx, "full/empty"), Parents: true})
	}
	wantText(ctx, t, "full/file", "stays")
	wantType(ctx, t, "full/empty", "directory")
}

func mkdirParentsFile(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "stays")
	t.RefusedAll(ctx, osError,
		engine.Attempt{What: "a file in the directory's place", Op: &agentv1.FsMkdirRequest{Path: file, Parents: true}},
		engine.Attempt{What: "a file in a parent's place", Op: &agentv1.FsMkdirRequest{Path: file + "/sub", Parents: true}},
	)
	wantText(ctx, t, "file", "stays")
}

func mkdirExisting(ctx context.Context, t *engine.T) {
	t.File(ctx, "full/file", "stays")
	t.Folder(ctx, "empty")
	t.Arrange(ctx, "symlink", "nothing", "dangling")
	t.Arrange(ctx, "symlink", "empty", "link")
	var attempts []engine.Attempt
	for _, name := range []string{"full", "full/file", "empty", "dangling", "link"} {
		attempts = append(attempts, engine.Attempt{What: "a mkdir of " + name, Op: &agentv1.FsMkdirRequest{Path: t.Path(ctx, name)}})
	}
	t.RefusedAll(ctx, osError, attempts...)
	wantText(ctx, t, "full/file", "stays")
	wantGone(ctx, t, "nothing")
}

func mkdirMissingParent(ctx context.Context, t *engine.T) {
	t.RefusedAll(ctx, notFound,
		engine.Attempt{What: "one missing parent", Op: &agentv1.FsMkdirRequest{Path: t.Path(ctx, "no/such")}},
		engine.Attempt{What: "two missing parents", Op: &agentv1.FsMkdirRequest{Path: t.Path(ctx, "no/such/directory"), Mode: 0o755}},
	)
	wantGone(ctx, t, "no")
}

// wantDirMode checks the bits of a directory that chmod sets.
func wantDirMode(ctx context.Context, t *engine.T, name string, want uint32) {
	wantMode(t, "as permissions of "+name, wantType(ctx, t, name, "directory").Mode&0o7777, want)
}

func mkdirMode(ctx context.Context, t *engine.T) {
	t.Logf("the agent's umask is %#o", umask(ctx, t))
	for _, mode := range []uint32{0o700, 0o755, 0o775, 0o777} {
		name := fmt.Sprintf("made-%#o", mode)
		mkdir(ctx, t, &agentv1.FsMkdirRequest{Path: t.Path(ctx, name), Mode: mode})
		wantDirMode(ctx, t, name, mode)
	}
}

func mkdirModeOfLeaf(ctx context.Context, t *engine.T) {
	// Nobody but the superuser makes anything in a directory of 0500: it must
	// come last.
	mkdir(ctx, t, &agentv1.FsMkdirRequest{Path: t.Path(ctx, "one/two/leaf"), Parents: true, Mode: 0o500})
	wantDirMode(ctx, t, "one/two/leaf", 0o500)
	mkdir(ctx, t, &agentv1.FsMkdirRequest{Path: t.Path(ctx, "three/shared"), Parents: true, Mode: 0o777})
	wantDirMode(ctx, t, "three/shared", 0o777)
}

func mkdirSticky(ctx context.Context, t *engine.T) {
	mkdir(ctx, t, &agentv1.FsMkdirRequest{Path: t.Path(ctx, "scratch"), Mode: 0o1777})
	wantDirMode(ctx, t, "scratch", 0o1777)
}

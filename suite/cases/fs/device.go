package fs

import (
	"context"

	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func deviceCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.move.across-devices/file",
			Clause:  "fs.move.across-devices",
			Needs:   needs,
			Explain: "What is downloaded to a temporary directory is moved into the workspace, which often lies on another disk.",
			Try:     "fakeagent call mv notes.txt /dev/shm/notes.txt",
			Run:     fileAcrossDevices,
		},
		{
			ID:      "fs.move.across-devices/directory",
			Clause:  "fs.move.across-devices",
			Needs:   needs,
			Explain: "A tree that goes over to another disk keeps its links, its executable files and its empty directories.",
			Run:     treeAcrossDevices,
		},
		{
			ID:      "fs.move.across-devices/symlink-itself",
			Clause:  "fs.move.across-devices",
			Needs:   needs,
			Explain: "A move that has to copy must copy a link as a link, and not what it leads to.",
			Run:     symlinkAcrossDevices,
		},
		{
			ID:      "fs.move.across-devices/no-overwrite",
			Clause:  "fs.move.across-devices",
			Needs:   needs,
			Explain: "A copy is made by other means than a rename, and must refuse an existing destination just the same.",
			Run:     keepsDestinationAcrossDevices,
		},
		{
			ID:      "fs.move.across-devices/overwrite",
			Clause:  "fs.move.across-devices",
			Needs:   needs,
			Explain: "Where the destination may be replaced, it is replaced on another disk too, and whole.",
			Run:     overwritesAcrossDevices,
		},
	}
}

// needOtherDevice makes a symlink called there to a directory on another device
// than the case's own. The directory's name is a random one, which the link
// keeps out of failures.
func needOtherDevice(ctx context.Context, t *engine.T) {
	place := engine.Probe[helper.Place](ctx, t, "other-device", ".")
	if place.Path == "" {
		t.Untestable("no other device was found on the agent's machine")
	}
	t.Cleanup(func(ctx context.Context) { t.RunHelper(ctx, "remove", place.Path) })
	t.Arrange(ctx, "symlink", place.Path, "there")
}

func fileAcrossDevices(ctx context.Context, t *engine.T) {
	needOtherDevice(ctx, t)
	content := helper.Pattern(7, largeSize)
	t.Put(ctx, t.Path(ctx, "file"), content)
	t.Arrange(ctx, "chmod", "751", "file")
	move(ctx, t, "file", "there/file", false)
	wantGone(ctx, t, "file")
	wantContent(ctx, t, "there/file", content)
	wantFileMode(ctx, t, "a file that was moved", "there/file", 0o751)

	move(ctx, t, "there/file", "back", false)
	wantGone(ctx, t, "there/file")
	wantContent(ctx, t, "back", content)
}

func treeAcrossDevices(ctx context.Context, t *engine.T) {
	needOtherDevice(ctx, t)
	t.File(ctx, "tree/sub/tool", "content")
	t.File(ctx, "tree/.hidden", "secret")
	t.Folder(ctx, "tree/empty")
	t.Arrange(ctx, "chmod", "755", "tree/sub/tool")
	t.Arrange(ctx, "symlink", "sub/tool", "tree/link")
	t.Arrange(ctx, "symlink", "nothing", "tree/dangling")
	move(ctx, t, "tree", "there/tree", false)
	wantGone(ctx, t, "tree")
	wantText(ctx, t, "there/tree/sub/tool", "content")
	wantFileMode(ctx, t, "a file in a directory that was moved", "there/tree/sub/tool", 0o755)
	wantText(ctx, t, "there/tree/.hidden", "secret")
	wantType(ctx, t, "there/tree/empty", "directory")
	wantSymlink(ctx, t, "there/tree/link", "sub/tool")
	wantSymlink(ctx, t, "there/tree/dangling", "nothing")
}

func symlinkAcrossDevices(ctx context.Context, t *engine.T) {
	needOtherDevice(ctx, t)
	t.File(ctx, "real", "content")
	t.Arrange(ctx, "symlink", t.Abs(ctx, t.Path(ctx, "real")), "link")
	move(ctx, t, "link", "there/link", false)
	wantGone(ctx, t, "link")
	wantType(ctx, t, "there/link", "symlink")
	wantText(ctx, t, "real", "content")
}

func keepsDestinationAcrossDevices(ctx context.Context, t *engine.T) {
	needOtherDevice(ctx, t)
	t.File(ctx, "file", "the source")
	t.File(ctx, "there/file", "the destination")
	t.Refused(ctx, moveRequest(ctx, t, "file", "there/file", false), osError)
	wantText(ctx, t, "file", "the source")
	wantText(ctx, t, "there/file", "the destination")
}

func overwritesAcrossDevices(ctx context.Context, t *engine.T) {
	needOtherDevice(ctx, t)
	t.File(ctx, "file", "new")
	t.File(ctx, "there/file", "an old and longer content")
	move(ctx, t, "file", "there/file", true)
	wantGone(ctx, t, "file")
	wantText(ctx, t, "there/file", "new")
}

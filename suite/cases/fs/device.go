package fs

import (
	"context"
	"path"

	agentv1 "agentproof/proto/opengeni/agent/v1"
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

// otherDevice is an absolute path to a directory on another device than the
// case's own.
func otherDevice(ctx context.Context, t *engine.T) string {
	place := engine.Probe[helper.Place](ctx, t, "other-device", ".")
	if place.Path == "" {
		t.Untestable("no other device was found on the agent's machine")
	}
	t.Cleanup(func(ctx context.Context) { t.Run(ctx, "remove", place.Path) })
	return place.Path
}

// moveTo moves something of the case's directory to an absolute path.
func moveTo(ctx context.Context, t *engine.T, from, to string, overwrite bool) *agentv1.FsMoveRequest {
	return &agentv1.FsMoveRequest{From: t.Path(ctx, from), To: to, Overwrite: overwrite}
}

func fileAcrossDevices(ctx context.Context, t *engine.T) {
	there := path.Join(otherDevice(ctx, t), "file")
	content := helper.Pattern(7, largeSize)
	t.Given().Write(ctx, t.Path(ctx, "file"), content)
	arrange(ctx, t, "chmod", "751", "file")
	engine.Must[*agentv1.FsMoveResponse](ctx, t, moveTo(ctx, t, "file", there, false))
	wantGone(ctx, t, "file")
	wantContent(ctx, t, there, content)
	wantFileMode(ctx, t, "a file that was moved", there, 0o751)

	engine.Must[*agentv1.FsMoveResponse](ctx, t, &agentv1.FsMoveRequest{From: there, To: t.Path(ctx, "back")})
	wantGone(ctx, t, there)
	wantContent(ctx, t, "back", content)
}

func treeAcrossDevices(ctx context.Context, t *engine.T) {
	there := path.Join(otherDevice(ctx, t), "tree")
	t.File(ctx, "tree/sub/tool", "content")
	t.File(ctx, "tree/.hidden", "secret")
	t.Given().Mkdir(ctx, t.Path(ctx, "tree/empty"))
	arrange(ctx, t, "chmod", "755", "tree/sub/tool")
	arrange(ctx, t, "symlink", "sub/tool", "tree/link")
	arrange(ctx, t, "symlink", "nothing", "tree/dangling")
	engine.Must[*agentv1.FsMoveResponse](ctx, t, moveTo(ctx, t, "tree", there, false))
	wantGone(ctx, t, "tree")
	wantText(ctx, t, path.Join(there, "sub/tool"), "content")
	wantFileMode(ctx, t, "a file in a directory that was moved", path.Join(there, "sub/tool"), 0o755)
	wantText(ctx, t, path.Join(there, ".hidden"), "secret")
	wantType(ctx, t, path.Join(there, "empty"), "directory")
	wantSymlink(ctx, t, path.Join(there, "link"), "sub/tool")
	wantSymlink(ctx, t, path.Join(there, "dangling"), "nothing")
}

func symlinkAcrossDevices(ctx context.Context, t *engine.T) {
	there := path.Join(otherDevice(ctx, t), "link")
	t.File(ctx, "real", "content")
	arrange(ctx, t, "symlink", t.Abs(ctx, t.Path(ctx, "real")), "link")
	engine.Must[*agentv1.FsMoveResponse](ctx, t, moveTo(ctx, t, "link", there, false))
	wantGone(ctx, t, "link")
	wantType(ctx, t, there, "symlink")
	wantText(ctx, t, "real", "content")
}

func keepsDestinationAcrossDevices(ctx context.Context, t *engine.T) {
	there := path.Join(otherDevice(ctx, t), "file")
	t.File(ctx, "file", "the source")
	t.Given().Write(ctx, there, []byte("the destination"))
	t.Refused(ctx, moveTo(ctx, t, "file", there, false), osError)
	wantText(ctx, t, "file", "the source")
	wantText(ctx, t, there, "the destination")
}

func overwritesAcrossDevices(ctx context.Context, t *engine.T) {
	there := path.Join(otherDevice(ctx, t), "file")
	t.File(ctx, "file", "new")
	t.Given().Write(ctx, there, []byte("an old and longer content"))
	engine.Must[*agentv1.FsMoveResponse](ctx, t, moveTo(ctx, t, "file", there, true))
	wantGone(ctx, t, "file")
	wantText(ctx, t, there, "new")
}

package fs

import (
	"context"
	"path"
	"strconv"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

const (
	// diskSize holds the old content, and some of the new.
	diskSize = 256 << 10
	oldSize  = 20_000
)

// These cases have an agent of their own: the disk lasts as long as the program
// that holds it, which a path below /proc leads to.
func fullDiskCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.write.no-torn-file/disk-full",
			Clause:  "fs.write.no-torn-file",
			Needs:   needs,
			Explain: "When the disk fills up during a save, the user loses the new text at worst, and never the old one as well.",
			Launch:  &engine.Launch{},
			Run:     writeOnFullDisk,
		},
		{
			ID:      "fs.write.no-torn-file/disk-full-on-append",
			Clause:  "fs.write.no-torn-file",
			Needs:   needs,
			Explain: "A caller sends a failed piece again; what was left of it would then be in the file twice.",
			Launch:  &engine.Launch{},
			Run:     appendOnFullDisk,
		},
	}
}

func writeOnFullDisk(ctx context.Context, t *engine.T)  { failOnFullDisk(ctx, t, false) }
func appendOnFullDisk(ctx context.Context, t *engine.T) { failOnFullDisk(ctx, t, true) }

func failOnFullDisk(ctx context.Context, t *engine.T, appends bool) {
	disk := smallDisk(ctx, t)
	file := path.Join(disk, "file")
	if resp := t.Call(ctx, &agentv1.FsWriteRequest{Path: file, Content: helper.Pattern(5, oldSize)}); resp.GetError() != nil {
		t.Logf("write to the small disk: %v", resp.GetError())
		t.Untestable("the agent does not reach a disk that was mounted for another process")
	}
	old := engine.Probe[helper.Content](ctx, t, "slurp", file).Head
	resp := t.Call(ctx, &agentv1.FsWriteRequest{Path: file, Content: helper.Pattern(6, 2*diskSize), Append: appends})
	t.Check(resp.GetError() != nil, "an error for a content that does not fit on the disk", "a success")
	got := engine.Probe[helper.Content](ctx, t, "slurp", file)
	engine.EqualBytes(t, "the old content", got.Head, old)
}

// smallDisk mounts a disk of diskSize on the agent's machine, for the time of
// the case, and returns a directory on it.
func smallDisk(ctx context.Context, t *engine.T) string {
	t.Folder(ctx, "disk")
	t.StartHelper(ctx, "small-disk", "--for", "60s", "disk", strconv.Itoa(diskSize), "place")
	t.Cleanup(func(ctx context.Context) { t.RunHelper(ctx, "remove", "place") })
	var place helper.Place
	if !t.AwaitJSON(ctx, t.Path(ctx, "place"), t.Scale(replyLimit), &place) || place.Path == "" {
		t.Untestable("nobody may mount a small disk on the agent's machine")
	}
	return place.Path
}

package fs

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wire"
)

func readCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.read.whole/byte-exact",
			Clause:  "fs.read.whole",
			Needs:   needs,
			Explain: "Images and archives are read too: no byte may pass through a text decoder, and none may be lost at a buffer's edge.",
			Try:     "fakeagent call read picture.png | cmp - picture.png",
			Run:     readWhole,
		},
		{
			ID:      "fs.read.whole/empty-file",
			Clause:  "fs.read.whole",
			Needs:   engine.Filesystem,
			Explain: "An empty file is a file; reading it is a success without bytes.",
			Try:     ": > empty && fakeagent call read empty",
			Run:     readEmpty,
		},
		{
			ID:      "fs.read.range/selects",
			Clause:  "fs.read.range",
			Needs:   needs,
			Explain: "A large file is read in pieces, and the pieces put together must be the file.",
			Run:     rangeSelects,
		},
		{
			ID:      "fs.read.range/sum-saturates",
			Clause:  "fs.read.range",
			Needs:   needs,
			Explain: "A caller that wants everything from an offset on asks for the largest length there is; a sum that wraps gives it nothing.",
			Run:     rangeSaturates,
		},
		{
			ID:      "fs.read.range/above-four-gigabytes",
			Clause:  "fs.read.range",
			Needs:   needs,
			Explain: "An offset cut to 32 bits reads the wrong part of a large file, without any error.",
			Run:     rangeAboveFourGigabytes,
		},
		{
			ID:      "fs.read.range-clamped/end-of-file",
			Clause:  "fs.read.range-clamped",
			Needs:   needs,
			Explain: "A reader that goes in steps of a fixed size always asks for more than the last piece has.",
			Try:     "fakeagent call read --max-bytes 1000000 notes.txt",
			Run:     rangeClamped,
		},
		{
			ID:      "fs.read.past-end/empty-success",
			Clause:  "fs.read.past-end",
			Needs:   needs,
			Explain: "A reader finds the end by reading past it: an error there looks like a broken file.",
			Run:     pastEnd,
		},
		{
			ID:      "fs.read.total-size/of-any-range",
			Clause:  "fs.read.total-size",
			Needs:   needs,
			Explain: "With the first piece a reader learns how many there will be, unless the size told is that of the piece.",
			Run:     totalSize,
		},
		{
			ID:      "fs.read.total-size/of-other-files",
			Clause:  "fs.read.total-size",
			Needs:   needs,
			Explain: "The size is the file's where it is 0, where it needs more than 32 bits, and where a link leads to the file.",
			Try:     "ln -s notes.txt link && fakeagent call read link",
			Run:     sizeOfOtherFiles,
		},
		{
			ID:      "fs.read.total-size/of-a-proc-file",
			Clause:  "fs.read.total-size",
			Needs:   needs,
			Explain: "Files in /proc claim to be empty; an agent that believes it hides what they say.",
			Try:     "fakeagent call read /proc/version",
			Run:     procFile,
		},
		{
			ID:      "fs.read.follows-symlink/to-a-file",
			Clause:  "fs.read.follows-symlink",
			Needs:   needs,
			Explain: "Configurations are links more often than not; reading one means what it leads to.",
			Try:     "ln -s notes.txt link && fakeagent call read link",
			Run:     readFollowsSymlink,
		},
		{
			ID:      "fs.read.directory/refused",
			Clause:  "fs.read.directory",
			Needs:   engine.Filesystem,
			Explain: "A caller must not take a directory for an empty file.",
			Try:     "fakeagent call read .",
			Run:     readDirectory,
		},
		{
			ID:      "fs.read.missing/refused",
			Clause:  "fs.read.missing",
			Needs:   needs,
			Explain: "That a file is not there is a common and harmless answer; callers act on it, so it must not look like a broken disk.",
			Try:     "fakeagent call read no-such-file",
			Run:     readMissing,
		},
		{
			ID:      "fs.read.through-file/refused",
			Clause:  "fs.read.through-file",
			Needs:   engine.Filesystem,
			Explain: "A file in the place of a directory is a mistake in the path, which `not found` would hide.",
			Try:     "fakeagent call read notes.txt/x",
			Run:     readThroughFile,
		},
		{
			ID:      "fs.read.range-cost/sparse-file",
			Clause:  "fs.read.range-cost",
			Needs:   needs,
			Explain: "Looking at the end of a large log must not cost what reading it whole costs, in time or in memory.",
			Run:     rangeCost,
		},
	}
}

// readRange reads length bytes from offset.
func readRange(ctx context.Context, t *engine.T, path string, offset, length uint64) *agentv1.FsReadResponse {
	return engine.Must[*agentv1.FsReadResponse](ctx, t, &agentv1.FsReadRequest{Path: path, Offset: offset, Length: length})
}

// wantRange checks the content of one range.
func wantRange(ctx context.Context, t *engine.T, path string, offset, length uint64, want []byte) {
	what := fmt.Sprintf("the content at offset %d, length %d,", offset, length)
	engine.EqualBytes(t, what, readRange(ctx, t, path, offset, length).GetContent(), want)
}

// patternFile makes a file that no line or period helps to guess, with no help
// of the agent's own writing.
func patternFile(ctx context.Context, t *engine.T, size int) (string, []byte) {
	t.Arrange(ctx, "fill", "--size", strconv.Itoa(size), ".", "1")
	return t.Path(ctx, "file-000000"), helper.Pattern(0, size)
}

func readWhole(ctx context.Context, t *engine.T) {
	path, want := patternFile(ctx, t, largeSize)
	wantRange(ctx, t, path, 0, 0, want)
}

func readEmpty(ctx context.Context, t *engine.T) {
	r := readRange(ctx, t, t.File(ctx, "empty", ""), 0, 0)
	engine.EqualBytes(t, "the content", r.GetContent(), nil)
}

func rangeSelects(ctx context.Context, t *engine.T) {
	const size = 200_001
	path, all := patternFile(ctx, t, size)
	for _, r := range []struct{ offset, length uint64 }{
		{0, 1}, {0, size - 1}, {0, size}, {1, 1}, {1, size - 1}, {4095, 2}, {65_535, 2}, {65_536, 65_536}, {100_000, 50_000}, {size - 1, 1},
	} {
		wantRange(ctx, t, path, r.offset, r.length, all[r.offset:r.offset+r.length])
	}
}

func rangeSaturates(ctx context.Context, t *engine.T) {
	const size = 1000
	path, all := patternFile(ctx, t, size)
	for _, r := range []struct{ offset, length, from uint64 }{
		{0, math.MaxUint64, 0},
		{1, math.MaxUint64, 1},
		{3, math.MaxUint64 - 1, 3},
		{7, math.MaxInt64, 7},
		{8, math.MaxInt64 + 1, 8},
		{size - 1, math.MaxUint64, size - 1},
		{math.MaxUint64, 1, size},
		{math.MaxUint64, math.MaxUint64, size},
		{math.MaxInt64 + 1, 1, size},
		{math.MaxInt64, math.MaxInt64, size},
	} {
		wantRange(ctx, t, path, r.offset, r.length, all[r.from:])
	}
}

func rangeAboveFourGigabytes(ctx context.Context, t *engine.T) {
	const at, marker = 4<<30 + 5, "beyond"
	const size = at + len(marker) + 100
	t.Arrange(ctx, "sparse", "--marker", marker, "--at", strconv.Itoa(at), "big", strconv.Itoa(size))
	r := readRange(ctx, t, t.Path(ctx, "big"), at-2, 10)
	engine.EqualBytes(t, "the content around the marker", r.GetContent(), []byte("\x00\x00"+marker+"\x00\x00"))
}

func rangeClamped(ctx context.Context, t *engine.T) {
	const size = 100_000
	path, all := patternFile(ctx, t, size)
	for _, r := range []struct{ offset, length uint64 }{{0, size + 1}, {5, size}, {size - 1, 2}, {size - 10, 1 << 40}} {
		wantRange(ctx, t, path, r.offset, r.length, all[r.offset:])
	}
}

func pastEnd(ctx context.Context, t *engine.T) {
	const size = 100
	path, _ := patternFile(ctx, t, size)
	for _, r := range []struct{ offset, length uint64 }{{size, 1}, {size, 0}, {size + 1, 1}, {size + 1, 0}, {1 << 40, 5}, {size, math.MaxUint64}} {
		wantRange(ctx, t, path, r.offset, r.length, nil)
	}
	empty := t.File(ctx, "empty", "")
	wantRange(ctx, t, empty, 0, 1, nil)
	wantRange(ctx, t, empty, 1, 1, nil)
}

func totalSize(ctx context.Context, t *engine.T) {
	const size = 70_000
	path, _ := patternFile(ctx, t, size)
	for _, r := range []struct{ offset, length uint64 }{{0, 0}, {0, 10}, {10, 10}, {size - 5, 100}, {size, 1}, {size + 1, 1}, {math.MaxUint64, 1}} {
		what := fmt.Sprintf("the total_size at offset %d, length %d,", r.offset, r.length)
		engine.Equal(t, what, readRange(ctx, t, path, r.offset, r.length).GetTotalSize(), size)
	}
}

func sizeOfOtherFiles(ctx context.Context, t *engine.T) {
	const big = 4<<30 + 111
	t.File(ctx, "empty", "")
	t.File(ctx, "target", "the target's content")
	t.Arrange(ctx, "symlink", "target", "link")
	t.Arrange(ctx, "sparse", "big", strconv.Itoa(big))
	for _, of := range []struct {
		name                 string
		offset, length, size uint64
	}{{"empty", 0, 0, 0}, {"empty", 0, 10, 0}, {"link", 0, 0, 20}, {"link", 4, 6, 20}, {"big", 4 << 30, 10, big}} {
		r := readRange(ctx, t.Given(), t.Path(ctx, of.name), of.offset, of.length)
		engine.Equal(t, "the total_size of "+of.name, r.GetTotalSize(), of.size)
	}
}

func procFile(ctx context.Context, t *engine.T) {
	const path = "/proc/version"
	if !engine.Probe[helper.FileInfo](ctx, t, "lstat", path).Exists {
		t.NotClaimed("the agent's machine has no %s", path)
	}
	want := engine.Probe[helper.Content](ctx, t, "slurp", path).Head
	whole := readRange(ctx, t, path, 0, 0)
	part := readRange(ctx, t, path, 3, 4)
	size := uint64(len(want))
	// Content and size are the machine's own, and a report must not differ.
	engine.Same(t, "the content of "+path, string(whole.GetContent()), string(want))
	engine.Same(t, "a range of "+path, string(part.GetContent()), string(want[3:7]))
	engine.Same(t, "as total_size of "+path+" what reading yields", whole.GetTotalSize(), size)
	engine.Same(t, "the same total_size with a range of "+path, part.GetTotalSize(), size)
}

func readFollowsSymlink(ctx context.Context, t *engine.T) {
	t.File(ctx, "sub/target", "the target's content")
	t.Arrange(ctx, "symlink", "target", "sub/link")
	t.Arrange(ctx, "symlink", "sub/link", "chain")
	for _, name := range []string{"sub/link", "chain"} {
		r := readRange(ctx, t, t.Path(ctx, name), 0, 0)
		engine.EqualBytes(t, "the content read through "+name, r.GetContent(), []byte("the target's content"))
	}
}

func readDirectory(ctx context.Context, t *engine.T) {
	t.File(ctx, "full/file", "x")
	t.Folder(ctx, "empty")
	t.RefusedAll(ctx, osError,
		engine.Attempt{What: "a full directory", Op: &agentv1.FsReadRequest{Path: t.Path(ctx, "full")}},
		engine.Attempt{What: "an empty directory", Op: &agentv1.FsReadRequest{Path: t.Path(ctx, "empty")}},
		engine.Attempt{What: "a range of a directory", Op: &agentv1.FsReadRequest{Path: t.Path(ctx, "full"), Offset: 1, Length: 1}},
		engine.Attempt{What: "the root", Op: &agentv1.FsReadRequest{}},
	)
}

func readMissing(ctx context.Context, t *engine.T) {
	t.Arrange(ctx, "symlink", "nothing", "dangling")
	t.RefusedAll(ctx, notFound,
		engine.Attempt{What: "a missing file", Op: &agentv1.FsReadRequest{Path: t.Path(ctx, "nothing")}},
		engine.Attempt{What: "a range of a missing file", Op: &agentv1.FsReadRequest{Path: t.Path(ctx, "nothing"), Offset: 5, Length: 5}},
		engine.Attempt{What: "a file in a missing directory", Op: &agentv1.FsReadRequest{Path: t.Path(ctx, "no/such/file")}},
		engine.Attempt{What: "a dangling symlink", Op: &agentv1.FsReadRequest{Path: t.Path(ctx, "dangling")}},
	)
}

func readThroughFile(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "content")
	t.Refused(ctx, &agentv1.FsReadRequest{Path: file + "/x"}, osError)
}

const (
	// costlyRanges of a file of costlySize take a reader of ranges a few
	// milliseconds. Going through the file takes at least a second each time
	// on any disk or cache, so that the bound lies far from both.
	costlyRanges = 64
	costlySize   = 4 << 30
	rangesWithin = 15 * time.Second
)

func rangeCost(ctx context.Context, t *engine.T) {
	t.Arrange(ctx, "sparse", "big", strconv.Itoa(costlySize))
	start := time.Now()
	want := fmt.Sprintf("%d ranges of 4 KiB from a file of 4 GiB within %v", costlyRanges, rangesWithin)
	for i := range uint64(costlyRanges) {
		// From the front to the end, aligned to no page.
		offset := (costlySize-4096)/(costlyRanges-1)*i - i
		req := wire.NewRequest(&agentv1.FsReadRequest{Path: t.Path(ctx, "big"), Offset: offset, Length: 4096})
		resp, err := t.Start(req).Try(ctx, rangesWithin-time.Since(start))
		if err != nil {
			t.Logf("range %d: %v", i, err)
			t.MissedIfBusy(ctx)
			t.Fatalf(want, "fewer")
		}
		r := engine.MustOf[*agentv1.FsReadResponse](t, resp)
		if !t.Given().Check(len(r.GetContent()) == 4096, "a range of 4096 bytes", "%d", len(r.GetContent())) {
			return
		}
	}
	t.Logf("%d ranges took %v", costlyRanges, time.Since(start))
}

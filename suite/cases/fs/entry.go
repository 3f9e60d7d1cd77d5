package fs

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

const (
	kindFile      = agentv1.FsEntryKind_FS_ENTRY_KIND_FILE
	kindDirectory = agentv1.FsEntryKind_FS_ENTRY_KIND_DIRECTORY
	kindSymlink   = agentv1.FsEntryKind_FS_ENTRY_KIND_SYMLINK
)

func entryCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.entry.name/last-component",
			Clause:  "fs.entry.name",
			Needs:   engine.Filesystem,
			Explain: "A file browser shows the name; one that is a whole path, or loses what follows a dot or a blank, is no name.",
			Try:     "fakeagent call stat notes/today.txt",
			Run:     nameIsLastComponent,
		},
		{
			ID:      "fs.entry.name/of-the-root",
			Clause:  "fs.entry.name",
			Needs:   engine.Filesystem,
			Explain: "The root is asked for by an empty path, which has no last component: its name comes from where it lies.",
			Try:     "fakeagent call stat .",
			Run:     nameOfRoot,
		},
		{
			ID:      "fs.entry.name/trailing-slash",
			Clause:  "fs.entry.name",
			Needs:   engine.Filesystem,
			Explain: "A directory is often written with a slash at its end; splitting there leaves an empty name.",
			Try:     "fakeagent call stat notes/",
			Run:     nameWithTrailingSlash,
		},
		{
			ID:      "fs.entry.kind-by-lstat/file-and-directory",
			Clause:  "fs.entry.kind-by-lstat",
			Needs:   engine.Filesystem,
			Explain: "A browser must know what it can open and what it can enter.",
			Try:     "fakeagent call ls",
			Run:     kindOfFileAndDirectory,
		},
		{
			ID:      "fs.entry.kind-by-lstat/symlinks",
			Clause:  "fs.entry.kind-by-lstat",
			Needs:   needs,
			Explain: "Whoever walks a tree must see a link as a link, whatever it leads to, or it walks in circles and out of the tree.",
			Try:     "ln -s / link && fakeagent call stat link",
			Run:     kindOfSymlinks,
		},
		{
			ID:      "fs.entry.kind-by-lstat/fifo",
			Clause:  "fs.entry.kind-by-lstat",
			Needs:   needs,
			Explain: "There are three kinds; what is neither a directory nor a link counts as a file, not as unknown.",
			Try:     "mkfifo pipe && fakeagent call stat pipe",
			Run:     kindOfFIFO,
		},
		{
			ID:      "fs.entry.size/of-files",
			Clause:  "fs.entry.size",
			Needs:   engine.Filesystem,
			Explain: "Sizes decide whether a file is read whole or in ranges.",
			Try:     "fakeagent call stat notes.txt",
			Run:     sizeOfFiles,
		},
		{
			ID:      "fs.entry.size/above-four-gigabytes",
			Clause:  "fs.entry.size",
			Needs:   needs,
			Explain: "Disk images and models are larger than 32 bits can count; a size that wraps makes a big file look small.",
			Try:     "truncate -s 5G big && fakeagent call stat big",
			Run:     sizeAboveFourGigabytes,
		},
		{
			ID:      "fs.entry.size/of-a-symlink",
			Clause:  "fs.entry.size",
			Needs:   needs,
			Explain: "An entry describes the link itself, so its size is the link's and not that of what it leads to.",
			Try:     "ln -s notes.txt link && fakeagent call stat link",
			Run:     sizeOfSymlink,
		},
		{
			ID:      "fs.entry.mtime-ms/milliseconds",
			Clause:  "fs.entry.mtime-ms",
			Needs:   needs,
			Explain: "Editors notice changes by this time; seconds that pose as milliseconds, or lost fractions, hide a change.",
			Try:     "touch -d '2009-02-13 23:31:30.123' old && fakeagent call stat old",
			Run:     mtimeInMilliseconds,
		},
		{
			ID:      "fs.entry.mode-bits/permissions",
			Clause:  "fs.entry.mode-bits",
			Needs:   needs,
			Explain: "Whether a script can be run, or a secret be read by others, is in these nine bits.",
			Try:     "chmod 640 notes.txt && fakeagent call stat notes.txt",
			Run:     modePermissions,
		},
		{
			ID:      "fs.entry.mode-type-bits/whole-st-mode",
			Clause:  "fs.entry.mode-type-bits",
			Needs:   needs,
			Explain: "The type bits tell a FIFO or a socket from a regular file, which the kind does not.",
			Try:     "fakeagent call stat notes.txt",
			Run:     modeTypeBits,
		},
	}
}

// A view is one way in which an agent shows an entry.
type view struct {
	how   string
	entry *agentv1.FsEntry
}

// views are the entries that stat and list give for a name in the case's
// directory: two operations that must agree. That there are entries is what other
// clauses say, so a view that is missing is left out and blocks the case at most.
func views(ctx context.Context, t *engine.T, name string) []view {
	all := []view{
		{"the stat of " + name, t.Call(ctx, &agentv1.FsStatRequest{Path: t.Path(ctx, name)}).GetFsStat().GetEntry()},
		{"the list's " + name, nil},
	}
	for _, e := range t.Call(ctx, &agentv1.FsListRequest{Path: t.Dir(ctx)}).GetFsList().GetEntries() {
		if e.GetName() == name || e.GetPath() == name {
			all[1].entry = e
		}
	}
	return slices.DeleteFunc(all, func(v view) bool {
		return !t.Given().Check(v.entry != nil, v.how, "no entry")
	})
}

func nameIsLastComponent(ctx context.Context, t *engine.T) {
	t.File(ctx, "outer/two words.tar.gz", "x")
	for _, name := range []string{"outer", "outer/two words.tar.gz"} {
		for _, p := range []string{t.Path(ctx, name), t.Abs(ctx, t.Path(ctx, name))} {
			engine.Equal(t, "the name in a stat", t.Given().Stat(ctx, p).GetName(), path.Base(name))
		}
	}
	var names []string
	for _, e := range t.Given().List(ctx, t.Dir(ctx), true) {
		names = append(names, e.GetName())
	}
	engine.EqualSet(t, "the names in a recursive list", names, []string{"outer", "two words.tar.gz"})
}

func nameOfRoot(ctx context.Context, t *engine.T) {
	root := t.Root(ctx)
	if root == "/" {
		t.Untestable("the agent's root is /, which has no name")
	}
	for _, p := range []string{"", ".", root} {
		// The name itself is the machine's own, and a report must not differ.
		engine.Same(t, "the root's name", t.Given().Stat(ctx, p).GetName(), path.Base(root))
	}
}

func nameWithTrailingSlash(ctx context.Context, t *engine.T) {
	t.Folder(ctx, "sub")
	engine.Equal(t, "the name in a stat of sub/", t.Given().Stat(ctx, t.Path(ctx, "sub")+"/").GetName(), "sub")
}

func wantKind(ctx context.Context, t *engine.T, name string, kind agentv1.FsEntryKind) {
	for _, v := range views(ctx, t, name) {
		engine.Equal(t, "the kind in "+v.how, v.entry.GetKind(), kind)
	}
}

func kindOfFileAndDirectory(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "")
	t.Folder(ctx, "directory")
	wantKind(ctx, t, "file", kindFile)
	wantKind(ctx, t, "directory", kindDirectory)
}

func kindOfSymlinks(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "content")
	t.Folder(ctx, "directory")
	for _, target := range []string{"file", "directory", "nothing"} {
		t.Arrange(ctx, "symlink", target, "to-"+target)
		wantKind(ctx, t, "to-"+target, kindSymlink)
	}
}

func kindOfFIFO(ctx context.Context, t *engine.T) {
	t.Arrange(ctx, "mkfifo", "fifo")
	wantKind(ctx, t, "fifo", kindFile)
}

func wantSize(ctx context.Context, t *engine.T, name string, size uint64) {
	for _, v := range views(ctx, t, name) {
		engine.Equal(t, "the size in "+v.how, v.entry.GetSize(), size)
	}
}

func sizeOfFiles(ctx context.Context, t *engine.T) {
	for _, size := range []int{0, 1, 100_003} {
		name := "of-" + strconv.Itoa(size)
		t.Put(ctx, t.Path(ctx, name), make([]byte, size))
		wantSize(ctx, t, name, uint64(size))
	}
}

func sizeAboveFourGigabytes(ctx context.Context, t *engine.T) {
	const size = 5<<30 + 7
	t.Arrange(ctx, "sparse", "big", strconv.Itoa(size))
	wantSize(ctx, t, "big", size)
}

func sizeOfSymlink(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "a content that is longer than the name")
	t.Arrange(ctx, "symlink", "file", "link")
	wantSize(ctx, t, "link", uint64(lstat(ctx, t, "link").Size))
}

func mtimeInMilliseconds(ctx context.Context, t *engine.T) {
	times := []struct {
		name        string
		nanoseconds int64
	}{
		{"in-2009", 1_234_567_890_123_456_789},
		{"just-after-1970", 1_000_000},
		{"beyond-32-bits", 4_102_444_800_007_000_000},
		{"on-a-whole-second", 1_600_000_000_000_000_000},
	}
	for _, at := range times {
		t.File(ctx, at.name, "")
		t.Arrange(ctx, "mtime", strconv.FormatInt(at.nanoseconds, 10), at.name)
		// Not what was asked for: file systems round, and some end in 2038.
		want := lstat(ctx, t, at.name).MtimeNS / 1_000_000
		for _, v := range views(ctx, t, at.name) {
			engine.Equal(t, "the modified_ms in "+v.how, v.entry.GetModifiedMs(), want)
		}
	}
}

func modePermissions(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "")
	t.Folder(ctx, "directory")
	for _, tc := range []struct {
		name string
		mode uint32
	}{
		{"file", 0o640}, {"file", 0o755}, {"file", 0o401},
		{"directory", 0o750}, {"directory", 0o711},
	} {
		t.Arrange(ctx, "chmod", strconv.FormatUint(uint64(tc.mode), 8), tc.name)
		for _, v := range views(ctx, t, tc.name) {
			wantMode(t, "the permission bits in "+v.how, v.entry.GetMode()&0o777, tc.mode)
		}
	}
}

func modeTypeBits(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "")
	t.Folder(ctx, "directory")
	t.Arrange(ctx, "symlink", "file", "link")
	t.Arrange(ctx, "mkfifo", "fifo")
	t.Arrange(ctx, "chmod", "1777", "directory")
	for _, name := range []string{"file", "directory", "link", "fifo"} {
		want := lstat(ctx, t, name).Mode
		for _, v := range views(ctx, t, name) {
			wantMode(t, "the mode in "+v.how, v.entry.GetMode(), want)
		}
	}
}

// wantMode compares modes as people write them.
func wantMode(t *engine.T, what string, got, want uint32) {
	t.Check(got == want, fmt.Sprintf("%s %#o", what, want), "%#o", got)
}

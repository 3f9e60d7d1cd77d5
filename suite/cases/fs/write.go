package fs

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wire"
)

func writeCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.write.create/byte-exact",
			Clause:  "fs.write.create",
			Needs:   needs,
			Explain: "What a control plane uploads is what must lie on the disk, to the last byte, text or not.",
			Try:     "fakeagent call write copy.png < picture.png && cmp picture.png copy.png",
			Run:     createExact,
		},
		{
			ID:      "fs.write.truncate/nothing-is-left",
			Clause:  "fs.write.truncate",
			Needs:   needs,
			Explain: "A shorter text over a longer one must not keep the longer one's tail: a configuration with two endings is broken.",
			Try:     "echo long text | fakeagent call write f; echo x | fakeagent call write f; cat f",
			Run:     truncates,
		},
		{
			ID:      "fs.write.append/at-the-end",
			Clause:  "fs.write.append",
			Needs:   needs,
			Explain: "Large files are uploaded piece by piece; a piece that replaces or lands elsewhere spoils the file.",
			Try:     "echo more | fakeagent call write --append notes.txt",
			Run:     appends,
		},
		{
			ID:      "fs.write.append/creates",
			Clause:  "fs.write.append",
			Needs:   needs,
			Explain: "The first piece of an upload is appended too, to a file that is not there yet.",
			Try:     "echo first | fakeagent call write --append new.txt",
			Run:     appendCreates,
		},
		{
			ID:      "fs.write.append/behind-what-others-wrote",
			Clause:  "fs.write.append",
			Needs:   needs,
			Explain: "The end of a log moves while others write to it; an end that was remembered overwrites their lines.",
			Run:     appendsBehindOthers,
		},
		{
			ID:      "fs.write.append/side-by-side",
			Clause:  "fs.write.append",
			Needs:   needs,
			Explain: "Two writers of one log must both find their lines in it; reading, adding and writing back loses one's.",
			Run:     appendsSideBySide,
		},
		{
			ID:      "fs.write.parents/created",
			Clause:  "fs.write.parents",
			Needs:   needs,
			Explain: "A new source file in a new package is one write; nobody wants to make the directories first.",
			Try:     "echo x | fakeagent call write new/deep/file.txt",
			Run:     writeCreatesParents,
		},
		{
			ID:      "fs.write.parents/existing-ones-are-fine",
			Clause:  "fs.write.parents",
			Needs:   needs,
			Explain: "Callers ask for parents without knowing whether they are there, and what lies in them must stay.",
			Run:     writeKeepsParents,
		},
		{
			ID:      "fs.write.count/bytes",
			Clause:  "fs.write.count",
			Needs:   engine.Filesystem,
			Explain: "The count is a caller's only proof; it counts bytes and not characters, and this write's and not the file's.",
			Run:     writeCounts,
		},
		{
			ID:      "fs.write.empty/new-file",
			Clause:  "fs.write.empty",
			Needs:   needs,
			Explain: "Marker files are empty; no content is a content.",
			Try:     "fakeagent call write marker < /dev/null",
			Run:     emptyCreates,
		},
		{
			ID:      "fs.write.empty/existing-file",
			Clause:  "fs.write.empty",
			Needs:   needs,
			Explain: "Writing nothing over something empties it, which an agent that skips empty writes does not do.",
			Run:     emptyTruncates,
		},
		{
			ID:      "fs.write.missing-parent/refused",
			Clause:  "fs.write.missing-parent",
			Needs:   needs,
			Explain: "Who did not ask for directories has mistyped one; making it hides the mistake.",
			Try:     "echo x | fakeagent call write --no-parents no/such/file",
			Run:     missingParent,
		},
		{
			ID:      "fs.write.directory/refused",
			Clause:  "fs.write.directory",
			Needs:   needs,
			Explain: "A directory in the place of the file must neither be replaced nor look like a success.",
			Try:     "echo x | fakeagent call write .",
			Run:     writeDirectory,
		},
	}
}

// write sends one write that must succeed, and returns its bytes_written.
func write(ctx context.Context, t *engine.T, req *agentv1.FsWriteRequest) uint64 {
	return engine.Must[*agentv1.FsWriteResponse](ctx, t, req).GetBytesWritten()
}

func createExact(ctx context.Context, t *engine.T) {
	for _, tc := range []struct {
		name    string
		content []byte
	}{
		{"text", []byte("two lines\r\nno end of line")},
		{"every-byte", helper.Pattern(1, 256)},
		{"one-byte", []byte{0}},
		{"large", helper.Pattern(2, largeSize)},
	} {
		write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, tc.name), Content: tc.content})
		wantContent(ctx, t, tc.name, tc.content)
	}
}

func truncates(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "a first content that is quite long")
	for _, content := range []string{"short", "longer than before", "as long as before!", "x"} {
		write(ctx, t, &agentv1.FsWriteRequest{Path: file, Content: []byte(content)})
		wantText(ctx, t, "file", content)
	}
}

func appends(ctx context.Context, t *engine.T) {
	want := []byte("the beginning\n")
	file := t.File(ctx, "file", string(want))
	for _, piece := range [][]byte{[]byte("the middle\n"), bytes.Repeat([]byte("a line\n"), 10_001), {}, []byte("the end")} {
		write(ctx, t, &agentv1.FsWriteRequest{Path: file, Content: piece, Append: true})
		want = append(want, piece...)
	}
	wantContent(ctx, t, "file", want)
}

func appendCreates(ctx context.Context, t *engine.T) {
	write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, "file"), Content: []byte("first"), Append: true})
	wantText(ctx, t, "file", "first")
	write(ctx, t.Given(), &agentv1.FsWriteRequest{Path: t.Path(ctx, "new/file"), Content: []byte("first"), Append: true, CreateParents: true})
	wantText(ctx, t, "new/file", "first")
}

func appendsBehindOthers(ctx context.Context, t *engine.T) {
	add := func(text string) {
		write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, "log"), Content: []byte(text), Append: true})
	}
	add("ours\n")
	t.Arrange(ctx, "append-lines", "log", "2")
	add("ours again\n")
	wantText(ctx, t, "log", "ours\nline 0\nline 1\nours again\n")
}

func appendsSideBySide(ctx context.Context, t *engine.T) {
	const writers, size = 16, 4096
	var pending []*engine.Pending
	var want []string
	for i := range writers {
		piece := bytes.Repeat([]byte{byte('a' + i)}, size)
		want = append(want, string(piece))
		pending = append(pending, t.Start(wire.NewRequest(&agentv1.FsWriteRequest{Path: t.Path(ctx, "log"), Content: piece, Append: true})))
	}
	for _, p := range pending {
		engine.MustOf[*agentv1.FsWriteResponse](t, p.Response(ctx, t.Scale(replyLimit)))
	}
	got := engine.Probe[helper.Content](ctx, t, "slurp", "log").Head
	t.Check(len(got) == writers*size, fmt.Sprintf("%d pieces of %d bytes", writers, size), "%d bytes", len(got))
	var pieces []string
	for piece := range slices.Chunk(got, size) {
		pieces = append(pieces, string(piece))
	}
	slices.Sort(pieces)
	t.Check(slices.Equal(pieces, want), "every piece whole", "pieces mixed or lost")
}

func writeCreatesParents(ctx context.Context, t *engine.T) {
	write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, "one/two words/three/file"), Content: []byte("content"), CreateParents: true})
	wantType(ctx, t, "one/two words", "directory")
	wantType(ctx, t, "one/two words/three/file", "file")
}

func writeKeepsParents(ctx context.Context, t *engine.T) {
	t.File(ctx, "one/neighbour", "stays")
	write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, "one/two/file"), Content: []byte("content"), CreateParents: true})
	write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, "one/two/file"), Content: []byte("again"), CreateParents: true})
	wantType(ctx, t, "one/two/file", "file")
	wantText(ctx, t, "one/neighbour", "stays")
}

func writeCounts(ctx context.Context, t *engine.T) {
	file := t.Path(ctx, "file")
	for _, tc := range []struct {
		what    string
		content []byte
		append  bool
	}{
		{"of text", []byte("hello"), false},
		{"of nine characters", []byte("fünf → 日本"), false},
		{"of a piece appended", []byte("more"), true},
		{"of nothing appended", nil, true},
		{"of much", bytes.Repeat([]byte("x"), largeSize), false},
		{"of nothing", nil, false},
	} {
		got := write(ctx, t, &agentv1.FsWriteRequest{Path: file, Content: tc.content, Append: tc.append})
		engine.Equal(t, "the bytes_written "+tc.what, got, uint64(len(tc.content)))
	}
}

func emptyCreates(ctx context.Context, t *engine.T) {
	write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, "file")})
	wantContent(ctx, t, "file", nil)
	write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, "appended"), Append: true})
	wantContent(ctx, t, "appended", nil)
}

func emptyTruncates(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "something")
	write(ctx, t, &agentv1.FsWriteRequest{Path: file})
	wantContent(ctx, t, "file", nil)
}

func missingParent(ctx context.Context, t *engine.T) {
	path := t.Path(ctx, "no/such/file")
	t.RefusedAll(ctx, notFound,
		engine.Attempt{What: "a write", Op: &agentv1.FsWriteRequest{Path: path, Content: []byte("x")}},
		engine.Attempt{What: "an append", Op: &agentv1.FsWriteRequest{Path: path, Content: []byte("x"), Append: true}},
		engine.Attempt{What: "an empty write", Op: &agentv1.FsWriteRequest{Path: path}},
		engine.Attempt{What: "a write with a mode", Op: &agentv1.FsWriteRequest{Path: path, Content: []byte("x"), Mode: 0o644}},
	)
	wantGone(ctx, t, "no")
}

func writeDirectory(ctx context.Context, t *engine.T) {
	t.File(ctx, "dir/file", "stays")
	dir := t.Path(ctx, "dir")
	t.Folder(ctx, "empty")
	t.RefusedAll(ctx, osError,
		engine.Attempt{What: "a write to a directory", Op: &agentv1.FsWriteRequest{Path: dir, Content: []byte("x")}},
		engine.Attempt{What: "a write to an empty directory", Op: &agentv1.FsWriteRequest{Path: t.Path(ctx, "empty"), Content: []byte("x")}},
		engine.Attempt{What: "an append to a directory", Op: &agentv1.FsWriteRequest{Path: dir, Content: []byte("x"), Append: true}},
		engine.Attempt{What: "an empty write to a directory", Op: &agentv1.FsWriteRequest{Path: dir}},
		engine.Attempt{What: "a write with parents to a directory", Op: &agentv1.FsWriteRequest{Path: dir, Content: []byte("x"), CreateParents: true}},
		engine.Attempt{What: "a write to the root", Op: &agentv1.FsWriteRequest{Content: []byte("x")}},
	)
	wantText(ctx, t, "dir/file", "stays")
	wantType(ctx, t, "empty", "directory")
}

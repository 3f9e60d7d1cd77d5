package fs

import (
	"bytes"
	"context"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func writeLinkCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "fs.write.through-symlink/target-changes",
			Clause:  "fs.write.through-symlink",
			Needs:   needs,
			Explain: "Dotfiles are links into a repository; an editor that puts a file in the link's place cuts them off from it.",
			Try:     "ln -s real link && echo new | fakeagent call write link && ls -l link && cat real",
			Run:     writeThroughSymlink,
		},
		{
			ID:      "fs.write.through-symlink/append",
			Clause:  "fs.write.through-symlink",
			Needs:   needs,
			Explain: "An append to a link belongs to the file that it leads to.",
			Run:     appendThroughSymlink,
		},
		{
			ID:      "fs.write.through-symlink/dangling",
			Clause:  "fs.write.through-symlink",
			Needs:   needs,
			Explain: "A link may be there before its file, as for a log or a socket; the first write makes the file where the link says.",
			Try:     "ln -s later link && echo x | fakeagent call write link && cat later",
			Run:     writeThroughDangling,
		},
		{
			ID:      "fs.write.through-symlink/hard-links",
			Clause:  "fs.write.through-symlink",
			Needs:   needs,
			Explain: "A hard link is the same file under another name, and stays so when one of them is edited.",
			Try:     "ln real twin && echo new | fakeagent call write twin && cat real",
			Run:     writeKeepsHardLinks,
		},
		{
			ID:      "fs.write.through-symlink/owner",
			Clause:  "fs.write.through-symlink",
			Needs:   needs,
			Explain: "An agent that runs as root must not take the user's files away by editing them.",
			Run:     writeKeepsOwner,
		},
	}
}

func wantSymlink(ctx context.Context, t *engine.T, name, target string) {
	engine.Equal(t, "the target of the symlink "+name, wantType(ctx, t, name, "symlink").Target, target)
}

func writeThroughSymlink(ctx context.Context, t *engine.T) {
	t.File(ctx, "sub/real", "old") // shorter: whether a write truncates is not asked here
	// Relative to where the link lies, not to the root or the case's directory.
	t.Arrange(ctx, "symlink", "real", "sub/link")
	t.Arrange(ctx, "symlink", "sub/link", "chain")
	for _, name := range []string{"chain", "sub/link"} {
		content := "through " + name
		write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, name), Content: []byte(content)})
		wantType(ctx, t, "sub/real", "file")
		wantText(ctx, t, "sub/real", content)
		wantSymlink(ctx, t, "sub/link", "real")
		wantSymlink(ctx, t, "chain", "sub/link")
	}
}

func appendThroughSymlink(ctx context.Context, t *engine.T) {
	t.File(ctx, "real", "old")
	t.Arrange(ctx, "symlink", "real", "link")
	write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, "link"), Content: []byte(" and new"), Append: true})
	got := engine.Probe[helper.Content](ctx, t, "slurp", "real").Head
	t.Check(bytes.HasSuffix(got, []byte(" and new")), "the content of real with what was appended to the link", "%q", got)
	wantSymlink(ctx, t, "link", "real")
}

func writeThroughDangling(ctx context.Context, t *engine.T) {
	t.Folder(ctx, "sub")
	for _, tc := range []struct{ link, target, real string }{
		{"link", "later", "later"},
		{"sub/link", "later", "sub/later"},
		{"absolute", t.Abs(ctx, t.Path(ctx, "elsewhere")), "elsewhere"},
	} {
		t.Arrange(ctx, "symlink", tc.target, tc.link)
		write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, tc.link), Content: []byte(tc.link)})
		wantText(ctx, t, tc.real, tc.link)
		wantType(ctx, t, tc.link, "symlink")
	}
}

func writeKeepsHardLinks(ctx context.Context, t *engine.T) {
	t.File(ctx, "real", "x")
	t.Arrange(ctx, "hardlink", "real", "twin")
	for _, w := range []struct {
		name, other string
		append      bool
	}{{"twin", "real", false}, {"real", "twin", true}} {
		write(ctx, t, &agentv1.FsWriteRequest{Path: t.Path(ctx, w.name), Content: []byte("new"), Append: w.append})
		wantContent(ctx, t, w.other, engine.Probe[helper.Content](ctx, t, "slurp", w.name).Head)
	}
	engine.Equal(t, "the number of names of the file", lstat(ctx, t, "real").Links, 2)
}

func writeKeepsOwner(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "old")
	// Ids that nobody needs to have: only their difference from the agent's
	// own counts.
	if r := t.RunHelper(ctx, "chown", "48151", "62342", "file"); r.GetExitCode() != helper.ExitOK {
		t.NotClaimed("the agent's user may not give files away, so that each keeps its owner")
	}
	before := lstat(ctx, t, "file")
	for _, req := range []*agentv1.FsWriteRequest{{Content: []byte("new")}, {Content: []byte("er"), Append: true}} {
		req.Path = file
		write(ctx, t, req)
		after := lstat(ctx, t, "file")
		engine.Same(t, "the owner that the file had", after.UID, before.UID)
		engine.Same(t, "the group that the file had", after.GID, before.GID)
	}
}

package git

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"agentproof/suite/engine"
)

func codeCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.status.code/worktree",
			Clause:  "git.status.code",
			Needs:   needs,
			Explain: "A change that was not added yet would be missing from the next commit; it must not look staged.",
			Try:     "echo x >> file && fakeagent call git --json status",
			Run:     codeWorktree,
		},
		{
			ID:      "git.status.code/index",
			Clause:  "git.status.code",
			Needs:   needs,
			Explain: "What the next commit will hold is what the index side says.",
			Try:     "git add file && fakeagent call git --json status",
			Run:     codeIndex,
		},
		{
			ID:      "git.status.code/both-sides",
			Clause:  "git.status.code",
			Needs:   needs,
			Explain: "A file that was changed again after it was added is in both halves of the picture.",
			Run:     codeBothSides,
		},
		{
			ID:      "git.status.code/untracked",
			Clause:  "git.status.code",
			Needs:   needs,
			Explain: "An untracked file is in no commit to come, whatever is made of the two question marks.",
			Try:     "touch new && fakeagent call git --json status",
			Run:     codeUntracked,
		},
		{
			ID:      "git.status.code/type-change",
			Clause:  "git.status.code",
			Needs:   needs,
			Explain: "A file that became a link is a change of its own letter.",
			Run:     codeTypeChange,
		},
		{
			ID:      "git.status.code/rename",
			Clause:  "git.status.code",
			Needs:   needs,
			Explain: "A rename is a change of the index, and of the working tree too when the file was edited afterwards.",
			Try:     "git mv old new && fakeagent call git --json status",
			Run:     codeRename,
		},
		{
			ID:      "git.status.code/intent-to-add",
			Clause:  "git.status.code",
			Needs:   needs,
			Explain: "A file that git was only told about has nothing in the index yet: it is not staged.",
			Try:     "touch new && git add -N new && fakeagent call git --json status",
			Run:     codeIntentToAdd,
		},
	}
}

func codeWorktree(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "changed", "deleted", "same")
	r.write(ctx, "changed", "new")
	r.remove(ctx, "deleted")
	wantFiles(t, status(ctx, t, r.dir), file("changed", ".M", false), file("deleted", ".D", false))
}

func codeIndex(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "changed", "deleted", "same")
	r.write(ctx, "changed", "new")
	r.write(ctx, "added", "new")
	r.remove(ctx, "deleted")
	r.git(ctx, "add", "--all")
	wantFiles(t, status(ctx, t, r.dir), file("added", "A.", true), file("changed", "M.", true), file("deleted", "D.", true))
}

func codeBothSides(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "changed", "gone", "same")
	for _, name := range []string{"changed", "gone", "added"} {
		r.write(ctx, name, "new")
	}
	r.git(ctx, "add", "--all")
	r.write(ctx, "changed", "newer")
	r.write(ctx, "added", "newer")
	r.remove(ctx, "gone")
	wantFiles(t, status(ctx, t, r.dir), file("added", "AM", true), file("changed", "MM", true), file("gone", "MD", true))
}

func codeUntracked(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.write(ctx, "first", "x")
	wantFiles(t, status(ctx, t, r.dir), file("first", "??", false))
	r.commit(ctx, "first")
	r.write(ctx, "second", "x")
	r.write(ctx, "directory/file", "x")
	wantFiles(t, status(ctx, t, r.dir), file("second", "??", false), file("directory/", "??", false))
}

func codeTypeChange(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "file")
	r.remove(ctx, "file")
	t.Arrange(ctx, "symlink", "elsewhere", "repo/file")
	wantFiles(t, status(ctx, t, r.dir), file("file", ".T", false))
	r.git(ctx, "add", "file")
	wantFiles(t, status(ctx, t, r.dir), file("file", "T.", true))
}

func codeRename(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	longFile(ctx, r, "old")
	longFile(ctx, r, "older")
	r.git(ctx, "mv", "old", "new")
	r.git(ctx, "mv", "older", "newer")
	r.sh(ctx, `echo "one more" >>newer`)
	wantFiles(t, status(ctx, t, r.dir), file("new", "R.", true), file("newer", "RM", true))
}

func codeIntentToAdd(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "same")
	r.write(ctx, "new", "x")
	r.git(ctx, "add", "--intent-to-add", "new")
	wantFiles(t, status(ctx, t, r.dir), file("new", ".A", false))
}

func pathCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.status.path/one-entry-each",
			Clause:  "git.status.path",
			Needs:   needs,
			Explain: "A change that is missing is not reviewed, and one that comes twice is counted twice.",
			Try:     "fakeagent call git --json status",
			Run:     pathOneEach,
		},
		{
			ID:      "git.status.path/in-a-subdirectory",
			Clause:  "git.status.path",
			Needs:   needs,
			Explain: "Paths are git's own for the directory that was asked about, so that they can be handed back to git.",
			Try:     "fakeagent call git --cwd sub --json status",
			Run:     pathInSubdirectory,
		},
		{
			ID:      "git.status.path-odd/changed",
			Clause:  "git.status.path-odd",
			Needs:   needs,
			Explain: "Git quotes what is not plain ASCII; a caller that opens such a path needs the name and not the quotation.",
			Try:     "touch 'two words' 日本 && fakeagent call git --json status",
			Run:     oddChanged,
		},
		{
			ID:      "git.status.path-odd/untracked",
			Clause:  "git.status.path-odd",
			Needs:   needs,
			Explain: "Untracked files are printed in another form than changed ones, and their names are as odd.",
			Run:     oddUntracked,
		},
		{
			ID:      "git.status.path-odd/quotes-among-control-characters",
			Clause:  "git.status.path-odd",
			Needs:   needs,
			Explain: "A quoted path holds escapes of every kind; undoing only some of them gives the path of no file.",
			Run:     oddEscapes,
		},
	}
}

func pathOneEach(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "a", "sub/b", "sub/deep/c", "same")
	var want []string
	for _, name := range []string{"a", "sub/b", "sub/deep/c"} {
		r.write(ctx, name, "new")
		want = append(want, name)
	}
	r.git(ctx, "add", "sub/b")
	r.write(ctx, "sub/b", "newer")
	for i := range 50 {
		name := fmt.Sprintf("sub/new-%02d", i)
		r.write(ctx, name, "x")
		want = append(want, name)
	}
	r.write(ctx, "untracked/one", "x")
	r.write(ctx, "untracked/two", "x")
	wantPaths(t, status(ctx, t, r.dir), append(want, "untracked/")...)
}

// printed are the plain paths of a porcelain v2 text.
func printed(text string) []string {
	var out []string
	for line := range strings.Lines(strings.TrimSuffix(text, "\n")) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "? "):
			out = append(out, line[2:])
		case strings.HasPrefix(line, "1 "):
			out = append(out, line[strings.LastIndexByte(line, ' ')+1:])
		}
	}
	return out
}

func pathInSubdirectory(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "top", "sub/inner", "other/file")
	for _, name := range []string{"top", "sub/inner", "other/file", "sub/new", "new"} {
		r.write(ctx, name, "new")
	}
	sub := path.Join(r.dir, "sub")
	want := printed(string(r.try(ctx, "-C", "sub", "status", "--porcelain=v2").GetStdout()))
	if len(want) != 5 {
		r.t.Fatalf("git to print five paths", "%d", len(want))
	}
	wantPaths(t, status(ctx, t, sub), want...)
}

// oddNames are what git quotes, and what falls apart at blanks.
func oddNames() []string {
	return []string{
		"two words", " leading blank", "trailing blank ", "  two  each  ", "größe", "日本語.txt", "naïve café.md", "emoji 🎉",
		`"quoted"`, `one"quote`, "it's", `a -> b`, "-dash", "a#b", "R100 name", "(detached)",
	}
}

func oddChanged(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	names := oddNames()
	r.commit(ctx, "first", names...)
	for i, name := range names {
		r.write(ctx, name, "new")
		if i%2 == 1 {
			r.git(ctx, "add", "--", name)
		}
	}
	wantPaths(t, status(ctx, t, r.dir), names...)
}

func oddUntracked(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	names := oddNames()
	for _, name := range names {
		r.write(ctx, name, "x")
	}
	r.write(ctx, `odd "directory" ü/file`, "x")
	wantPaths(t, status(ctx, t, r.dir), append(names, `odd "directory" ü/`)...)
}

func oddEscapes(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	names := []string{
		"tab\tand \"quotes\"", "line\nbreak and \"quotes\"", `back\slash and "quotes"`, `\"`, `\303\274 and "ü"`, `ends in \`,
		"bell\a \"and\" delete\x7f", "\"\\n\"",
	}
	slices.Sort(names)
	r.commit(ctx, "first", names[:4]...)
	for _, name := range names {
		r.write(ctx, name, "new")
	}
	wantPaths(t, status(ctx, t, r.dir), names...)
}

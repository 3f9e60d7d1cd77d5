package git

import (
	"context"
	"slices"
	"strings"

	"agentproof/suite/engine"
)

func renameCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.status.rename/new-path",
			Clause:  "git.status.rename",
			Needs:   needs,
			Explain: "A renamed file is one change, under the name that can be opened now.",
			Try:     "git mv old new && fakeagent call git --json status",
			Run:     renameNewPath,
		},
		{
			ID:      "git.status.rename/odd-names",
			Clause:  "git.status.rename",
			Needs:   needs,
			Explain: "Two paths stand in one line of git's text; blanks and quotes in them hide where one ends.",
			Run:     renameOdd,
		},
		{
			ID:      "git.status.rename/changed-afterwards",
			Clause:  "git.status.rename",
			Needs:   needs,
			Explain: "A file that was renamed and then edited is still one file.",
			Run:     renameChanged,
		},
	}
}

// longFile is similar enough to itself after a small change for git to see a
// rename.
func longFile(ctx context.Context, r *repo, name string) {
	r.write(ctx, name, strings.Repeat(name+" has many lines that stay\n", 40))
	r.commit(ctx, "add "+name)
}

func renameNewPath(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	longFile(ctx, r, "old")
	longFile(ctx, r, "sub/old")
	r.git(ctx, "mv", "old", "new")
	r.git(ctx, "mv", "sub/old", "moved-up")
	wantPaths(t, status(ctx, t, r.dir), "new", "moved-up")
}

func renameOdd(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	pairs := [][2]string{
		{"an old name", "a new name"}, {`old "quoted"`, `new "quoted"`}, {"alt größe", "neu größe"}, {"plain", `now "odd" ü`}, {`was "odd" ü`, "now-plain"},
	}
	var want []string
	for _, p := range pairs {
		longFile(ctx, r, p[0])
	}
	for _, p := range pairs {
		r.git(ctx, "mv", p[0], p[1])
		want = append(want, p[1])
	}
	if givenOddNames(ctx, t, want) {
		wantPaths(t, status(ctx, t, r.dir), want...)
	}
}

// givenOddNames blocks a case whose names the agent lists wrongly where nothing but
// the names is odd: that is git.status.path-odd. It reports whether it did not.
func givenOddNames(ctx context.Context, t *engine.T, names []string) bool {
	r := newRepo(ctx, t, "odd")
	for _, name := range names {
		r.write(ctx, name, "x")
	}
	untracked := wantPaths(t.Given(), status(ctx, t, r.dir), names...)
	r.commit(ctx, "all", names...)
	for _, name := range names {
		r.write(ctx, name, "new")
	}
	return wantPaths(t.Given(), status(ctx, t, r.dir), names...) && untracked
}

func renameChanged(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	longFile(ctx, r, "old")
	r.git(ctx, "mv", "old", "new")
	r.write(ctx, "new", strings.Repeat("old has many lines that stay\n", 40)+"one more\n")
	wantPaths(t, status(ctx, t, r.dir), "new")
}

func conflictCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.status.conflict/listed",
			Clause:  "git.status.conflict",
			Needs:   needs,
			Explain: "In the middle of a merge the unmerged paths are all that matters, however each of them came about.",
			Try:     "git merge topic; fakeagent call git --json status",
			Run:     conflictListed,
		},
		{
			ID:      "git.status.conflict/odd-names",
			Clause:  "git.status.conflict",
			Needs:   needs,
			Explain: "Unmerged paths are printed in a form of their own, with their blanks and quotes.",
			Run:     conflictOdd,
		},
	}
}

// conflict commits the names differently on two branches and merges them.
func conflict(ctx context.Context, t *engine.T, names ...string) *repo {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "base", append([]string{"deleted", "same"}, names...)...)
	r.git(ctx, "checkout", "--quiet", "-b", "topic")
	r.remove(ctx, "deleted")
	r.commit(ctx, "theirs", append([]string{"added", "merged"}, names...)...)
	r.git(ctx, "checkout", "--quiet", "main")
	r.commit(ctx, "ours", append([]string{"added", "deleted"}, names...)...)
	if got := r.try(ctx, "merge", "topic").GetExitCode(); got != 1 {
		r.t.Fatalf("a merge that ends with exit code 1", "%d", got)
	}
	return r
}

func conflictListed(ctx context.Context, t *engine.T) {
	r := conflict(ctx, t, "changed")
	s := status(ctx, t, r.dir)
	wantPaths(t, s, "changed", "added", "deleted", "merged")
	var lines []string
	for _, f := range s.GetFiles() {
		lines = append(lines, file(f.GetPath(), f.GetCode(), f.GetStaged()))
	}
	slices.Sort(lines)
	t.Record("%s", strings.Join(lines, ", "))
}

func conflictOdd(ctx context.Context, t *engine.T) {
	names := []string{"two words", `a "quoted" name`, "größe", " leading"}
	if givenOddNames(ctx, t, names) {
		wantPaths(t, status(ctx, t, conflict(ctx, t, names...).dir), append(names, "added", "deleted", "merged")...)
	}
}

package git

import (
	"context"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func presentCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.status.present/only-for-status",
			Clause:  "git.status.present",
			Needs:   needs,
			Explain: "A status that comes with every command costs a second run of git, and one that never comes cannot be used.",
			Try:     "fakeagent call git --json status",
			Run:     statusPresent,
		},
		{
			ID:      "git.status.present/not-on-failure",
			Clause:  "git.status.present",
			Needs:   needs,
			Explain: "An empty status of a directory that is no repository reads as a clean tree.",
			Run:     statusAbsentOnFailure,
		},
	}
}

func statusPresent(ctx context.Context, t *engine.T) {
	r := changedRepo(ctx, t)
	t.Check(run(ctx, t, opStatus, r.dir).GetStatus() != nil, "a status for STATUS of a changed tree", "none")
	clean := newRepo(ctx, t, "clean")
	t.Check(run(ctx, t, opStatus, clean.dir).GetStatus() != nil, "a status for STATUS of a clean tree", "none")
	for _, tc := range []struct {
		op   agentv1.GitOp
		args []string
	}{
		{opRaw, []string{"status", "--porcelain=v2", "--branch"}},
		{0, []string{"status"}},
		{opDiff, nil},
		{opLog, nil},
		{opBranch, nil},
	} {
		got := run(ctx, t, tc.op, r.dir, tc.args...).GetStatus()
		t.Check(got == nil, "no status for "+strings.TrimPrefix(tc.op.String(), "GIT_OP_"), "one")
	}
}

func statusAbsentOnFailure(ctx context.Context, t *engine.T) {
	dir := noRepo(ctx, t)
	t.Check(run(ctx, t, opStatus, dir).GetStatus() == nil, "no status where git fails", "one")
	t.Check(run(ctx, t, opStatus, dir, "--no-such-flag").GetStatus() == nil, "no status for a wrong flag", "one")
}

func branchCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.status.branch/name",
			Clause:  "git.status.branch",
			Needs:   needs,
			Explain: "The branch is what a user looks at before anything else; a name may have slashes and any letters.",
			Try:     "git checkout -b topic/new && fakeagent call git --json status",
			Run:     branchName,
		},
		{
			ID:      "git.status.branch/without-a-commit",
			Clause:  "git.status.branch",
			Needs:   needs,
			Explain: "A new repository is on a branch before it has a commit.",
			Try:     "git init new && fakeagent call git --cwd new --json status",
			Run:     branchUnborn,
		},
		{
			ID:      "git.status.branch/detached",
			Clause:  "git.status.branch",
			Needs:   needs,
			Explain: "On no branch at all, commits are easily lost; an empty or stale name hides that.",
			Try:     "git checkout --detach && fakeagent call git --json status",
			Run:     branchDetached,
		},
		{
			ID:      "git.status.branch/no-upstream",
			Clause:  "git.status.branch",
			Needs:   needs,
			Explain: "A branch that was never pushed has nothing to be ahead of.",
			Run:     branchNoUpstream,
		},
		{
			ID:      "git.status.branch/ahead-and-behind",
			Clause:  "git.status.branch",
			Needs:   needs,
			Explain: "What is to push and what to pull are two numbers; swapped or signed ones send the user the wrong way.",
			Run:     branchAheadBehind,
		},
		{
			ID:      "git.status.branch/upstream-gone",
			Clause:  "git.status.branch",
			Needs:   needs,
			Explain: "After a merge the remote branch is deleted: the branch still has an upstream, and no distance to it.",
			Run:     branchUpstreamGone,
		},
	}
}

// wantBranch checks all that a status tells about where the tree stands.
func wantBranch(ctx context.Context, t *engine.T, r *repo, branch, upstream string, ahead, behind int32) {
	s := status(ctx, t, r.dir)
	engine.Equal(t, "the branch", s.GetBranch(), branch)
	engine.Equal(t, "the upstream", s.GetUpstream(), upstream)
	engine.Equal(t, "ahead", s.GetAhead(), ahead)
	engine.Equal(t, "behind", s.GetBehind(), behind)
}

func branchName(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "a")
	for _, name := range []string{"main", "topic/with-slash.and.dots", "größe/日本"} {
		r.git(ctx, "checkout", "--quiet", "-B", name)
		engine.Equal(t, "the branch", status(ctx, t, r.dir).GetBranch(), name)
	}
}

func branchUnborn(ctx context.Context, t *engine.T) {
	wantBranch(ctx, t, newRepo(ctx, t, "repo"), "main", "", 0, 0)
}

func branchDetached(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "a")
	r.git(ctx, "checkout", "--quiet", "--detach")
	wantBranch(ctx, t, r, "(detached)", "", 0, 0)
}

func branchNoUpstream(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	newRemote(ctx, r)
	r.commit(ctx, "first", "a")
	r.git(ctx, "push", "--quiet", "origin", "main")
	wantBranch(ctx, t, r, "main", "", 0, 0)
}

func branchAheadBehind(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	newRemote(ctx, r)
	r.commit(ctx, "base", "a")
	r.git(ctx, "branch", "base")
	r.git(ctx, "push", "--quiet", "--set-upstream", "origin", "main")
	wantBranch(ctx, t, r, "main", "origin/main", 0, 0)
	r.commit(ctx, "ours", "b")
	wantBranch(ctx, t, r, "main", "origin/main", 1, 0)
	r.git(ctx, "push", "--quiet")
	r.git(ctx, "reset", "--quiet", "--hard", "base")
	wantBranch(ctx, t, r, "main", "origin/main", 0, 1)
	r.commit(ctx, "first of two", "c")
	r.commit(ctx, "second of two", "d")
	wantBranch(ctx, t, r, "main", "origin/main", 2, 1)
}

func branchUpstreamGone(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	newRemote(ctx, r)
	r.commit(ctx, "first", "a")
	r.git(ctx, "push", "--quiet", "--set-upstream", "origin", "main")
	r.git(ctx, "update-ref", "-d", "refs/remotes/origin/main")
	wantBranch(ctx, t, r, "main", "origin/main", 0, 0)
}

func cleanCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.status.clean/true",
			Clause:  "git.status.clean",
			Needs:   needs,
			Explain: "A clean tree may be switched, rebased and thrown away; what git ignores does not make it dirty.",
			Try:     "git stash -u && fakeagent call git --json status",
			Run:     cleanTrue,
		},
		{
			ID:      "git.status.clean/false",
			Clause:  "git.status.clean",
			Needs:   needs,
			Explain: "Any change counts: a file that git does not know yet is the one that is lost for good.",
			Try:     "touch new && fakeagent call git --json status",
			Run:     cleanFalse,
		},
		{
			ID:      "git.status.clean/nothing-but-a-conflict",
			Clause:  "git.status.clean",
			Needs:   needs,
			Explain: "In a merge with one conflict nothing may be listed but the unmerged path, and the tree is not clean.",
			Try:     "git merge topic; fakeagent call git --json status",
			Run:     cleanConflict,
		},
	}
}

func wantClean(ctx context.Context, t *engine.T, r *repo, when string, clean bool) {
	s := status(ctx, t, r.dir)
	engine.Equal(t, "clean "+when, s.GetClean(), clean)
	t.Check((len(s.GetFiles()) == 0) == clean, "files listed exactly when not clean, "+when, "%d files", len(s.GetFiles()))
}

func cleanTrue(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	wantClean(ctx, t, r, "in a new repository", true)
	r.write(ctx, ".gitignore", "ignored\n")
	r.commit(ctx, "first", "a")
	wantClean(ctx, t, r, "after a commit", true)
	r.write(ctx, "ignored", "x")
	wantClean(ctx, t, r, "with an ignored file", true)
	r.git(ctx, "checkout", "--quiet", "--detach")
	wantClean(ctx, t, r, "on no branch", true)
}

func cleanConflict(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "base", "changed")
	r.git(ctx, "checkout", "--quiet", "-b", "topic")
	r.commit(ctx, "theirs", "changed")
	r.git(ctx, "checkout", "--quiet", "main")
	r.commit(ctx, "ours", "changed")
	if got := r.try(ctx, "merge", "topic").GetExitCode(); got != 1 {
		r.t.Fatalf("a merge that ends with exit code 1", "%d", got)
	}
	engine.Equal(t, "clean with nothing but an unmerged path", status(ctx, t, r.dir).GetClean(), false)
}

func cleanFalse(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "a", "b")
	r.write(ctx, "untracked", "x")
	wantClean(ctx, t, r, "with an untracked file", false)
	r.git(ctx, "clean", "--quiet", "--force")
	r.write(ctx, "a", "changed")
	wantClean(ctx, t, r, "with a changed file", false)
	r.git(ctx, "add", "a")
	wantClean(ctx, t, r, "with a change in the index", false)
	r.git(ctx, "reset", "--quiet", "--hard")
	r.git(ctx, "mv", "b", "c")
	wantClean(ctx, t, r, "with a rename", false)
}

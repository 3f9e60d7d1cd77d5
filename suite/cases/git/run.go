package git

import (
	"context"
	"path"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func exitCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.exit-code/non-zero",
			Clause:  "git.exit-code",
			Needs:   needs,
			Explain: "Git says no by its exit code, and why on stderr; as an error of the agent neither arrives.",
			Try:     "fakeagent call git checkout no-such-branch; echo $?",
			Run:     exitNonZero,
		},
		{
			ID:      "git.exit-code/with-stdout",
			Clause:  "git.exit-code",
			Needs:   needs,
			Explain: "`diff --exit-code` ends with 1 because it has something to show; dropping its output loses the point.",
			Try:     "fakeagent call git diff --exit-code",
			Run:     exitWithStdout,
		},
		{
			ID:      "git.exit-code/status-of-no-repository",
			Clause:  "git.exit-code",
			Needs:   needs,
			Explain: "That a directory is no repository is git's answer, also where the agent looks at the output itself.",
			Try:     "fakeagent call git --cwd /tmp status",
			Run:     exitOfStatus,
		},
	}
}

func exitNonZero(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "a")
	for _, tc := range []struct {
		op   agentv1.GitOp
		args []string
		code int32
		says bool
	}{
		{opRaw, []string{"rev-parse", "--quiet", "--verify", "no-such-ref"}, 1, false},
		{opCheckout, []string{"no-such-branch"}, 1, true},
		{opLog, []string{"no-such-ref"}, 128, true},
		{opBranch, []string{"not a name"}, 128, true},
		{opRaw, []string{"no-such-command"}, 1, true},
	} {
		resp := run(ctx, t, tc.op, r.dir, tc.args...)
		engine.Equal(t, "the exit code", resp.GetExitCode(), tc.code)
		t.Check(!tc.says || len(resp.GetStderr()) > 0, "git's complaint on stderr", "nothing")
	}
}

func exitWithStdout(ctx context.Context, t *engine.T) {
	r := changedRepo(ctx, t)
	resp := run(ctx, t, opDiff, r.dir, "--exit-code", "--name-only")
	engine.Equal(t, "the exit code", resp.GetExitCode(), 1)
	engine.Equal(t, "as stdout", string(resp.GetStdout()), "changed\n")
}

// noRepo is a directory that git takes for a broken repository, wherever the
// agent's root lies.
func noRepo(ctx context.Context, t *engine.T) string {
	newRepo(ctx, t, "repo") // proves that there is git
	return path.Dir(t.File(ctx, "broken/.git", "gitdir: nowhere\n"))
}

func exitOfStatus(ctx context.Context, t *engine.T) {
	resp := run(ctx, t, opStatus, noRepo(ctx, t))
	engine.Equal(t, "the exit code", resp.GetExitCode(), 128)
	t.Check(len(resp.GetStderr()) > 0, "git's complaint on stderr", "nothing")
}

func cwdCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.cwd/resolved",
			Clause:  "git.cwd",
			Needs:   needs,
			Explain: "A workspace holds several checkouts; the right command in the wrong one commits somebody else's work.",
			Try:     "fakeagent call git --cwd repo/sub rev-parse --show-prefix",
			Run:     cwdResolved,
		},
		{
			ID:      "git.cwd/empty-is-the-root",
			Clause:  "git.cwd",
			Needs:   needs,
			Explain: "Without a directory git works on the workspace itself, wherever the agent was started.",
			Try:     "fakeagent call git hash-object README.md",
			Run:     cwdEmpty,
		},
		{
			ID:      "git.cwd/missing",
			Clause:  "git.cwd",
			Needs:   needs,
			Explain: "A directory that is gone is found out before git runs in another one.",
			Try:     "fakeagent call git --cwd no-such-directory status",
			Run:     cwdMissing,
		},
	}
}

func cwdResolved(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	other := newRepo(ctx, t, "repo/sub/other")
	for _, tc := range []struct{ how, cwd, prefix string }{
		{"the repository", r.dir, ""},
		{"a subdirectory", r.dir + "/sub", "sub/"},
		{"an absolute path", t.Abs(ctx, r.dir) + "/sub", "sub/"},
		{"a parent of another repository", other.dir + "/..", "sub/"},
		{"another repository", other.dir, ""},
	} {
		got := succeed(ctx, t, opRaw, tc.cwd, "rev-parse", "--show-prefix").GetStdout()
		engine.Equal(t, "as prefix in "+tc.how, string(got), tc.prefix+"\n")
	}
}

func cwdEmpty(ctx context.Context, t *engine.T) {
	newRepo(ctx, t, "repo") // proves that there is git
	file := t.File(ctx, "file", "content")
	want := string(succeed(ctx, t, opRaw, t.Dir(ctx), "hash-object", "file").GetStdout())
	wantStdout(ctx, t, opRaw, "", want, "hash-object", file)
	wantStdout(ctx, t, opRaw, ".", want, "hash-object", file)
}

func cwdMissing(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	var attempts []engine.Attempt
	for _, op := range []agentv1.GitOp{opStatus, opDiff, opLog, opRaw} {
		attempts = append(attempts, engine.Attempt{
			What: op.String() + " in a missing directory",
			Op:   &agentv1.GitRequest{Op: op, Cwd: r.dir + "/no-such-directory", Args: []string{"--version"}},
		})
	}
	t.RefusedAll(ctx, notFound, attempts...)
}

func missingCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.missing/refused",
			Clause:  "git.missing",
			Explain: "A user can install git when told that it is missing; an exit code of 127 or an empty status says nothing.",
			Try:     "PATH=/nonexistent fakeagent run, then fakeagent call git status",
			Launch:  &engine.Launch{Env: []string{"PATH=/nonexistent"}},
			Run:     gitMissing,
		},
	}
}

func gitMissing(ctx context.Context, t *engine.T) {
	probe := t.Call(ctx, &agentv1.GitRequest{Op: opRaw, Args: []string{"--version"}})
	if r := probe.GetGit(); r != nil && r.GetExitCode() == 0 && len(r.GetStdout()) > 0 {
		t.Untestable("the agent finds a git that is not on its PATH")
	}
	var attempts []engine.Attempt
	for _, op := range []agentv1.GitOp{opRaw, 0, opStatus, opDiff, opLog, opAdd, opCommit, opBranch, opCheckout, opPull, opPush} {
		attempts = append(attempts, engine.Attempt{What: op.String(), Op: &agentv1.GitRequest{Op: op}})
	}
	t.RefusedAll(ctx, notFound, attempts...)
}

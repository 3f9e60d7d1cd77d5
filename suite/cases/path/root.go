package path

import (
	"context"
	"slices"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func rootCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "path.empty/exec-cwd",
			Clause:  "path.empty",
			Needs:   engine.Exec,
			Explain: "A command without a cwd belongs in the workspace root, not wherever the agent's process happens to be.",
			Try:     "fakeagent call exec pwd",
			Run:     emptyExecCwd,
		},
		{
			ID:      "path.empty/listed-and-statted",
			Clause:  "path.empty",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A file browser begins with the empty path; an error there shows an empty machine.",
			Try:     "fakeagent call ls; fakeagent call stat ''",
			Run:     emptyFiles,
		},
		{
			ID:      "path.empty/git-cwd",
			Clause:  "path.empty",
			Needs:   engine.Git,
			Explain: "git without a cwd works on the workspace root, as every other operation does.",
			Try:     "fakeagent call git rev-parse --show-toplevel",
			Run:     emptyGitCwd,
		},
		{
			ID:      "path.relative/exec-cwd",
			Clause:  "path.relative",
			Needs:   engine.Exec,
			Explain: "A cwd that is relative counts from the workspace root, or commands run beside the project.",
			Try:     "echo x | fakeagent call write dir/file; fakeagent call exec --cwd dir pwd",
			Run:     relativeExecCwd,
		},
		{
			ID:      "path.relative/file-operations",
			Clause:  "path.relative",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "What a command makes and what a file operation names by the same relative path must be one thing.",
			Try:     "fakeagent call exec 'echo hi > made'; fakeagent call read made",
			Run:     relativeFiles,
		},
		{
			ID:      "path.relative/git-cwd",
			Clause:  "path.relative",
			Needs:   engine.Git,
			Explain: "git in a relative cwd works on that directory of the workspace.",
			Try:     "fakeagent call git --cwd dir rev-parse --show-toplevel",
			Run:     relativeGitCwd,
		},
		{
			ID:      "path.absolute/exec-cwd",
			Clause:  "path.absolute",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "An absolute cwd is taken as it is; joined onto the root once more it names nothing.",
			Try:     "fakeagent call exec --cwd / pwd",
			Run:     absoluteExecCwd,
		},
		{
			ID:      "path.absolute/file-operations",
			Clause:  "path.absolute",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Tools hand absolute paths around; each file operation must take them as they are.",
			Try:     "fakeagent call stat /",
			Run:     absoluteFiles,
		},
		{
			ID:      "path.absolute/git-cwd",
			Clause:  "path.absolute",
			Needs:   engine.Git,
			Explain: "git in an absolute cwd works on exactly that directory.",
			Try:     "fakeagent call git --cwd / rev-parse --is-inside-work-tree",
			Run:     absoluteGitCwd,
		},
	}
}

func emptyExecCwd(ctx context.Context, t *engine.T) {
	t.Check(where(ctx, t, "") == really(ctx, t, "."), "a command in the workspace root", "one elsewhere")
}

func emptyFiles(ctx context.Context, t *engine.T) {
	top, _, _ := strings.Cut(t.Dir(ctx), "/")
	wantDirectory(ctx, t, "the empty path", "")
	list := t.List(ctx, "", false)
	found := slices.ContainsFunc(list, func(e *agentv1.FsEntry) bool { return e.GetPath() == top })
	if !found {
		t.Logf("the list has %d entries, and %s is not among them", len(list), top)
	}
	t.Check(found, "the workspace root's entries listed for the empty path", "another list")
}

func emptyGitCwd(ctx context.Context, t *engine.T) {
	needGit(ctx, t)
	repo := t.Path(ctx, "repo")
	r := engine.Must[*agentv1.GitResponse](ctx, t, &agentv1.GitRequest{
		Op: agentv1.GitOp_GIT_OP_RAW, Args: []string{"init", "--quiet", repo},
	})
	t.Logf("git's exit code %d, stderr %q", r.GetExitCode(), r.GetStderr())
	t.Check(script(ctx, t, `! test -d repo/.git || echo here`) == "here\n", "git's work below the workspace root", "nothing there")
}

func relativeExecCwd(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	t.Check(where(ctx, t, dir) == really(ctx, t, dir), "a command in that directory of the root", "one elsewhere")
}

func relativeFiles(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	landsIn(ctx, t, dir, t.Abs(ctx, dir))
}

func relativeGitCwd(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	gitLandsIn(ctx, t, dir, t.Abs(ctx, dir))
}

func absoluteExecCwd(ctx context.Context, t *engine.T) {
	engine.Equal(t, "the working directory", where(ctx, t, "/"), "/")
	t.File(ctx, "marker", "")
	r := t.Exec(ctx, &agentv1.ExecRequest{
		Command: []string{"/bin/sh", "-c", "test -f marker && echo there"}, Cwd: t.Abs(ctx, t.Dir(ctx)), TimeoutMs: commandLimit,
	})
	t.Check(string(r.GetStdout()) == "there\n", "a command in that directory", "one elsewhere")
}

func absoluteFiles(ctx context.Context, t *engine.T) {
	landsIn(ctx, t, t.Abs(ctx, t.Dir(ctx)), ".")
	wantDirectory(ctx, t, "/", "/")
}

func absoluteGitCwd(ctx context.Context, t *engine.T) {
	gitLandsIn(ctx, t, t.Abs(ctx, t.Dir(ctx)), ".")
}

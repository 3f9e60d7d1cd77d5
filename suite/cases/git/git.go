// Package git holds the cases about the git operation. They make real repositories
// beside the agent and need nothing but the git on its machine.
package git

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

const needs = engine.Git | engine.Filesystem | engine.Exec

const (
	opStatus   = agentv1.GitOp_GIT_OP_STATUS
	opDiff     = agentv1.GitOp_GIT_OP_DIFF
	opLog      = agentv1.GitOp_GIT_OP_LOG
	opAdd      = agentv1.GitOp_GIT_OP_ADD
	opCommit   = agentv1.GitOp_GIT_OP_COMMIT
	opBranch   = agentv1.GitOp_GIT_OP_BRANCH
	opCheckout = agentv1.GitOp_GIT_OP_CHECKOUT
	opPull     = agentv1.GitOp_GIT_OP_PULL
	opPush     = agentv1.GitOp_GIT_OP_PUSH
	opRaw      = agentv1.GitOp_GIT_OP_RAW
)

const notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return slices.Concat(argvCases(), exitCases(), cwdCases(), missingCases(), promptCases(),
		presentCases(), branchCases(), codeCases(), pathCases(), renameCases(), conflictCases(), cleanCases())
}

// settings make a repository independent of what the agent's user configured.
const settings = `
[user]
	name = Agent Proof
	email = agentproof@example.invalid
[core]
	autocrlf = false
	quotePath = true
	hooksPath = no-hooks
	excludesFile = no-excludes
[commit]
	gpgSign = false
[status]
	renames = true
	showUntrackedFiles = normal
	relativePaths = true
[pull]
	rebase = false
[gc]
	auto = 0
`

// A repo is a repository that a case made. Its methods arrange: what fails in
// them blocks the case.
type repo struct {
	t   *engine.T
	dir string // relative to the agent's root
}

// newRepo makes an empty repository, on the branch main, in the case's own
// directory. A machine without git leaves nothing to judge.
func newRepo(ctx context.Context, t *engine.T, name string) *repo {
	r := &repo{t: t.Given(), dir: t.Folder(ctx, name)}
	if r.sh(ctx, `command -v git || :`) == "" {
		t.Untestable("there is no git on the agent's machine")
	}
	r.git(ctx, "init", "--quiet")
	// Older versions of git know no --initial-branch.
	r.write(ctx, ".git/HEAD", "ref: refs/heads/main\n")
	r.sh(ctx, `printf '%s' "$1" >>.git/config`, settings)
	return r
}

// sh runs a POSIX shell script in the repository, beside the agent, and returns
// its stdout without the last line's end.
func (r *repo) sh(ctx context.Context, script string, args ...string) string {
	resp := r.t.RunApartIn(ctx, r.dir, append([]string{"/bin/sh", "-c", "set -e\n" + script, "sh"}, args...)...)
	if resp.GetExitCode() != 0 {
		r.t.Logf("stderr: %s", resp.GetStderr())
		r.t.Fatalf("a script that arranges a repository to succeed", "exit code %d", resp.GetExitCode())
	}
	return strings.TrimSuffix(string(resp.GetStdout()), "\n")
}

// git runs one command and returns its stdout without the last line's end.
func (r *repo) git(ctx context.Context, args ...string) string {
	resp := r.try(ctx, args...)
	if resp.GetExitCode() != 0 {
		r.t.Logf("stderr: %s", resp.GetStderr())
		r.t.Fatalf("git "+args[0]+" to succeed", "exit code %d", resp.GetExitCode())
	}
	return strings.TrimSuffix(string(resp.GetStdout()), "\n")
}

// try is git for a command that may fail. It runs beside the agent, whose way of
// running git is what cases judge.
func (r *repo) try(ctx context.Context, args ...string) *agentv1.ExecResponse {
	return r.t.RunApartIn(ctx, r.dir, append([]string{"git"}, args...)...)
}

func (r *repo) write(ctx context.Context, name, content string) {
	r.t.Put(ctx, path.Join(r.dir, name), []byte(content))
}

// remove removes a file of the working tree.
func (r *repo) remove(ctx context.Context, name string) { r.sh(ctx, `rm -- "$1"`, name) }

// commit writes the files, with their names and the message as content, and
// commits everything that changed.
func (r *repo) commit(ctx context.Context, message string, files ...string) {
	for _, name := range files {
		r.write(ctx, name, name+"\n"+message+"\n")
	}
	r.git(ctx, "add", "--all")
	r.git(ctx, "commit", "--quiet", "-m", message)
}

// run sends one git operation, whose exit code may be anything.
func run(ctx context.Context, t *engine.T, op agentv1.GitOp, cwd string, args ...string) *agentv1.GitResponse {
	return engine.Must[*agentv1.GitResponse](ctx, t, &agentv1.GitRequest{Op: op, Cwd: cwd, Args: args})
}

// succeed is run for a command that must end with 0.
func succeed(ctx context.Context, t *engine.T, op agentv1.GitOp, cwd string, args ...string) *agentv1.GitResponse {
	resp := run(ctx, t, op, cwd, args...)
	if resp.GetExitCode() != 0 {
		t.Logf("stderr: %s", resp.GetStderr())
		t.Fatalf("exit code 0", "%d", resp.GetExitCode())
	}
	return resp
}

// status is what the agent says of a working tree: STATUS without args. That there
// is one is what other clauses say.
func status(ctx context.Context, t *engine.T, cwd string) *agentv1.GitStatus {
	given := t.Given()
	resp := run(ctx, given, opStatus, cwd)
	if resp.GetStatus() == nil {
		given.Fatalf("a status for STATUS with exit code 0 (git.status.present)", "none")
	}
	return resp.GetStatus()
}

// file is one line of a status, with an unchanged side written as a dot.
func file(path, code string, staged bool) string {
	how := "not staged"
	if staged {
		how = "staged"
	}
	return fmt.Sprintf("%s %s %q", strings.ReplaceAll(code, " ", "."), how, path)
}

// wantFiles checks that a status lists exactly the files, in any order.
func wantFiles(t *engine.T, s *agentv1.GitStatus, want ...string) {
	var got []string
	for _, f := range s.GetFiles() {
		got = append(got, file(f.GetPath(), f.GetCode(), f.GetStaged()))
	}
	engine.EqualSet(t, "the files", got, want)
}

// wantPaths is wantFiles where only the paths are the case's subject. It reports
// whether they are right.
func wantPaths(t *engine.T, s *agentv1.GitStatus, want ...string) bool {
	var got []string
	for _, f := range s.GetFiles() {
		got = append(got, f.GetPath())
	}
	return engine.EqualSet(t, "the paths", got, want)
}

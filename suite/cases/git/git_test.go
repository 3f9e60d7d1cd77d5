package git_test

import (
	"bytes"
	"context"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	cases "agentproof/suite/cases/git"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

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

	notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	osError  = agentv1.ErrorCode_ERROR_CODE_OS
)

func mutant(id, name, says string, fault agent.Middleware) trial.Mutant {
	return trial.Mutant{Name: name, Case: id, Says: says, Fault: fault}
}

// before changes requests of one op before git runs.
func before(op agentv1.GitOp, edit func(*agentv1.GitRequest)) agent.Middleware {
	return trial.Before(func(req *agentv1.ControlRequest) {
		if r := req.GetGit(); r != nil && r.Op == op {
			edit(r)
		}
	})
}

// after changes results.
func after(edit func(*agentv1.GitRequest, *agentv1.GitResponse)) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetGit(); r != nil {
			edit(req.GetGit(), r)
		}
	})
}

// refusing answers results that match with an error.
func refusing(code agentv1.ErrorCode, match func(*agentv1.GitRequest, *agentv1.GitResponse) bool) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetGit(); r != nil && match(req.GetGit(), r) {
			resp.Result, resp.Error = nil, &agentv1.AgentError{Code: code, Message: "as a mutant does"}
		}
	})
}

// excusing answers refusals with a result.
func excusing(r *agentv1.GitResponse) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if req.GetGit() != nil && resp.GetError() != nil {
			resp.Error, resp.Result = nil, &agentv1.ControlResponse_Git{Git: r}
		}
	})
}

// onStatus changes what is told of a working tree.
func onStatus(edit func(*agentv1.GitStatus)) agent.Middleware {
	return after(func(_ *agentv1.GitRequest, r *agentv1.GitResponse) {
		if r.Status != nil {
			edit(r.Status)
		}
	})
}

// onFiles changes what is told of each file.
func onFiles(edit func(*agentv1.GitFileStatus)) agent.Middleware {
	return onStatus(func(s *agentv1.GitStatus) {
		for _, f := range s.Files {
			edit(f)
		}
	})
}

// keeping drops files.
func keeping(keep func(*agentv1.GitFileStatus) bool) agent.Middleware {
	return onStatus(func(s *agentv1.GitStatus) {
		s.Files = slices.DeleteFunc(s.Files, func(f *agentv1.GitFileStatus) bool { return !keep(f) })
	})
}

// lastWord takes a path for what follows the last blank.
func lastWord(f *agentv1.GitFileStatus) {
	f.Path = f.Path[strings.LastIndexByte(strings.TrimRight(f.Path, " "), ' ')+1:]
}

// unguarded runs git as a command like any other, without what keeps it from
// asking.
func unguarded(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		r := req.GetGit()
		if r == nil {
			return next(ctx, req)
		}
		argv := []string{"git"}
		if r.Op == opCommit {
			argv = append(argv, "commit")
		}
		resp := next(ctx, &agentv1.ControlRequest{RequestId: req.RequestId, Op: &agentv1.ControlRequest_Exec{
			Exec: &agentv1.ExecRequest{Command: append(argv, r.Args...), Cwd: r.Cwd},
		}})
		if out := resp.GetExec(); out != nil {
			resp.Result = &agentv1.ControlResponse_Git{Git: &agentv1.GitResponse{
				ExitCode: out.ExitCode, Stdout: out.Stdout, Stderr: out.Stderr,
			}}
		}
		return resp
	}
}

// waiting takes its time over one command, as if somebody were asked.
func waiting(arg string) agent.Middleware {
	return before(opRaw, func(r *agentv1.GitRequest) {
		if slices.Contains(r.Args, arg) {
			time.Sleep(12 * time.Second)
		}
	})
}

func TestCasesNoticeWrongCommands(t *testing.T) {
	t.Parallel()
	dropArgs := func(r *agentv1.GitRequest) { r.Args = nil }
	resplit := func(r *agentv1.GitRequest) { r.Args = strings.Fields(strings.Join(r.Args, " ")) }
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("git.argv/status", "leaves out the branch", "what git prints for status --porcelain=v2 --branch",
			before(opStatus, func(r *agentv1.GitRequest) {
				r.Op, r.Args = opRaw, append([]string{"status", "--porcelain=v2"}, r.Args...)
			})),
		mutant("git.argv/status-with-args", "drops arguments", "with --untracked-files=no", before(opStatus, dropArgs)),
		mutant("git.argv/diff", "drops arguments", "as stdout", before(opDiff, dropArgs)),
		mutant("git.argv/log", "drops arguments", "as stdout", before(opLog, dropArgs)),
		mutant("git.argv/add", "splits paths at blanks", "as content of the index", before(opAdd, func(r *agentv1.GitRequest) {
			r.Args = []string{"--", "words"}
		})),
		mutant("git.argv/commit", "splits messages at blanks", "exit code 0", before(opCommit, resplit)),
		mutant("git.argv/commit", "commits everything", "as content of the commit",
			before(opCommit, func(r *agentv1.GitRequest) { r.Args = append(r.Args, "-a") })),
		mutant("git.argv/branch", "checks the new branch out", "as current branch",
			before(opBranch, func(r *agentv1.GitRequest) { r.Op, r.Args = opCheckout, append([]string{"-q", "-b"}, r.Args...) })),
		mutant("git.argv/checkout", "moves HEAD and no file", "no file that the branch does not have",
			before(opCheckout, func(r *agentv1.GitRequest) {
				r.Op, r.Args = opRaw, []string{"symbolic-ref", "HEAD", "refs/heads/topic"}
			})),
		mutant("git.argv/push", "only tries to push", "the commit on the remote's branch",
			before(opPush, func(r *agentv1.GitRequest) { r.Args = append(r.Args, "--dry-run") })),
		mutant("git.argv/pull", "fetches", "NOT_FOUND",
			before(opPull, func(r *agentv1.GitRequest) { r.Op, r.Args = opRaw, append([]string{"fetch"}, r.Args...) })),
		mutant("git.argv/raw-and-unknown-ops", "takes 0 for a status", "exit code 0",
			before(0, func(r *agentv1.GitRequest) { r.Op = opStatus })),
		mutant("git.argv/raw-and-unknown-ops", "refuses numbers that it does not know", "a result",
			refusing(osError, func(r *agentv1.GitRequest, _ *agentv1.GitResponse) bool { return r.Op == 14 })),
		mutant("git.argv/args-as-they-are", "drops empty arguments", "as stdout",
			before(opRaw, func(r *agentv1.GitRequest) {
				r.Args = slices.DeleteFunc(r.Args, func(s string) bool { return s == "" })
			})),
		mutant("git.argv/args-as-they-are", "expands variables", "as stdout",
			before(opRaw, func(r *agentv1.GitRequest) {
				for i := range r.Args {
					r.Args[i] = strings.ReplaceAll(r.Args[i], "$HOME", os.Getenv("HOME"))
				}
			})),
		mutant("git.argv/stdout-byte-exact", "repairs UTF-8", "200001 bytes",
			after(func(_ *agentv1.GitRequest, r *agentv1.GitResponse) {
				r.Stdout = bytes.ToValidUTF8(r.Stdout, []byte("\uFFFD"))
			})),
		mutant("git.argv/stdout-byte-exact", "ends every text with a line", "14 bytes",
			after(func(r *agentv1.GitRequest, resp *agentv1.GitResponse) {
				if bytes.HasSuffix(resp.Stdout, []byte("line")) {
					resp.Stdout = append(resp.Stdout, '\n')
				}
			})),

		mutant("git.exit-code/non-zero", "takes exit codes for errors", "a result",
			refusing(osError, func(_ *agentv1.GitRequest, r *agentv1.GitResponse) bool { return r.ExitCode != 0 })),
		mutant("git.exit-code/non-zero", "drops stderr", "git's complaint on stderr",
			after(func(_ *agentv1.GitRequest, r *agentv1.GitResponse) { r.Stderr = nil })),
		mutant("git.exit-code/with-stdout", "drops the output of failures", "as stdout",
			after(func(_ *agentv1.GitRequest, r *agentv1.GitResponse) {
				if r.ExitCode != 0 {
					r.Stdout = nil
				}
			})),
		mutant("git.exit-code/status-of-no-repository", "has an error for a failed status", "a result",
			refusing(notFound, func(r *agentv1.GitRequest, resp *agentv1.GitResponse) bool {
				return r.Op == opStatus && resp.ExitCode != 0
			})),
		mutant("git.cwd/resolved", "goes up to the top", "as prefix in a subdirectory",
			before(opRaw, func(r *agentv1.GitRequest) { r.Cwd = strings.TrimSuffix(r.Cwd, "/sub") })),
		mutant("git.cwd/resolved", "strips parents", "as prefix in a parent of another repository",
			before(opRaw, func(r *agentv1.GitRequest) { r.Cwd = strings.TrimSuffix(r.Cwd, "/..") })),
		mutant("git.cwd/empty-is-the-root", "runs elsewhere without a directory", "exit code 0",
			before(opRaw, func(r *agentv1.GitRequest) {
				if r.Cwd == "" {
					r.Cwd = "/"
				}
			})),
		mutant("git.cwd/missing", "leaves a missing directory to git", "a result of git",
			excusing(&agentv1.GitResponse{ExitCode: 128})),
		mutant("git.missing/refused", "has an exit code for a missing git", "a result of git",
			excusing(&agentv1.GitResponse{ExitCode: 127})),
		mutant("git.missing/refused", "has one error for all", "got the error OS", trial.Recode(notFound, osError)),

		mutant("git.never-prompts/commit-editor", "lets git ask", "an answer with nobody to ask", unguarded),
		mutant("git.never-prompts/rebase-editor", "lets git ask", "an answer with nobody to ask", unguarded),
		mutant("git.never-prompts/password-window", "lets git ask", "an answer with nobody to ask", unguarded),
		mutant("git.never-prompts/password-at-the-terminal", "waits for a name", "an answer with nobody to ask", waiting("ask")),
		mutant("git.never-prompts/standard-input", "waits for input", "an answer with nobody to ask", waiting("--stdin")),
	})
}

func TestCasesNoticeWrongStatus(t *testing.T) {
	t.Parallel()
	staged := func(f *agentv1.GitFileStatus) bool { return !strings.ContainsAny(f.Code[:1], ".? ") }
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("git.status.present/only-for-status", "gives every command a status", "no status for RAW",
			after(func(_ *agentv1.GitRequest, r *agentv1.GitResponse) { r.Status = &agentv1.GitStatus{} })),
		mutant("git.status.present/only-for-status", "gives no status", "a status for STATUS",
			after(func(_ *agentv1.GitRequest, r *agentv1.GitResponse) { r.Status = nil })),
		mutant("git.status.present/not-on-failure", "gives failures a status", "no status where git fails",
			after(func(r *agentv1.GitRequest, resp *agentv1.GitResponse) {
				if r.Op == opStatus && resp.Status == nil {
					resp.Status = &agentv1.GitStatus{Clean: true}
				}
			})),
		mutant("git.status.branch/name", "cuts names at a slash", "the branch",
			onStatus(func(s *agentv1.GitStatus) { s.Branch = path.Base(s.Branch) })),
		mutant("git.status.branch/without-a-commit", "knows no branch without a commit", "the branch",
			after(func(_ *agentv1.GitRequest, r *agentv1.GitResponse) {
				if bytes.Contains(r.Stdout, []byte("(initial)")) && r.Status != nil {
					r.Status.Branch = ""
				}
			})),
		mutant("git.status.branch/detached", "says HEAD", `got "HEAD"`,
			onStatus(func(s *agentv1.GitStatus) { s.Branch = strings.Replace(s.Branch, "(detached)", "HEAD", 1) })),
		mutant("git.status.branch/no-upstream", "guesses the upstream", "the upstream",
			onStatus(func(s *agentv1.GitStatus) { s.Upstream = "origin/" + s.Branch })),
		mutant("git.status.branch/ahead-and-behind", "swaps the numbers", "ahead",
			onStatus(func(s *agentv1.GitStatus) { s.Ahead, s.Behind = s.Behind, s.Ahead })),
		mutant("git.status.branch/ahead-and-behind", "keeps the sign", "behind",
			onStatus(func(s *agentv1.GitStatus) { s.Behind = -s.Behind })),
		mutant("git.status.branch/upstream-gone", "forgets an upstream that is gone", "the upstream",
			after(func(_ *agentv1.GitRequest, r *agentv1.GitResponse) {
				if r.Status != nil && !bytes.Contains(r.Stdout, []byte("# branch.ab")) {
					r.Status.Upstream = ""
				}
			})),

		mutant("git.status.code/worktree", "calls every change staged", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Staged = true })),
		mutant("git.status.code/index", "calls no change staged", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Staged = false })),
		mutant("git.status.code/both-sides", "calls staged what has no other change", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Staged = staged(f) && f.Code[1] == '.' })),
		mutant("git.status.code/both-sides", "swaps the sides", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Code = f.Code[1:] + f.Code[:1] })),
		mutant("git.status.code/untracked", "writes one question mark", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Code = strings.ReplaceAll(f.Code, "??", "?") })),
		mutant("git.status.code/untracked", "takes a question mark for a change", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Staged = f.Code[0] != '.' })),
		mutant("git.status.code/type-change", "knows no type change", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Code = strings.ReplaceAll(f.Code, "T", "M") })),
		mutant("git.status.code/intent-to-add", "calls every addition staged", "the files",
			onFiles(func(f *agentv1.GitFileStatus) { f.Staged = strings.Contains(f.Code, "A") })),

		mutant("git.status.path/one-entry-each", "lists the first fifty", "the paths",
			onStatus(func(s *agentv1.GitStatus) { s.Files = s.Files[:min(len(s.Files), 50)] })),
		mutant("git.status.path/one-entry-each", "lists each side", "the paths",
			onStatus(func(s *agentv1.GitStatus) {
				for _, f := range s.Files {
					if f.Staged && f.Code[1] != '.' {
						s.Files = append(s.Files, f)
					}
				}
			})),
		mutant("git.status.path/in-a-subdirectory", "tidies paths", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) { f.Path = strings.TrimPrefix(f.Path, "../") })),
		mutant("git.status.path-odd/changed", "splits lines at blanks", "the paths", onFiles(lastWord)),
		mutant("git.status.path-odd/changed", "trims paths", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) { f.Path = strings.TrimSpace(f.Path) })),
		mutant("git.status.path-odd/untracked", "leaves paths quoted", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) {
				if strings.Contains(f.Path, `"`) {
					f.Path = `"` + strings.ReplaceAll(f.Path, `"`, `\"`) + `"`
				}
			})),
		mutant("git.status.path-odd/quotes-among-control-characters", "leaves escapes of control characters", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) { f.Path = strings.ReplaceAll(f.Path, "\t", `\t`) })),
		mutant("git.status.path-odd/quotes-among-control-characters", "undoes escapes twice", "the paths",
			onFiles(func(f *agentv1.GitFileStatus) { f.Path = strings.ReplaceAll(f.Path, `\n`, "\n") })),
		mutant("git.status.rename/new-path", "lists both paths in one", "the files",
			onFiles(func(f *agentv1.GitFileStatus) {
				if f.Code[0] == 'R' {
					f.Path = "old -> " + f.Path
				}
			})),
		mutant("git.status.rename/odd-names", "splits lines at blanks", "the files", onFiles(lastWord)),
		mutant("git.status.rename/changed-afterwards", "does not know renames that were changed", "the files",
			keeping(func(f *agentv1.GitFileStatus) bool { return f.Code != "RM" })),
		mutant("git.status.conflict/listed", "does not know unmerged paths", "the paths",
			keeping(func(f *agentv1.GitFileStatus) bool { return !strings.Contains(f.Code, "U") })),
		mutant("git.status.conflict/listed", "does not know paths that both added", "the paths",
			keeping(func(f *agentv1.GitFileStatus) bool { return f.Code != "AA" })),
		mutant("git.status.conflict/odd-names", "splits lines at blanks", "the paths", onFiles(lastWord)),
		mutant("git.status.clean/true", "is never clean", "clean in a new repository",
			onStatus(func(s *agentv1.GitStatus) { s.Clean = false })),
		mutant("git.status.clean/false", "does not count untracked files", "clean with an untracked file",
			onStatus(func(s *agentv1.GitStatus) {
				s.Clean = !slices.ContainsFunc(s.Files, func(f *agentv1.GitFileStatus) bool { return f.Code != "??" })
			})),
		mutant("git.status.clean/false", "counts the index only", "clean with a changed file",
			onStatus(func(s *agentv1.GitStatus) {
				s.Clean = !slices.ContainsFunc(s.Files, func(f *agentv1.GitFileStatus) bool { return f.Staged || f.Code == "??" })
			})),
	})
}

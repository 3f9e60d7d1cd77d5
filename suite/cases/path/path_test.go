package path_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	cases "agentproof/suite/cases/path"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

func mutant(name, id, says string, fault agent.Middleware) trial.Mutant {
	return trial.Mutant{Name: name, Case: id, Says: says, Fault: fault}
}

// commands changes the cwd of commands, git's that of git, and files every
// path of a file operation.
func commands(edit func(string) string) agent.Middleware {
	return trial.Before(func(req *agentv1.ControlRequest) {
		if r := req.GetExec(); r != nil {
			r.Cwd = edit(r.Cwd)
		}
	})
}

func git(edit func(string) string) agent.Middleware {
	return trial.Before(func(req *agentv1.ControlRequest) {
		if r := req.GetGit(); r != nil {
			r.Cwd = edit(r.Cwd)
		}
	})
}

func files(edit func(string) string) agent.Middleware {
	return trial.Before(func(req *agentv1.ControlRequest) {
		switch op := req.GetOp().(type) {
		case *agentv1.ControlRequest_FsRead:
			op.FsRead.Path = edit(op.FsRead.Path)
		case *agentv1.ControlRequest_FsWrite:
			op.FsWrite.Path = edit(op.FsWrite.Path)
		case *agentv1.ControlRequest_FsList:
			op.FsList.Path = edit(op.FsList.Path)
		case *agentv1.ControlRequest_FsMkdir:
			op.FsMkdir.Path = edit(op.FsMkdir.Path)
		case *agentv1.ControlRequest_FsStat:
			op.FsStat.Path = edit(op.FsStat.Path)
		case *agentv1.ControlRequest_FsRemove:
			op.FsRemove.Path = edit(op.FsRemove.Path)
		case *agentv1.ControlRequest_FsMove:
			op.FsMove.From, op.FsMove.To = edit(op.FsMove.From), edit(op.FsMove.To)
		}
	})
}

// all changes every path there is.
func all(edit func(string) string) agent.Middleware {
	inner, middle, outer := files(edit), git(edit), commands(edit)
	return func(next agent.Handler) agent.Handler { return outer(middle(inner(next))) }
}

// The edits are what agents do to paths.

func jailed(p string) string {
	if filepath.IsAbs(p) || !strings.Contains(p, "..") {
		return p
	}
	return path.Clean("/" + p)[1:]
}

func shortened(p string) string {
	if p == "" {
		return p
	}
	return path.Clean(p)
}

func belowRoot(p string) string { return strings.TrimPrefix(p, "/") }

func virtual(p string) string {
	if rest, ok := strings.CutPrefix(p, "/workspace/"); ok {
		return rest
	}
	return p
}

func globbed(p string) string {
	if dir, base := path.Split(p); strings.ContainsAny(base, "*?[{") {
		return dir + map[bool]string{true: "sub", false: "file"}[strings.HasPrefix(base, "s")]
	}
	return p
}

func homed(p string) string {
	if rest, ok := strings.CutPrefix(p, "~"); ok {
		return "/" + rest
	}
	return p
}

func unslashed(p string) string { return strings.TrimSuffix(p, "/") }

func cutAt(sep string) func(string) string {
	return func(p string) string {
		p, _, _ = strings.Cut(p, sep)
		return p
	}
}

func elsewhere(dir string) func(string) string {
	return func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return path.Join(dir, p)
	}
}

func TestCasesNoticeWrongPaths(t *testing.T) {
	away := elsewhere(t.TempDir())
	words := trial.Before(func(req *agentv1.ControlRequest) {
		words := req.GetExec().GetCommand()
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "/workspace", "/tmp")
		}
	})
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("has another root for commands", "path.empty/exec-cwd", "elsewhere", commands(away)),
		mutant("has another root for files", "path.empty/listed-and-statted", "another list",
			files(func(p string) string {
				if p == "" {
					return "/"
				}
				return p
			})),
		mutant("has another root for git", "path.empty/git-cwd", "nothing there", git(away)),
		mutant("takes a relative cwd for absolute", "path.relative/exec-cwd", "NOT_FOUND",
			commands(func(p string) string { return path.Join("/", p) })),
		mutant("moves to another root", "path.relative/file-operations", "NOT_FOUND",
			trial.Before(func(req *agentv1.ControlRequest) {
				if r := req.GetFsMove(); r != nil {
					r.From = away(r.From)
				}
			})),
		mutant("has another root for git", "path.relative/git-cwd", "NOT_FOUND", git(away)),
		mutant("joins an absolute cwd onto the root", "path.absolute/exec-cwd", "the working directory", commands(belowRoot)),
		mutant("joins an absolute path onto the root", "path.absolute/file-operations", "NOT_FOUND", files(belowRoot)),
		mutant("joins git's absolute cwd onto the root", "path.absolute/git-cwd", "NOT_FOUND", git(belowRoot)),

		mutant("is a jail for commands", "path.parent/exec-cwd-above-the-root", "elsewhere", commands(jailed)),
		mutant("is a jail for files", "path.parent/file-operations-above-the-root", "NOT_FOUND", files(jailed)),
		mutant("shortens a cwd as text", "path.parent/exec-cwd-through-a-link", "elsewhere", commands(shortened)),
		mutant("shortens paths as text", "path.parent/file-operations-through-a-link", "NOT_FOUND", files(shortened)),
		mutant("shortens git's cwd as text", "path.parent/git-cwd-through-a-link", "nothing there", git(shortened)),
		mutant("shortens paths as text", "path.parent/of-something-missing", "a result", all(shortened)),
		mutant("shortens paths as text", "path.parent/of-a-file", "a result", all(shortened)),
		mutant("maps /workspace", "path.no-virtual-root/paths", "a result", all(virtual)),
		mutant("maps /workspace in words", "path.no-virtual-root/command-line", "the words", words),

		mutant("expands variables in a cwd", "path.no-expansion/variables-in-a-cwd", "the error", commands(os.ExpandEnv)),
		mutant("expands variables in paths", "path.no-expansion/variables-in-file-paths", "the error", files(os.ExpandEnv)),
		mutant("expands globs", "path.no-expansion/globs", "a result", all(globbed)),
		mutant("takes ~ for a home", "path.no-expansion/tilde", "one that exists", all(homed)),

		mutant("drops slashes", "path.trailing-slash/after-a-file", "a result", all(unslashed)),
		mutant("drops slashes", "path.trailing-slash/after-a-link", "the kind of link/", all(unslashed)),
		mutant("drops slashes", "path.trailing-slash/no-file-made", "a result", all(unslashed)),
		mutant("takes a slash for another name", "path.trailing-slash/exec-cwd", "NOT_FOUND",
			commands(func(p string) string { return strings.ReplaceAll(p, "cwd/", "cwd%2f") })),
		mutant("takes a slash for another name", "path.trailing-slash/file-operations", "NOT_FOUND",
			files(func(p string) string { return strings.ReplaceAll(p, "operations/", "operations%2f") })),

		mutant("trims names", "path.unicode/file-names", "\"trailing \" is missing",
			files(func(p string) string { return strings.TrimRight(p, " ") })),
		mutant("quotes names", "path.unicode/file-names", "is missing",
			files(func(p string) string { return strings.ReplaceAll(p, `"`, `\"`) })),
		mutant("cuts names at a line end", "path.unicode/file-operations", "NOT_FOUND", files(cutAt("\n"))),
		mutant("cuts a cwd at a line end", "path.unicode/exec-cwd", "NOT_FOUND", commands(cutAt("\n"))),
		mutant("cuts git's cwd at a line end", "path.unicode/git-cwd", "NOT_FOUND", git(cutAt("\n"))),
		mutant("cuts a cwd at a NUL byte", "path.nul/exec-cwd", "a result", commands(cutAt("\x00"))),
		mutant("cuts git's cwd at a NUL byte", "path.nul/git-cwd", "a result", git(cutAt("\x00"))),
		mutant("cuts paths at a NUL byte", "path.nul/file-operations", "a result", files(cutAt("\x00"))),
	})
}

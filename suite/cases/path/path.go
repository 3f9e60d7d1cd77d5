// Package path holds the cases about how an agent understands a path: in the
// working directory of a command and of git, and in every file operation.
package path

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return slices.Concat(rootCases(), parentCases(), literalCases(), slashCases(), nameCases(), nulCases())
}

const (
	notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	osError  = agentv1.ErrorCode_ERROR_CODE_OS

	// commandLimit ends a command that should have ended at once.
	commandLimit = 10_000
)

// where tells what the kernel calls the directory of a command that is run in
// cwd.
func where(ctx context.Context, t *engine.T, cwd string) string {
	r := t.Exec(ctx, &agentv1.ExecRequest{Command: t.Helper(ctx, "report"), Cwd: cwd, TimeoutMs: commandLimit})
	return engine.Decode[helper.Report](t, r).Cwd
}

// really is what the kernel calls a directory, whose path is relative to the
// agent's root.
func really(ctx context.Context, t *engine.T, dir string) string {
	r := t.RunApart(ctx, "/bin/sh", "-c", `cd -- "$1" && pwd -P && echo .`, "sh", t.Abs(ctx, dir))
	name, found := strings.CutSuffix(string(r.GetStdout()), "\n.\n")
	t.Given().Check(found, "a directory that the system can name", "exit code %d", r.GetExitCode())
	return name
}

// script runs a POSIX shell script in the case's directory, beside the agent, with
// args as its positional parameters, and returns what it prints. One that fails
// blocks the case: scripts only arrange and observe.
func script(ctx context.Context, t *engine.T, text string, args ...string) string {
	given := t.Given()
	r := t.RunApart(ctx, append([]string{"/bin/sh", "-c", "set -e\n" + text, "sh"}, args...)...)
	if r.GetExitCode() != 0 {
		given.Fatalf("a script that runs", "exit code %d, stderr %q", r.GetExitCode(), r.GetStderr())
	}
	return string(r.GetStdout())
}

// landsIn tries every file operation on paths that begin with spelled, and
// checks beside the agent that each had its effect in the directory real, which
// is absolute or relative to the case's directory. An operation that works with no
// path at all blocks the case: that is not what it is about.
func landsIn(ctx context.Context, t *engine.T, spelled, real string) {
	control := t.Folder(ctx, "agentproof-control")
	works := make(map[string]bool)
	for _, plain := range []string{control, t.Abs(ctx, control)} {
		for _, e := range effects(ctx, t, plain, "agentproof-control") {
			works[e.op] = works[e.op] || e.failed == ""
		}
	}
	for _, e := range effects(ctx, t, spelled, real) {
		judge := t
		if !works[e.op] {
			judge = t.Given()
		}
		judge.Check(e.failed == "", e.what+" that the path means", "%s", e.failed)
	}
}

// An effect is what an operation did: failed is empty where it is what it should
// be.
type effect struct{ op, what, failed string }

// effects tries every file operation on paths that begin with spelled, each of
// which should have its effect in the directory real. It leaves nothing there.
func effects(ctx context.Context, t *engine.T, spelled, real string) []effect {
	script(ctx, t, `cd -- "$1"; rm -rf found from to gone written made; echo is here >found; echo >from; echo >gone`, real)
	at := func(name string) string { return spelled + "/" + name }
	var all []effect
	try := func(name, what string, op proto.Message, otherwise func(*agentv1.ControlResponse) string) {
		resp := t.Call(ctx, op)
		e := effect{op: name, what: what}
		if resp.GetError() != nil {
			e.failed = engine.Outcome(resp)
		} else if otherwise != nil {
			e.failed = otherwise(resp)
		}
		all = append(all, e)
	}
	unless := func(ok bool, what string) string {
		if ok {
			return ""
		}
		return what
	}
	try("fs_read", "the content of the file", &agentv1.FsReadRequest{Path: at("found")}, func(r *agentv1.ControlResponse) string {
		content := r.GetFsRead().GetContent()
		return unless(string(content) == "is here\n", fmt.Sprintf("%.40q", content))
	})
	try("fs_stat", "the stat of the file", &agentv1.FsStatRequest{Path: at("found")}, func(r *agentv1.ControlResponse) string {
		return unless(r.GetFsStat().GetExists(), "none")
	})
	try("fs_list", "a list of the directory", &agentv1.FsListRequest{Path: spelled}, func(r *agentv1.ControlResponse) string {
		isIt := func(e *agentv1.FsEntry) bool { return path.Base(e.GetPath()) == "found" }
		return unless(slices.ContainsFunc(r.GetFsList().GetEntries(), isIt), "one of another")
	})
	const in = " in the directory"
	try("fs_write", "the effect of fs_write"+in, &agentv1.FsWriteRequest{Path: at("written"), Content: []byte("x")}, nil)
	try("fs_mkdir", "the effect of fs_mkdir"+in, &agentv1.FsMkdirRequest{Path: at("made")}, nil)
	try("fs_move", "the effect of fs_move"+in, &agentv1.FsMoveRequest{From: at("from"), To: at("to")}, nil)
	try("fs_remove", "the effect of fs_remove"+in, &agentv1.FsRemoveRequest{Path: at("gone")}, nil)

	missing := strings.Fields(script(ctx, t, `cd -- "$1"
		test -f written || echo fs_write
		test -d made || echo fs_mkdir
		test -f to && ! test -e from || echo fs_move
		! test -e gone || echo fs_remove
		rm -rf found from to gone written made`, real))
	for i := range all {
		if all[i].failed == "" && slices.Contains(missing, all[i].op) {
			all[i].failed = "none there"
		}
	}
	return all
}

// wantDirectory checks that a path means a directory. That the agent knows one when
// it sees one is what another clause says.
func wantDirectory(ctx context.Context, t *engine.T, what, p string) {
	const directory = agentv1.FsEntryKind_FS_ENTRY_KIND_DIRECTORY
	engine.Equal(t.Given(), "the kind of a directory", t.Given().Stat(ctx, t.Dir(ctx)).GetKind(), directory)
	engine.Equal(t, "the kind of "+what, t.Stat(ctx, p).GetKind(), directory)
}

// gitLandsIn makes a repository with git's working directory spelled so, and
// checks that it came to be in the directory real.
func gitLandsIn(ctx context.Context, t *engine.T, spelled, real string) {
	needGit(ctx, t)
	r := engine.Must[*agentv1.GitResponse](ctx, t, &agentv1.GitRequest{
		Op: agentv1.GitOp_GIT_OP_RAW, Cwd: spelled, Args: []string{"init", "--quiet", "."},
	})
	t.Logf("git's exit code %d, stderr %q", r.GetExitCode(), r.GetStderr())
	made := script(ctx, t, `cd -- "$1"; ! test -d .git || echo here`, real)
	t.Check(made == "here\n", "git's work in the directory that its cwd means", "nothing there")
}

// needGit ends the case where the agent's machine has no git. It names a directory
// that is there, whatever the agent makes of other paths.
func needGit(ctx context.Context, t *engine.T) {
	resp := t.Call(ctx, &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_RAW, Cwd: "/", Args: []string{"--version"}})
	if resp.GetError().GetCode() == notFound {
		t.Untestable("there is no git on the agent's machine")
	}
}

// execIn, readOf and their like are operations on a path, for tables.

func execIn(cwd string) engine.Attempt {
	return engine.Attempt{What: "a command in that cwd", Op: &agentv1.ExecRequest{
		Command: []string{"/bin/sh", "-c", "exit 0"}, Cwd: cwd, TimeoutMs: commandLimit,
	}}
}

func gitIn(cwd string) engine.Attempt {
	return engine.Attempt{What: "git in that cwd", Op: &agentv1.GitRequest{
		Op: agentv1.GitOp_GIT_OP_RAW, Cwd: cwd, Args: []string{"--version"},
	}}
}

func readOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_read of that path", Op: &agentv1.FsReadRequest{Path: path}}
}

func writeOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_write to that path", Op: &agentv1.FsWriteRequest{Path: path, Content: []byte("new")}}
}

func listOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_list of that path", Op: &agentv1.FsListRequest{Path: path}}
}

func mkdirOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_mkdir of that path", Op: &agentv1.FsMkdirRequest{Path: path}}
}

func statOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_stat of that path", Op: &agentv1.FsStatRequest{Path: path}}
}

func removeOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_remove of that path", Op: &agentv1.FsRemoveRequest{Path: path, Recursive: true}}
}

func moveFrom(path, to string) engine.Attempt {
	return engine.Attempt{What: "fs_move from that path", Op: &agentv1.FsMoveRequest{From: path, To: to}}
}

func moveTo(from, path string) engine.Attempt {
	return engine.Attempt{What: "fs_move to that path", Op: &agentv1.FsMoveRequest{From: from, To: path}}
}

// Package path holds the cases about how an agent understands a path: in the
// working directory of a command and of git, and in every file operation.
package path

import (
	"context"
	"slices"
	"strings"

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

// script runs a POSIX shell script in the case's directory, with args as its
// positional parameters, and returns what it prints. One that fails blocks the
// case: scripts only arrange and observe.
func script(ctx context.Context, t *engine.T, text string, args ...string) string {
	given := t.Given()
	r := given.Exec(ctx, &agentv1.ExecRequest{
		Command:   append([]string{"/bin/sh", "-c", "set -e\n" + text, "sh"}, args...),
		Cwd:       given.Abs(ctx, given.Dir(ctx)),
		TimeoutMs: commandLimit,
	})
	if r.GetExitCode() != 0 {
		given.Fatalf("a script that runs", "exit code %d, stderr %q", r.GetExitCode(), r.GetStderr())
	}
	return string(r.GetStdout())
}

// landsIn tries every file operation on paths that begin with spelled, and
// checks with a command's eyes that each had its effect in the directory real,
// which is absolute or relative to the case's directory.
func landsIn(ctx context.Context, t *engine.T, spelled, real string) {
	script(ctx, t, `cd "$1"; echo is here >found; echo >from; echo >gone`, real)
	at := func(name string) string { return spelled + "/" + name }

	engine.Equal(t, "the content of the file that the path means", string(t.Read(ctx, at("found"))), "is here\n")
	t.Check(t.Exists(ctx, at("found")), "the stat of the file that the path means", "none")
	listed := slices.ContainsFunc(t.List(ctx, spelled, false), func(e *agentv1.FsEntry) bool { return e.GetName() == "found" })
	t.Check(listed, "a list of the directory that the path means", "one of another")
	engine.Must[*agentv1.FsWriteResponse](ctx, t, &agentv1.FsWriteRequest{Path: at("written")})
	engine.Must[*agentv1.FsMkdirResponse](ctx, t, &agentv1.FsMkdirRequest{Path: at("made")})
	engine.Must[*agentv1.FsMoveResponse](ctx, t, &agentv1.FsMoveRequest{From: at("from"), To: at("to")})
	engine.Must[*agentv1.FsRemoveResponse](ctx, t, &agentv1.FsRemoveRequest{Path: at("gone")})

	effects := strings.Fields(script(ctx, t, `cd "$1"
		! test -f written || echo fs_write
		! test -d made || echo fs_mkdir
		! test -f to || test -e from || echo fs_move
		test -e gone || echo fs_remove`, real))
	for _, op := range []string{"fs_write", "fs_mkdir", "fs_move", "fs_remove"} {
		t.Check(slices.Contains(effects, op), "the effect of "+op+" in the directory that the path means", "none there")
	}
}

// gitLandsIn makes a repository with git's working directory spelled so, and
// checks that it came to be in the directory real.
func gitLandsIn(ctx context.Context, t *engine.T, spelled, real string) {
	needGit(ctx, t)
	r := engine.Must[*agentv1.GitResponse](ctx, t, &agentv1.GitRequest{
		Op: agentv1.GitOp_GIT_OP_RAW, Cwd: spelled, Args: []string{"init", "--quiet", "."},
	})
	if engine.Equal(t, "git's exit code", r.GetExitCode(), 0) {
		made := script(ctx, t, `cd "$1"; ! test -d .git || echo here`, real)
		t.Check(made == "here\n", "git's work in the directory that its cwd means", "nothing there")
	}
}

// needGit ends the case where the agent's machine has no git.
func needGit(ctx context.Context, t *engine.T) {
	resp := t.Call(ctx, &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_RAW, Args: []string{"--version"}})
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

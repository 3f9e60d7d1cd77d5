// Package errs holds the cases about the errors of all operations: which code
// a failure has, what its details say, and what they must not say.
package errs

import (
	"context"
	"slices"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

// Cases returns the cases of this area, error.
func Cases() []engine.Case {
	return slices.Concat(notFoundCases(), osCases(), detailCases(), secretCases())
}

const (
	notFound    = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	osError     = agentv1.ErrorCode_ERROR_CODE_OS
	unsupported = agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED

	// commandLimit, in milliseconds, ends a command that should never have
	// started.
	commandLimit = 10_000
)

// systemOf is the agent's operating system as Go names it. Hello tells it as
// well, but an attached agent has said it before anybody listened.
func systemOf(ctx context.Context, t *engine.T) string {
	return engine.Probe[helper.Report](ctx, t, "report").OS
}

// needGit ends the case where the agent's machine has no git. It names a directory
// that is there, whatever the agent makes of other paths.
func needGit(ctx context.Context, t *engine.T) {
	resp := t.Call(ctx, &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_RAW, Cwd: "/", Args: []string{"--version"}})
	if resp.GetError().GetCode() == notFound {
		t.Untestable("there is no git on the agent's machine")
	}
}

// The operations on one path, for tables.

func execIn(cwd string) engine.Attempt {
	return engine.Attempt{What: "a command in a cwd", Op: &agentv1.ExecRequest{
		Command: []string{"/bin/sh", "-c", "exit 0"}, Cwd: cwd, TimeoutMs: commandLimit,
	}}
}

func run(program string) engine.Attempt {
	return engine.Attempt{What: "a program", Op: &agentv1.ExecRequest{Command: []string{program}, Cwd: "/", TimeoutMs: commandLimit}}
}

func gitIn(cwd string) engine.Attempt {
	return engine.Attempt{What: "git in a cwd", Op: &agentv1.GitRequest{
		Op: agentv1.GitOp_GIT_OP_RAW, Cwd: cwd, Args: []string{"--version"},
	}}
}

func readOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_read", Op: &agentv1.FsReadRequest{Path: path}}
}

func writeOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_write", Op: &agentv1.FsWriteRequest{Path: path, Content: []byte("new")}}
}

func listOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_list", Op: &agentv1.FsListRequest{Path: path}}
}

func mkdirOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_mkdir", Op: &agentv1.FsMkdirRequest{Path: path}}
}

func statOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_stat", Op: &agentv1.FsStatRequest{Path: path}}
}

func removeOf(path string) engine.Attempt {
	return engine.Attempt{What: "fs_remove", Op: &agentv1.FsRemoveRequest{Path: path}}
}

func move(from, to string) engine.Attempt {
	return engine.Attempt{What: "fs_move", Op: &agentv1.FsMoveRequest{From: from, To: to, Overwrite: true}}
}

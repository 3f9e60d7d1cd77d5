// Package path holds agents that take a path for another.
package path

import (
	"slices"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant {
	return slices.Concat(roots(), parents(), expansions(), slashes(), names())
}

const (
	notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND

	kindFile      = agentv1.FsEntryKind_FS_ENTRY_KIND_FILE
	kindDirectory = agentv1.FsEntryKind_FS_ENTRY_KIND_DIRECTORY
	kindSymlink   = agentv1.FsEntryKind_FS_ENTRY_KIND_SYMLINK
)

// commands changes the cwd of commands, git's that of git, and files every
// path of a file operation.
func commands(edit func(string) string) agent.Middleware {
	return fault.Requests(func(q *agentv1.ExecRequest) { q.Cwd = edit(q.Cwd) })
}

func git(edit func(string) string) agent.Middleware {
	return fault.Requests(func(q *agentv1.GitRequest) { q.Cwd = edit(q.Cwd) })
}

func files(edit func(string) string) agent.Middleware {
	return fault.Before(func(req *agentv1.ControlRequest) {
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

// stats, writes and their like change the paths of one file operation.

func stats(edit func(string) string) agent.Middleware {
	return fault.Requests(func(q *agentv1.FsStatRequest) { q.Path = edit(q.Path) })
}

func writes(edit func(string) string) agent.Middleware {
	return fault.Requests(func(q *agentv1.FsWriteRequest) { q.Path = edit(q.Path) })
}

func mkdirs(edit func(string) string) agent.Middleware {
	return fault.Requests(func(q *agentv1.FsMkdirRequest) { q.Path = edit(q.Path) })
}

func removes(edit func(string) string) agent.Middleware {
	return fault.Requests(func(q *agentv1.FsRemoveRequest) { q.Path = edit(q.Path) })
}

// kinds changes the kind of what is statted.
func kinds(match func(path string, kind agentv1.FsEntryKind) bool, to agentv1.FsEntryKind) agent.Middleware {
	return fault.Results(func(q *agentv1.FsStatRequest, r *agentv1.FsStatResponse) {
		if e := r.GetEntry(); e != nil && match(q.Path, e.Kind) {
			e.Kind = to
		}
	})
}

// gitFails answers for a git that fails where the cwd matches.
func gitFails(match func(cwd string) bool) agent.Middleware {
	return fault.Instead(func(_ fault.Operate, q *agentv1.GitRequest) *agentv1.ControlResponse {
		if !match(q.Cwd) {
			return nil
		}
		return fault.Result(&agentv1.GitResponse{ExitCode: 128})
	})
}

// all changes every path there is.
func all(edit func(string) string) agent.Middleware {
	inner, middle, outer := files(edit), git(edit), commands(edit)
	return func(next agent.Handler) agent.Handler { return outer(middle(inner(next))) }
}

// Package errs holds agents whose errors have the wrong code, say too little
// in their details, or tell what they must keep for themselves.
package errs

import (
	"slices"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant { return slices.Concat(missing(), codes(), details(), secrets()) }

const (
	notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	osError  = agentv1.ErrorCode_ERROR_CODE_OS
)

// errors changes the errors of the operations that match.
func errors(match func(*agentv1.ControlRequest) bool, edit func(*agentv1.ControlRequest, *agentv1.AgentError)) agent.Middleware {
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if resp.GetError() != nil && match(req) {
			edit(req, resp.Error)
		}
	})
}

func always(*agentv1.ControlRequest) bool { return true }

// An operation takes a path, and can be told from the others.
type operation struct {
	name  string
	match func(*agentv1.ControlRequest) bool
}

func operations() []operation {
	return []operation{
		{"fs_read", func(r *agentv1.ControlRequest) bool { return r.GetFsRead() != nil }},
		{"fs_write", func(r *agentv1.ControlRequest) bool { return r.GetFsWrite() != nil }},
		{"fs_list", func(r *agentv1.ControlRequest) bool { return r.GetFsList() != nil }},
		{"fs_mkdir", func(r *agentv1.ControlRequest) bool { return r.GetFsMkdir() != nil }},
		{"fs_stat", func(r *agentv1.ControlRequest) bool { return r.GetFsStat() != nil }},
		{"fs_remove", func(r *agentv1.ControlRequest) bool { return r.GetFsRemove() != nil }},
		{"fs_move", func(r *agentv1.ControlRequest) bool { return r.GetFsMove() != nil }},
		{"a command in a cwd", func(r *agentv1.ControlRequest) bool { return len(r.GetExec().GetCwd()) > 1 }},
		{"a program", func(r *agentv1.ControlRequest) bool { return r.GetExec() != nil && len(r.GetExec().GetCwd()) < 2 }},
	}
}

// Package git holds agents that run git in another way than they are told, or
// misread what it prints.
package git

import (
	"slices"
	"strings"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant { return slices.Concat(commands(), prompts(), statuses(), paths()) }

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

type (
	request = agentv1.GitRequest
	result  = agentv1.GitResponse
)

// before changes requests of one op before git runs.
func before(op agentv1.GitOp, edit func(*request)) agent.Middleware {
	return fault.Requests(func(r *request) {
		if r.Op == op {
			edit(r)
		}
	})
}

// after changes results.
func after(edit func(*request, *result)) agent.Middleware { return fault.Results(edit) }

// refusing answers results that match with an error.
func refusing(code agentv1.ErrorCode, match func(*request, *result) bool) agent.Middleware {
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetGit(); r != nil && match(req.GetGit(), r) {
			resp.Result, resp.Error = nil, &agentv1.AgentError{Code: code, Message: "as a mutant does"}
		}
	})
}

// excusing answers refusals with a result.
func excusing(r *result) agent.Middleware {
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if req.GetGit() != nil && resp.GetError() != nil {
			resp.Error, resp.Result = nil, &agentv1.ControlResponse_Git{Git: r}
		}
	})
}

// onStatus changes what is told of a working tree.
func onStatus(edit func(*agentv1.GitStatus)) agent.Middleware {
	return after(func(_ *request, r *result) {
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

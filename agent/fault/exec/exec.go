// Package exec holds agents that run other commands than they are told, in
// other surroundings, that tell lies about the result, or leave processes
// behind.
package exec

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant {
	return slices.Concat(commandLines(), lookups(), shells(), surroundings(), inputs(), outputs(), ends(), limits(), naives())
}

type (
	request = agentv1.ExecRequest
	result  = agentv1.ExecResponse
)

const (
	notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	osError  = agentv1.ErrorCode_ERROR_CODE_OS
	tooLarge = agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE
)

// before changes commands before they run.
func before(edit func(*request)) agent.Middleware { return fault.Requests(edit) }

// after changes the results of commands.
func after(edit func(*request, *result)) agent.Middleware { return fault.Results(edit) }

// retried runs a command that was refused with the code once more, changed.
func retried(code agentv1.ErrorCode, edit func(*request)) agent.Middleware {
	return fault.Instead(func(do fault.Operate, r *request) *agentv1.ControlResponse {
		resp := do(r)
		if resp.GetError() == nil || resp.GetError().GetCode() != code {
			return resp
		}
		again := proto.CloneOf(r)
		edit(again)
		return do(again)
	})
}

// refusing answers commands that match with an error.
func refusing(code agentv1.ErrorCode, match func(*request) bool) agent.Middleware {
	return fault.Refuse(code, func(req *agentv1.ControlRequest) bool {
		r := req.GetExec()
		return r != nil && match(r)
	})
}

// failing answers results that match with an error.
func failing(code agentv1.ErrorCode, match func(*result) bool) agent.Middleware {
	return fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetExec(); r != nil && match(r) {
			resp.Result, resp.Error = nil, &agentv1.AgentError{Code: code}
		}
	})
}

// shellLine is the request with its shell replaced by argv.
func shellLine(argv func(r *request, line string) []string) agent.Middleware {
	return before(func(r *request) {
		if r.Shell {
			r.Shell, r.Command = false, argv(r, strings.Join(r.Command, " "))
		}
	})
}

// withEnv runs commands through env, with an environment of their own.
func withEnv(r *request) {
	words := []string{"/usr/bin/env", "-i"}
	for name, value := range r.Env {
		words = append(words, name+"="+value)
	}
	r.Command = append(words, r.Command...)
}

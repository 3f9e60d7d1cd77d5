package errs

import (
	"strings"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// missing are agents in which one operation takes every error for ENOENT.
func missing() []fault.Mutant {
	var mutants []fault.Mutant
	for _, op := range operations() {
		how := errors(op.match, func(_ *agentv1.ControlRequest, e *agentv1.AgentError) { e.Code = notFound })
		add := func(what, id string) {
			mutants = append(mutants, fault.New("calls "+what+" missing in "+op.name, id, op.name, how, "error.os/*"))
		}
		add("a path through a file", "error.os/path-through-a-file")
		add("a circle of links", "error.os/links-in-a-circle")
		add("a long name", "error.os/name-too-long")
	}
	return mutants
}

func codes() []fault.Mutant {
	var mutants []fault.Mutant
	for _, op := range operations() {
		if !strings.HasPrefix(op.name, "fs_") || op.name == "fs_stat" {
			continue // a stat of what is missing is no error
		}
		how := errors(op.match, func(_ *agentv1.ControlRequest, e *agentv1.AgentError) { e.Code = osError })
		mutants = append(mutants, fault.New("never says missing in "+op.name, "error.not-found/file-operations", op.name, how,
			"error.not-found/dangling-links"))
	}
	oneCode := func(what, id, says string, from, to agentv1.ErrorCode) fault.Mutant {
		clause, _, _ := strings.Cut(id, "/")
		return fault.New(what, id, says, fault.Recode(from, to), clause+"/*")
	}
	return append(mutants,
		oneCode("never says that a working directory is missing", "error.not-found/working-directory-and-program", "the error OS", notFound, osError),
		oneCode("never says that git's directory is missing", "error.not-found/git-working-directory", "the error OS", notFound, osError),
		oneCode("never says that a link leads nowhere", "error.not-found/dangling-links", "the error OS", notFound, osError),
		oneCode("never says that a terminal's directory is missing", "error.not-found/terminals", "the error OS", notFound, osError),
		oneCode("calls a file missing for git", "error.os/git-working-directory-through-a-file", "NOT_FOUND", osError, notFound),
		oneCode("calls the wrong kind of file missing", "error.os/wrong-kind-of-file", "NOT_FOUND", osError, notFound),
		oneCode("calls what it may not see missing", "error.os/no-permission", "NOT_FOUND", osError, notFound),
		oneCode("calls a program with a long argument missing", "error.os/argument-too-long", "NOT_FOUND", osError, notFound),
		fault.New("reads stderr for its errors", "error.not-found/command-that-finds-nothing", "the error NOT_FOUND",
			fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if strings.Contains(string(resp.GetExec().GetStderr()), "no such file") {
					resp.Result, resp.Error = nil, &agentv1.AgentError{Code: notFound}
				}
			})),
	)
}

package errs_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	cases "agentproof/suite/cases/errs"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

const (
	notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	osError  = agentv1.ErrorCode_ERROR_CODE_OS
)

func mutant(name, id, says string, fault agent.Middleware) trial.Mutant {
	return trial.Mutant{Name: name, Case: id, Says: says, Fault: fault}
}

// errors changes the errors of the operations that match.
func errors(match func(*agentv1.ControlRequest) bool, edit func(*agentv1.ControlRequest, *agentv1.AgentError)) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if resp.GetError() != nil && match(req) {
			edit(req, resp.Error)
		}
	})
}

func always(*agentv1.ControlRequest) bool { return true }

// operations tells each operation that takes a path from the others.
func operations() map[string]func(*agentv1.ControlRequest) bool {
	return map[string]func(*agentv1.ControlRequest) bool{
		"fs_read":            func(r *agentv1.ControlRequest) bool { return r.GetFsRead() != nil },
		"fs_write":           func(r *agentv1.ControlRequest) bool { return r.GetFsWrite() != nil },
		"fs_list":            func(r *agentv1.ControlRequest) bool { return r.GetFsList() != nil },
		"fs_mkdir":           func(r *agentv1.ControlRequest) bool { return r.GetFsMkdir() != nil },
		"fs_stat":            func(r *agentv1.ControlRequest) bool { return r.GetFsStat() != nil },
		"fs_remove":          func(r *agentv1.ControlRequest) bool { return r.GetFsRemove() != nil },
		"fs_move":            func(r *agentv1.ControlRequest) bool { return r.GetFsMove() != nil },
		"a command in a cwd": func(r *agentv1.ControlRequest) bool { return r.GetExec().GetCwd() != "" },
		"a program":          func(r *agentv1.ControlRequest) bool { return r.GetExec() != nil && r.GetExec().GetCwd() == "" },
	}
}

func TestCasesNoticeWrongCodes(t *testing.T) {
	var mutants []trial.Mutant
	for op, match := range operations() {
		missing := errors(match, func(_ *agentv1.ControlRequest, e *agentv1.AgentError) { e.Code = notFound })
		mutants = append(mutants,
			mutant("says missing for "+op, "error.os/path-through-a-file", op, missing),
			mutant("says missing for "+op, "error.os/links-in-a-circle", op, missing),
			mutant("says missing for "+op, "error.os/name-too-long", op, missing))
	}
	for _, op := range []string{"fs_read", "fs_write", "fs_list", "fs_mkdir", "fs_remove", "fs_move"} {
		fault := errors(operations()[op], func(_ *agentv1.ControlRequest, e *agentv1.AgentError) { e.Code = osError })
		mutants = append(mutants, mutant("says nothing is missing for "+op, "error.not-found/file-operations", op, fault))
	}
	for _, id := range []string{"working-directory-and-program", "git-working-directory", "dangling-links", "terminals"} {
		mutants = append(mutants, mutant("knows one code", "error.not-found/"+id, "the error OS", trial.Recode(notFound, osError)))
	}
	for _, id := range []string{"git-working-directory-through-a-file", "wrong-kind-of-file", "no-permission", "argument-too-long"} {
		mutants = append(mutants, mutant("knows one code", "error.os/"+id, "NOT_FOUND", trial.Recode(osError, notFound)))
	}
	mutants = append(mutants, mutant("reads stderr", "error.not-found/command-that-finds-nothing", "the error NOT_FOUND",
		trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
			if strings.Contains(string(resp.GetExec().GetStderr()), "no such file") {
				resp.Result, resp.Error = nil, &agentv1.AgentError{Code: notFound}
			}
		})))
	trial.Noticed(t, cases.Cases(), mutants)
}

func TestCasesNoticeWrongDetails(t *testing.T) {
	var mutants []trial.Mutant
	edit := func(f func(map[string]string)) agent.Middleware {
		return errors(always, func(_ *agentv1.ControlRequest, e *agentv1.AgentError) { f(e.Detail) })
	}
	for _, id := range []string{"file-operations", "program-that-cannot-start", "git-working-directory"} {
		mutants = append(mutants,
			mutant("tells no errno", "error.detail/"+id, "a decimal errno", edit(func(d map[string]string) { delete(d, "errno") })),
			mutant("tells names of errors", "error.detail/"+id, "a decimal errno", edit(func(d map[string]string) { d["errno"] = "ENOTDIR" })),
			mutant("tells no context", "error.detail/"+id, "the path in", edit(func(d map[string]string) { delete(d, "context") })),
			mutant("tells a path alone", "error.detail/"+id, "what was tried",
				edit(func(d map[string]string) { d["context"] = d["context"][strings.LastIndex(d["context"], " ")+1:] })))
	}
	for _, id := range []string{"path-through-a-file", "links-in-a-circle", "name-too-long", "wrong-kind-of-file", "program-that-cannot-start", "missing"} {
		mutants = append(mutants,
			mutant("tells EIO always", "error.errno-value/"+id, `"5"`, edit(func(d map[string]string) { d["errno"] = "5" })),
			mutant("tells negative numbers", "error.errno-value/"+id, `"-`, edit(func(d map[string]string) { d["errno"] = "-" + d["errno"] })))
	}
	trial.Noticed(t, cases.Cases(), mutants)
}

func TestCasesNoticeSecrets(t *testing.T) {
	quote := func(edit func(*agentv1.ControlRequest, *agentv1.AgentError)) agent.Middleware {
		return errors(always, edit)
	}
	request := quote(func(r *agentv1.ControlRequest, e *agentv1.AgentError) { e.Message += r.String() })
	stdin := quote(func(r *agentv1.ControlRequest, e *agentv1.AgentError) {
		if text := string(r.GetExec().GetStdin()); text != "" {
			e.Detail = map[string]string{"stdin": text}
		}
	})
	content := quote(func(r *agentv1.ControlRequest, e *agentv1.AgentError) {
		e.Message += base64.StdEncoding.EncodeToString(r.GetFsWrite().GetContent())
	})
	trial.Noticed(t, cases.Cases(), []trial.Mutant{
		mutant("quotes requests", "error.no-secrets/exec", "in the message", request),
		mutant("quotes stdin", "error.no-secrets/exec", "in a detail", stdin),
		mutant("quotes requests", "error.no-secrets/variable-that-cannot-be-set", "in the message", request),
		mutant("quotes content in base64", "error.no-secrets/fs-write", "in the message", content),
		mutant("quotes requests", "error.no-secrets/terminals", "in the message", request),
		mutant("quotes requests", "error.no-secrets/fenced", "in the message", request),
	})
}

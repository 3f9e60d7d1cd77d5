// Package exec holds the cases about running commands: what reaches the
// command, what comes back from it, and what is left of it.
package exec

import (
	"context"
	"slices"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return slices.Concat(argvCases(), lookupCases(), shellCases(), cwdCases(), envCases(), stdinCases(), outputCases(),
		endCases(), timeoutCases(), killCases(), backgroundCases(), parallelCases())
}

const (
	notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	osError  = agentv1.ErrorCode_ERROR_CODE_OS
	tooLarge = agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE

	// commandLimit, in milliseconds, ends a command that should have ended by
	// itself, on the slowest machine, before the case's own time is over.
	commandLimit = 15_000
)

// sh is the argv of a POSIX shell that runs text with args as its positional
// parameters.
func sh(text string, args ...string) []string {
	return append([]string{"/bin/sh", "-c", text, "sh"}, args...)
}

// command runs argv in the case's directory.
func command(ctx context.Context, t *engine.T, argv ...string) *agentv1.ExecRequest {
	return &agentv1.ExecRequest{Command: argv, Cwd: t.Dir(ctx), TimeoutMs: commandLimit}
}

// shellCommand runs elements with the agent's own shell in the case's
// directory.
func shellCommand(ctx context.Context, t *engine.T, elements ...string) *agentv1.ExecRequest {
	req := command(ctx, t, elements...)
	req.Shell = true
	return req
}

// ended checks that a command ended by itself with the code.
func ended(t *engine.T, r *agentv1.ExecResponse, code int32) bool {
	return t.Check(!r.GetTimedOut(), "a command that ends by itself", "one that was timed out") &&
		engine.Equal(t, "the exit code", r.GetExitCode(), code)
}

// reportOf is what a helper sees when it is run with those variables.
func reportOf(ctx context.Context, t *engine.T, env map[string]string) *helper.Report {
	req := command(ctx, t, t.Helper(ctx, "report")...)
	req.Env = env
	r := engine.Decode[helper.Report](t, t.Exec(ctx, req))
	return &r
}

// writeProgram makes an executable script of the POSIX shell.
func writeProgram(ctx context.Context, t *engine.T, name, text string) {
	engine.Must[*agentv1.FsWriteResponse](ctx, t.Given(), &agentv1.FsWriteRequest{
		Path: name, Content: []byte("#!/bin/sh\n" + text + "\n"), CreateParents: true, Mode: 0o755,
	})
}

// attempt is a command in a table of those that must be refused.
func attempt(what string, req *agentv1.ExecRequest) engine.Attempt {
	return engine.Attempt{What: what, Op: req}
}

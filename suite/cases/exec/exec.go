// Package exec holds the cases about running commands: what reaches the
// command, what comes back from it, and what is left of it.
package exec

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
	cases := slices.Concat(argvCases(), lookupCases(), shellCases(), cwdCases(), envCases(), stdinCases(), outputCases(),
		endCases(), timeoutCases(), killCases(), backgroundCases(), parallelCases())
	for i, c := range cases {
		switch c.Clause {
		case "exec.argv", "exec.cwd", "exec.exit-code", "exec.timeout":
			// What a plain command leans on is what these are about.
		default:
			cases[i].Run = afterPlain(c.Run)
		}
	}
	return cases
}

// afterPlain runs a case after a command that asks for nothing special. Without
// it, every case would fail on an agent that cannot run the helper at all.
func afterPlain(run func(context.Context, *engine.T)) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		given := t.Given()
		if r := given.Run(ctx, "exit", "0"); r.GetTimedOut() || r.GetExitCode() != 0 {
			given.Fatalf("a plain command that succeeds", "one that does not")
		}
		run(ctx, t)
	}
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

// said is what a command wrote to stdout, for cases that are not about the exact
// bytes of it.
func said(r *agentv1.ExecResponse) string { return strings.TrimSpace(string(r.GetStdout())) }

// writeProgram makes an executable script of the POSIX shell, whatever the agent
// makes of a mode.
func writeProgram(ctx context.Context, t *engine.T, name, text string) {
	t.Given().Write(ctx, name, []byte(script(text)))
	t.Arrange(ctx, "chmod", "755", t.Abs(ctx, name))
}

func script(text string) string { return "#!/bin/sh\n" + text + "\n" }

// trace is an argv that leaves a file of that name, which ran looks for, in the
// case's directory.
func trace(ctx context.Context, t *engine.T, name string) []string {
	return []string{"-c", `: >"$1"`, "sh", t.Abs(ctx, t.Path(ctx, name))}
}

// ran reports whether a command left the trace.
func ran(ctx context.Context, t *engine.T, name string) bool {
	_, there := t.Look(ctx, t.Path(ctx, name))
	return there
}

// attempt is a command in a table of those that must be refused.
func attempt(what string, req *agentv1.ExecRequest) engine.Attempt {
	return engine.Attempt{What: what, Op: req}
}

package exec

import (
	"context"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func lookupCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "exec.argv/found-in-the-requests-path",
			Clause:  "exec.argv",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A request that puts a toolchain first in PATH expects its programs to be found, not only its variables to be set.",
			Try:     "fakeagent call exec --env PATH=/opt/tools --argv tool",
			Run:     foundInRequestPath,
		},
		{
			ID:      "exec.argv/first-in-path-wins",
			Clause:  "exec.argv",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Directories of PATH are searched in their order; that is how one version of a tool hides another.",
			Try:     "fakeagent call exec --env PATH=/opt/new:/opt/old --argv tool --version",
			Run:     firstInPathWins,
		},
		{
			ID:      "exec.argv/found-in-the-agents-path",
			Clause:  "exec.argv",
			Needs:   engine.Exec,
			Explain: "Without a PATH in the request, programs are found where the machine's owner finds them.",
			Try:     "fakeagent call exec --argv sh -c 'exit 7'; echo $?",
			Run:     foundInAgentPath,
		},
		{
			ID:      "exec.argv/path-of-the-request-alone",
			Clause:  "exec.argv",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A request that narrows PATH must not find what it left out, or it runs a program that it excluded.",
			Try:     "fakeagent call exec --env PATH=/nowhere --argv sh -c 'echo found'",
			Run:     requestPathAlone,
		},
		{
			ID:      "exec.argv/slash-is-relative-to-the-cwd",
			Clause:  "exec.argv",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "./gradlew means the one in the directory where the command runs, not one beside the agent.",
			Try:     "fakeagent call exec --cwd project --argv ./build",
			Run:     slashRelativeToCwd,
		},
		{
			ID:      "exec.argv/bare-name-is-not-in-the-cwd",
			Clause:  "exec.argv",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A name without a slash is looked up in PATH only; otherwise a file called ls in a repository becomes a trap.",
			Try:     "fakeagent call exec --cwd project --argv build",
			Run:     bareNameNotInCwd,
		},
		{
			ID:      "exec.missing-program/by-path",
			Clause:  "exec.missing-program",
			Needs:   engine.Exec,
			Explain: "A caller decides by this code whether to install something or to look at the command's own failure.",
			Try:     "fakeagent call exec --argv /no/such/program",
			Run:     missingByPath,
		},
		{
			ID:      "exec.missing-program/by-name",
			Clause:  "exec.missing-program",
			Needs:   engine.Exec,
			Explain: "A name that no directory of PATH holds is a missing program, not a command that ran and ended with 127.",
			Try:     "fakeagent call exec --argv no-such-program",
			Run:     missingByName,
		},
		{
			ID:      "exec.not-executable/file",
			Clause:  "exec.not-executable",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A script without its x bit is there: saying NOT_FOUND sends people to look for a file that they see.",
			Try:     "echo '#!/bin/sh' > script; fakeagent call exec --argv ./script",
			Run:     notExecutable,
		},
		{
			ID:      "exec.not-executable/directory",
			Clause:  "exec.not-executable",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A directory has x bits and is no program all the same.",
			Try:     "fakeagent call exec --argv /tmp",
			Run:     directoryAsProgram,
		},
	}
}

// tool puts the helper under another name into a directory of the case and
// returns that directory's absolute path.
func tool(ctx context.Context, t *engine.T, name string) string {
	dir := t.Path(ctx, "bin")
	t.Given().Mkdir(ctx, dir)
	t.Arrange(ctx, "symlink", t.Helper(ctx)[0], "bin/"+name)
	return t.Abs(ctx, dir)
}

// withPath is an environment with that PATH, which a command that needs no lookup
// must be given whole.
func withPath(ctx context.Context, t *engine.T, dirs string) map[string]string {
	env := map[string]string{"PATH": dirs}
	value, _ := reportOf(ctx, t.Given(), env).Getenv("PATH")
	t.Given().Check(value == dirs, "the request's PATH in the environment of a command", "another")
	return env
}

func foundInRequestPath(ctx context.Context, t *engine.T) {
	const name = "agentproof-tool"
	req := command(ctx, t, name, helper.Command, "report")
	req.Env = withPath(ctx, t, tool(ctx, t, name))
	r := engine.Decode[helper.Report](t, t.Exec(ctx, req))
	equalWords(t, "the argv", r.Argv, req.Command)
}

func firstInPathWins(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	for _, version := range []string{"one", "two"} {
		writeProgram(ctx, t, dir+"/"+version+"/agentproof-tool", "echo "+version)
	}
	req := command(ctx, t, "agentproof-tool")
	req.Env = withPath(ctx, t, t.Abs(ctx, dir+"/two")+":"+t.Abs(ctx, dir+"/one"))
	engine.Equal(t, "the output of the first one", said(t.Exec(ctx, req)), "two")
}

func foundInAgentPath(ctx context.Context, t *engine.T) {
	// A shell is in the PATH of every POSIX system's processes.
	ended(t, t.Exec(ctx, command(ctx, t, "sh", "-c", "exit 7")), 7)
}

func requestPathAlone(ctx context.Context, t *engine.T) {
	req := command(ctx, t, append([]string{"sh"}, trace(ctx, t, "ran")...)...)
	req.Env = withPath(ctx, t, t.Abs(ctx, t.Dir(ctx)))
	notFoundAndNotRun(ctx, t, req)
}

// notFoundAndNotRun runs what lookup must not find, and which would leave the
// trace "ran". With which error it is refused is another clause's matter.
func notFoundAndNotRun(ctx context.Context, t *engine.T, req *agentv1.ExecRequest) {
	t.Call(ctx, req)
	t.Check(!ran(ctx, t, "ran"), "no program found", "one that ran")
}

func slashRelativeToCwd(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	writeProgram(ctx, t, dir+"/tools/agentproof-tool", "echo found")
	for _, name := range []string{"tools/agentproof-tool", "./tools/agentproof-tool", "tools/../tools/agentproof-tool"} {
		engine.Equal(t, "the output of "+name, said(t.Exec(ctx, command(ctx, t, name))), "found")
	}
	writeProgram(ctx, t, dir+"/tools/agentproof-tracer", ": >'"+t.Abs(ctx, t.Path(ctx, "ran"))+"'")
	// Relative to the root it is there.
	notFoundAndNotRun(ctx, t, command(ctx, t, dir+"/tools/agentproof-tracer"))
}

func bareNameNotInCwd(ctx context.Context, t *engine.T) {
	writeProgram(ctx, t, t.Path(ctx, "agentproof-tool"), ": >'"+t.Abs(ctx, t.Path(ctx, "ran"))+"'")
	req := command(ctx, t, "agentproof-tool")
	req.Env = withPath(ctx, t, t.Abs(ctx, t.Dir(ctx))+"/empty")
	notFoundAndNotRun(ctx, t, req)
}

func missingByPath(ctx context.Context, t *engine.T) {
	t.RefusedAll(ctx, notFound,
		attempt("an absolute path", command(ctx, t, t.Abs(ctx, t.Path(ctx, "no-such-program")))),
		attempt("a relative path", command(ctx, t, "./no-such-program")),
		attempt("a path in a directory that is missing too", command(ctx, t, "no-such-directory/program")))
}

func missingByName(ctx context.Context, t *engine.T) {
	// What the agent's own PATH holds is not known: a directory in it that may
	// not be searched would make this another failure.
	req := command(ctx, t, "agentproof-no-such-program", "argument")
	req.Env = map[string]string{"PATH": t.Abs(ctx, t.Dir(ctx))}
	t.Refused(ctx, req, notFound)
}

func notExecutable(ctx context.Context, t *engine.T) {
	name := t.File(ctx, "script", script("exit 0"))
	t.Arrange(ctx, "chmod", "644", t.Abs(ctx, name))
	t.RefusedAll(ctx, osError,
		attempt("an absolute path", command(ctx, t, t.Abs(ctx, name))),
		attempt("a relative path", command(ctx, t, "./script")))
}

func directoryAsProgram(ctx context.Context, t *engine.T) {
	t.Refused(ctx, command(ctx, t, t.Abs(ctx, t.Dir(ctx))), osError)
}

package exec

import (
	"context"
	"path"
	"strings"

	"agentproof/suite/engine"
)

func shellCases() []engine.Case {
	// An agent whose shell is a program that tells how it was called.
	tellTale := &engine.Launch{Env: []string{"SHELL={root}/shell"}}
	return []engine.Case{
		{
			ID:      "exec.shell/interprets",
			Clause:  "exec.shell",
			Needs:   engine.Exec,
			Explain: "Half of all commands are typed as a line of shell; its exit status and output are the caller's.",
			Try:     "fakeagent call exec 'echo one; exit 3'; echo $?",
			Run:     shellInterprets,
		},
		{
			ID:      "exec.shell/dash-c-and-one-string",
			Clause:  "exec.shell",
			Needs:   engine.Exec | engine.Filesystem,
			Launch:  tellTale,
			Explain: "The owner's own shell gets -c and the words joined by single spaces: any other flag, quoting or shell changes what the line means.",
			Try:     "start the agent with SHELL set to a script that prints its arguments",
			Run:     shellArguments,
		},
		{
			ID:      "exec.shell/requests-shell-variable-ignored",
			Clause:  "exec.shell",
			Needs:   engine.Exec | engine.Filesystem,
			Launch:  tellTale,
			Explain: "SHELL in a request is a variable for the command. Which shell runs is the machine owner's choice.",
			Try:     "fakeagent call exec --env SHELL=/bin/false 'echo hi'",
			Run:     shellVariableIgnored,
		},
		{
			ID:      "exec.shell/bin-sh-when-unset",
			Clause:  "exec.shell",
			Needs:   engine.Exec,
			Launch:  &engine.Launch{Env: []string{"SHELL"}},
			Explain: "Services start without SHELL; lines of shell must work there, too.",
			Try:     "env -u SHELL fakeagent run; fakeagent call exec 'echo $0'",
			Run:     shellUnset,
		},
		{
			ID:      "exec.shell/no-login-shell",
			Clause:  "exec.shell",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A login shell reads the owner's profile: it is slow, prints greetings into output, and undoes the request's variables.",
			Try:     "echo 'echo login' > ~/.profile; fakeagent call exec 'echo hello'",
			Run:     noLoginShell,
		},
		{
			ID:      "exec.shell/cwd-and-variables",
			Clause:  "exec.shell",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "The shell runs where and with what the request says, as a plain command does.",
			Try:     "fakeagent call exec --cwd dir --env X=1 'echo $X > seen'",
			Run:     shellSurroundings,
		},
		{
			ID:      "exec.shell/a-new-one-each-time",
			Clause:  "exec.shell",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A cd in one command must not move the next: callers that run side by side would trip each other.",
			Try:     "fakeagent call exec 'cd /'; fakeagent call exec pwd",
			Run:     shellIsNew,
		},
	}
}

// The lines below are such that every usual shell understands them, since the
// owner of an attached agent may use any.

func shellInterprets(ctx context.Context, t *engine.T) {
	r := t.Exec(ctx, shellCommand(ctx, t, "echo one;", "echo two;", "exit 3"))
	ended(t, r, 3)
	engine.Equal(t, "stdout", said(r), "one\ntwo")
}

// plantShell makes the program that the launch of the case names as SHELL.
func plantShell(ctx context.Context, t *engine.T) {
	writeProgram(ctx, t, "shell", `for word; do printf '<%s>' "$word"; done`)
}

func shellArguments(ctx context.Context, t *engine.T) {
	plantShell(ctx, t)
	elements := []string{"echo", "two  spaces", "", "$HOME", "it's", `"`, ";", "*", "new\nline", "-x"}
	r := t.Exec(ctx, shellCommand(ctx, t, elements...))
	engine.Equal(t, "the shell's arguments", said(r), "<-c><"+strings.Join(elements, " ")+">")
}

func shellVariableIgnored(ctx context.Context, t *engine.T) {
	plantShell(ctx, t)
	other := t.Path(ctx, "other")
	writeProgram(ctx, t, other, "echo another shell")
	req := shellCommand(ctx, t, "line")
	req.Env = map[string]string{"SHELL": t.Abs(ctx, other)}
	engine.Equal(t, "the output of the agent's own shell", said(t.Exec(ctx, req)), "<-c><line>")
}

func shellUnset(ctx context.Context, t *engine.T) {
	r := t.Exec(ctx, shellCommand(ctx, t, "echo", "$0"))
	ended(t, r, 0)
	engine.Equal(t, "the shell's name", path.Base(said(r)), "sh")
}

func noLoginShell(ctx context.Context, t *engine.T) {
	for _, profile := range []string{".profile", ".bash_profile", ".bash_login", ".zprofile", ".zlogin", ".login"} {
		t.File(ctx, profile, "echo this is a login shell\n")
	}
	req := shellCommand(ctx, t, "echo hello")
	home := t.Abs(ctx, t.Dir(ctx))
	req.Env = map[string]string{"HOME": home, "ZDOTDIR": home}
	engine.Equal(t, "stdout", said(t.Exec(ctx, req)), "hello")
}

func shellSurroundings(ctx context.Context, t *engine.T) {
	// The same without the shell is the matter of other clauses.
	env := map[string]string{probe: "value"}
	value, _ := reportOf(ctx, t.Given(), env).Getenv(probe)
	t.Given().Check(value == "value", "the request's variable in a plain command", "another value, or none")
	req := shellCommand(ctx, t, "echo $CONFORMANCE_PROBE >seen")
	req.Env = env
	if ended(t, t.Exec(ctx, req), 0) {
		seen, _ := t.Look(ctx, t.Path(ctx, "seen"))
		engine.Equal(t, "what the shell wrote", string(seen), "value\n")
	}
}

func shellIsNew(ctx context.Context, t *engine.T) {
	ended(t, t.Exec(ctx, shellCommand(ctx, t, "cd /")), 0)
	if ended(t, t.Exec(ctx, shellCommand(ctx, t, "echo here >seen")), 0) {
		t.Check(ran(ctx, t, "seen"), "the second command in its own cwd", "one elsewhere")
	}
}

package path

import (
	"context"

	"agentproof/docs/spec"
	"agentproof/suite/engine"
)

func literalCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "path.no-expansion/variables-in-a-cwd",
			Clause:  "path.no-expansion",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A directory may be called $HOME. A command that lands in the real home instead works on somebody's files.",
			Try:     `fakeagent call exec 'mkdir \$HOME'; fakeagent call exec --cwd '$HOME' pwd`,
			Run:     variableInCwd,
		},
		{
			ID:      "path.no-expansion/variables-in-file-paths",
			Clause:  "path.no-expansion",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A file's path is a name, not a program: what a shell would put in for $HOME must not appear.",
			Try:     "echo x | fakeagent call write '$HOME/file'; fakeagent call ls",
			Run:     variableInFiles,
		},
		{
			ID:      "path.no-expansion/globs",
			Clause:  "path.no-expansion",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Removing a file called * must never mean to remove all files.",
			Try:     "echo x | fakeagent call write only; fakeagent call read '*'",
			Run:     globs,
		},
		{
			ID:      "path.no-expansion/tilde",
			Clause:  "path.no-expansion",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Whether ~ is somebody's home or a file of that name decides whose files an operation touches.",
			Try:     `fakeagent call stat '~'`,
			Run:     tilde,
		},
	}
}

func variableInCwd(ctx context.Context, t *engine.T) {
	for _, name := range []string{"$HOME", "${PATH}"} {
		script(ctx, t, `mkdir "$1"`, name)
		want := really(ctx, t, t.Dir(ctx)) + "/" + name
		t.Check(where(ctx, t, t.Path(ctx, name)) == want, "a command in the directory called "+name, "one elsewhere")
	}
}

func variableInFiles(ctx context.Context, t *engine.T) {
	for _, name := range []string{"$HOME", "${PATH}", "%PATH%"} {
		script(ctx, t, `mkdir "$1"`, name)
		landsIn(ctx, t, t.Path(ctx, name), name)
	}
}

func globs(ctx context.Context, t *engine.T) {
	script(ctx, t, `mkdir sub; echo old >file`)
	dir := t.Dir(ctx) + "/"
	t.RefusedAll(ctx, notFound,
		readOf(dir+"*"), readOf(dir+"fil?"), readOf(dir+"[f]ile"), readOf(dir+"{file,other}"),
		listOf(dir+"s*"), execIn(dir+"s*"), removeOf(dir+"*"), removeOf(dir+"fil?"), moveFrom(dir+"f*", dir+"moved"))
	t.Check(!t.Exists(ctx, dir+"*"), "no file called *", "one that exists")
	engine.Equal(t, "the file that the globs would match", script(ctx, t, `read x <file || :; echo "$x"`), "old\n")
}

func tilde(ctx context.Context, t *engine.T) {
	if script(ctx, t, `! test -e "$1" || echo real`, t.Abs(ctx, "~")) != "" {
		t.Untestable("the agent's root holds something called ~")
	}
	exists := t.Exists(ctx, "~")
	if t.Revision() != spec.Revision {
		t.Record("~ means home: %v", exists)
		return
	}
	t.Check(!exists, "no file called ~ in a root that holds none", "one that exists")
	t.RefusedAll(ctx, notFound, execIn("~"), listOf("~"), listOf("~/"))
}

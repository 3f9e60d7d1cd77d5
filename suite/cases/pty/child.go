package pty

import (
	"context"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func childCases() []engine.Case {
	return []engine.Case{
		{
			ID: "pty.isatty/one-controlling-terminal", Clause: "pty.isatty", Needs: needs,
			Explain: "Editors, pagers and password prompts ask for a terminal on every stream, and open /dev/tty.",
			Try:     "fakeagent shell tty",
			Run:     controllingTerminal,
		},
		sizeCase("as-asked", 132, 50, 132, 50, "A viewer's window is rarely 80×24; lines must break where it ends."),
		sizeCase("both-default", 0, 0, 80, 24, "A terminal of 0×0 breaks every full-screen program."),
		sizeCase("columns-default-alone", 0, 50, 80, 50, "Each dimension defaults on its own."),
		sizeCase("rows-default-alone", 132, 0, 132, 24, "Each dimension defaults on its own."),
		termCase("as-asked", &agentv1.PtyOpenRequest{Term: "vt100"}, "vt100",
			"Programs take their escape sequences from TERM."),
		termCase("default", &agentv1.PtyOpenRequest{}, "xterm-256color",
			"Without a TERM of the viewer's, colours and cursor keys must still work."),
		termCase("wins-over-env", &agentv1.PtyOpenRequest{Term: "vt220", Env: map[string]string{"TERM": "dumb"}}, "vt220",
			"The terminal's own type beats a variable that happens to have its name."),
		termCase("default-wins-over-env", &agentv1.PtyOpenRequest{Env: map[string]string{"TERM": "dumb"}}, "xterm-256color",
			"A variable that the caller passed on from elsewhere says nothing about this terminal."),
		{
			ID: "pty.env/layered-over-the-agents", Clause: "pty.env", Needs: needs,
			Explain: "A request adds variables; without the agent's own, PATH included, nothing would be found.",
			Run:     envLayered,
		},
		{
			ID: "pty.env/overrides-the-agents", Clause: "pty.env", Needs: needs,
			Explain: "What the caller sets is what the shell sees, whatever the agent was started with.",
			Run:     envOverrides,
		},
		{
			ID: "pty.cwd/empty-is-the-root", Clause: "pty.cwd", Needs: needs,
			Explain: "A terminal without a directory opens in the workspace.",
			Run:     cwdCase("", ""),
		},
		{
			ID: "pty.cwd/relative-is-under-the-root", Clause: "pty.cwd", Needs: needs,
			Explain: "The directory is the one that files of the same path lie in.",
			Run:     cwdRelative,
		},
		{
			ID: "pty.cwd/absolute-is-as-it-is", Clause: "pty.cwd", Needs: needs,
			Explain: "A terminal may be opened anywhere on the machine.",
			Run:     cwdCase("/", "/"),
		},
		{
			ID: "pty.cwd-missing/no-shell", Clause: "pty.cwd-missing", Needs: needs,
			Explain: "A shell in another directory than the one that was asked for does damage there.",
			Run:     cwdMissing,
		},
	}
}

func controllingTerminal(ctx context.Context, t *engine.T) {
	r := report(ctx, t, &agentv1.PtyOpenRequest{})
	for name, s := range map[string]helper.Stream{"stdin": r.Stdin, "stdout": r.Stdout, "stderr": r.Stderr} {
		t.Check(s.TTY, name+" a terminal", "none")
		t.Check(s.Controlling, name+" the controlling terminal", "another, or none")
		t.Check(s.Foreground, "the child in the foreground of "+name, "in the background")
	}
}

func sizeCase(name string, cols, rows uint32, wantCols, wantRows int, explain string) engine.Case {
	return engine.Case{
		ID: "pty.size/" + name, Clause: "pty.size", Needs: needs, Explain: explain,
		Run: func(ctx context.Context, t *engine.T) {
			r := report(ctx, t, &agentv1.PtyOpenRequest{Cols: cols, Rows: rows})
			engine.Equal(t, "columns", r.Stdin.Cols, wantCols)
			engine.Equal(t, "rows", r.Stdin.Rows, wantRows)
		},
	}
}

func termCase(name string, req *agentv1.PtyOpenRequest, want, explain string) engine.Case {
	return engine.Case{
		ID: "pty.term/" + name, Clause: "pty.term", Needs: needs, Explain: explain,
		Run: func(ctx context.Context, t *engine.T) {
			// Cases share nothing: the request is filled in by each run.
			r := report(ctx, t, &agentv1.PtyOpenRequest{Term: req.GetTerm(), Env: req.GetEnv()})
			got, _ := r.Getenv("TERM")
			engine.Equal(t, "TERM", got, want)
		},
	}
}

func envLayered(ctx context.Context, t *engine.T) {
	r := report(ctx, t, &agentv1.PtyOpenRequest{Env: map[string]string{"CASE_ADDED": "a b", "CASE_EMPTY": ""}})
	got, _ := r.Getenv("CASE_ADDED")
	engine.Equal(t, "the added variable", got, "a b")
	got, set := r.Getenv("CASE_EMPTY")
	t.Check(set && got == "", "the empty variable set and empty", "unset, or not empty")
	path, _ := r.Getenv("PATH")
	t.Check(path != "", "the agent's PATH", "none")
}

func envOverrides(ctx context.Context, t *engine.T) {
	r := report(ctx, t, &agentv1.PtyOpenRequest{Env: map[string]string{"HOME": "/of-the-request"}})
	home, _ := r.Getenv("HOME")
	t.Check(home == "/of-the-request", "the request's HOME", "the agent's, or none")
}

// cwdCase opens a terminal in cwd; an empty want is the agent's root.
func cwdCase(cwd, want string) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		dir := want
		if dir == "" {
			dir = t.Root(ctx)
		}
		r := reportIn(ctx, t, &agentv1.PtyOpenRequest{Cwd: cwd})
		t.Check(r.Cwd == dir, "the child in the directory that was asked for", "in another")
	}
}

func cwdRelative(ctx context.Context, t *engine.T) {
	t.File(ctx, "a dir/keep", "")
	r := reportIn(ctx, t, &agentv1.PtyOpenRequest{Cwd: t.Path(ctx, "a dir")})
	t.Check(r.Cwd == t.Abs(ctx, t.Path(ctx, "a dir")), "the child in the directory that was asked for", "in another")
}

func cwdMissing(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "started.json")
	t.Refused(ctx, &agentv1.PtyOpenRequest{
		Cwd:     t.Path(ctx, "nowhere"),
		Command: t.Helper(ctx, "report", "--file", t.Abs(ctx, name)),
	}, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
	t.Settle(ctx)
	_, started := t.Look(ctx, name)
	t.Check(!started, "no program started", "one that ran")
}

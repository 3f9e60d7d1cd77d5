package exec

import (
	"context"
	"fmt"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func cwdCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "exec.cwd/relative-names",
			Clause:  "exec.cwd",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "What a command opens by a relative name is in its cwd, or builds pick up the wrong sources.",
			Try:     "mkdir dir; echo hi > dir/file; fakeagent call exec --cwd dir cat file",
			Run:     cwdRelativeNames,
		},
		{
			ID:      "exec.cwd/side-by-side",
			Clause:  "exec.cwd",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "An agent that changes its own directory before each command mixes up commands that start together.",
			Try:     "run pwd in many directories at once",
			Run:     cwdSideBySide,
		},
		{
			ID:      "exec.cwd/not-remembered",
			Clause:  "exec.cwd",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Each request says where it runs; an agent that stays where the last one was moves the next by surprise.",
			Try:     "fakeagent call exec --cwd / true; fakeagent call exec pwd",
			Run:     cwdNotRemembered,
		},
		{
			ID:      "exec.cwd-missing/argv",
			Clause:  "exec.cwd-missing",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A command whose directory is gone must not run elsewhere: rm -rf in another directory is the end of a workday.",
			Try:     "fakeagent call exec --cwd no/such/directory pwd",
			Run:     cwdMissing,
		},
		{
			ID:      "exec.cwd-missing/shell",
			Clause:  "exec.cwd-missing",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A line of shell is refused as a plain command is.",
			Try:     "fakeagent call exec --cwd no/such/directory pwd",
			Run:     cwdMissingShell,
		},
		{
			ID:      "exec.cwd-missing-named/context",
			Clause:  "exec.cwd-missing-named",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "NOT_FOUND may mean the program or the directory. Only the detail tells a caller which one to repair.",
			Try:     "fakeagent call exec --cwd no/such/directory pwd",
			Run:     cwdMissingNamed,
		},
	}
}

func cwdRelativeNames(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "another one")
	t.File(ctx, "sub/file", "content")
	req := command(ctx, t, t.Helper(ctx, "slurp", "file")...)
	req.Cwd = t.Path(ctx, "sub")
	r := t.Exec(ctx, req)
	if ended(t, r, 0) {
		engine.Equal(t, "what the command read", engine.Decode[helper.Content](t, r).Digest, helper.DigestOf([]byte("content")))
	}
}

func cwdSideBySide(ctx context.Context, t *engine.T) {
	const lanes, each = 8, 6
	t.Dir(ctx)
	var strayed [lanes]bool
	t.Lanes(lanes, func(lane int) {
		name := fmt.Sprintf("lane-%d", lane)
		t.File(ctx, name+"/name", name+"\n")
		for range each {
			resp := t.Call(ctx, &agentv1.ExecRequest{
				Command: sh(`read x <name; echo "$x"`), Cwd: t.Path(ctx, name), TimeoutMs: commandLimit,
			})
			if said(resp.GetExec()) != name {
				strayed[lane] = true
			}
		}
	})
	t.Check(strayed == [lanes]bool{}, "every command in its own directory", "some elsewhere")
}

func cwdNotRemembered(ctx context.Context, t *engine.T) {
	t.File(ctx, "mark", "")
	ended(t, t.Exec(ctx, command(ctx, t, sh("test -f mark")...)), 0)
	// Where an empty cwd leads is another clause's matter.
	resp := t.Call(ctx, &agentv1.ExecRequest{Command: sh(`test ! -f mark`), TimeoutMs: commandLimit})
	t.Check(resp.GetExec().GetExitCode() == 0, "the next command, whose cwd is empty, elsewhere", "one in the last one's cwd")
	r := t.Exec(ctx, command(ctx, t, sh("test -f mark")...))
	t.Check(r.GetExitCode() == 0, "a relative cwd that still counts from the root", "one that counts from elsewhere")
}

func cwdMissing(ctx context.Context, t *engine.T) {
	refuseMissingCwd(ctx, t, &agentv1.ExecRequest{Command: sh(`echo >"$1"`, t.Abs(ctx, t.Path(ctx, "trace")))})
}

func cwdMissingShell(ctx context.Context, t *engine.T) {
	refuseMissingCwd(ctx, t, &agentv1.ExecRequest{
		Command: []string{"echo", "ran", ">" + t.Abs(ctx, t.Path(ctx, "trace"))}, Shell: true,
	})
}

// refuseMissingCwd tries req, which would leave a trace, in directories that
// do not exist.
func refuseMissingCwd(ctx context.Context, t *engine.T, req *agentv1.ExecRequest) {
	in := func(cwd string) *agentv1.ExecRequest {
		return &agentv1.ExecRequest{Command: req.Command, Shell: req.Shell, Cwd: cwd, TimeoutMs: commandLimit}
	}
	t.RefusedAll(ctx, notFound,
		attempt("a relative cwd", in(t.Path(ctx, "missing"))),
		attempt("an absolute cwd", in(t.Abs(ctx, t.Path(ctx, "missing")))),
		attempt("a cwd below one that is missing", in(t.Path(ctx, "missing/inner"))))
	t.Check(!ran(ctx, t, "trace"), "no command run", "one that left a trace")
	t.Check(!t.Given().Exists(ctx, t.Path(ctx, "missing")), "no directory made", "one")
}

func cwdMissingNamed(ctx context.Context, t *engine.T) {
	cwd := t.Path(ctx, "missing")
	e := t.Given().Refused(ctx, &agentv1.ExecRequest{Command: sh("exit 0"), Cwd: cwd, TimeoutMs: commandLimit}, notFound)
	t.Check(strings.Contains(e.GetDetail()["context"], cwd), "the cwd in the detail context", "%q", e.GetDetail()["context"])
}

package exec

import (
	"context"
	"fmt"
	"slices"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func argvCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "exec.argv/words-verbatim",
			Clause:  "exec.argv",
			Needs:   engine.Exec,
			Explain: "A caller that passes a list of words wants no shell in between: one that expands, splits or drops a word runs another command.",
			Try:     `fakeagent call exec --argv printf '<%s>\n' '$HOME' '*' '' 'a b'`,
			Run:     wordsVerbatim,
		},
		{
			ID:      "exec.argv/nothing-interpreted",
			Clause:  "exec.argv",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Words such as ; and > are data. An agent that hands them to a shell lets data run commands.",
			Try:     "fakeagent call exec --argv echo 'a; touch b' '> c'",
			Run:     nothingInterpreted,
		},
		{
			ID:      "exec.argv/just-written-program",
			Clause:  "exec.argv",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Write a script, run it: the most usual pair of requests. It fails now and then when the file is still open in a process that was forked meanwhile.",
			Try:     "write and run scripts from many shells at once",
			Run:     justWritten,
		},
		{
			ID:      "exec.empty/argv",
			Clause:  "exec.empty",
			Needs:   engine.Exec,
			Explain: "A request without a command is the caller's mistake, and an agent that indexes the first word crashes on it.",
			Try:     "an exec without command through any NATS client",
			Run:     emptyArgv,
		},
		{
			ID:      "exec.empty/shell",
			Clause:  "exec.empty",
			Needs:   engine.Exec,
			Explain: "A shell with nothing to run would succeed, and hide the caller's mistake.",
			Try:     "an exec with shell and without command through any NATS client",
			Run:     emptyShell,
		},
	}
}

func wordsVerbatim(ctx context.Context, t *engine.T) {
	command := t.Helper(ctx, "report", "--",
		"", " ", "two words", " leading", "trailing ", "it's", `"quoted"`, "$HOME", "${HOME}", "$(exit)", "`exit`",
		"*", "?", "~", "{a,b}", "#", "%s", "%PATH%", "!", "\\", "\\n", "new\nline", "tab\tstop", "-x", "--", "--file=x", "a=b",
		"größer 日本語 🦊", strings.Repeat("long ", 12<<10), "")
	r := t.Exec(ctx, &agentv1.ExecRequest{Command: command, Cwd: t.Dir(ctx), TimeoutMs: commandLimit})
	got := engine.Decode[helper.Report](t, r).Argv
	engine.Equal(t, "the number of words", len(got), len(command))
	for i, word := range command[:min(len(command), len(got))] {
		if got[i] != word {
			t.Errorf(fmt.Sprintf("the word %.40q", word), "%.40q", got[i])
		}
	}
}

func nothingInterpreted(ctx context.Context, t *engine.T) {
	r := t.Exec(ctx, command(ctx, t, t.Helper(ctx, "report", "--", ";", "echo", "more", ">", "made", "&&", "exit", "9", "|", "cat")...))
	ended(t, r, 0)
	t.Check(!ran(ctx, t, "made"), "no redirection", "a file that one made")
}

func justWritten(ctx context.Context, t *engine.T) {
	const lanes, each = 8, 12
	dir, given := t.Dir(ctx), t.Given()
	writeAndRun := func(name string) *agentv1.ControlResponse {
		name = dir + "/" + name
		engine.Must[*agentv1.FsWriteResponse](ctx, given, &agentv1.FsWriteRequest{
			Path: name, Content: []byte(script("echo ran")), Mode: 0o755,
		})
		return t.Call(ctx, command(ctx, t, t.Abs(ctx, name)))
	}
	// One by itself shows that the agent makes and runs programs at all.
	given.Check(said(engine.MustOf[*agentv1.ExecResponse](given, writeAndRun("program"))) == "ran", "a program that was written to run", "another output")
	var busy, wrong [lanes]int
	t.Lanes(lanes, func(lane int) {
		for i := range each {
			name := fmt.Sprintf("program-%d-%d", lane, i)
			resp := writeAndRun(name)
			switch {
			case resp.GetError() != nil:
				busy[lane]++
				t.Logf("%s: %s", name, resp.GetError().GetMessage())
			case said(resp.GetExec()) != "ran":
				wrong[lane]++
			}
		}
	})
	// How many fail is chance, so that the text names no number.
	t.Check(busy == [lanes]int{}, "every program to run that was just written", "some that could not be started")
	t.Check(wrong == [lanes]int{}, "every program's own output", "another")
}

func emptyArgv(ctx context.Context, t *engine.T) {
	t.Refused(ctx, command(ctx, t), osError)
}

func emptyShell(ctx context.Context, t *engine.T) {
	t.Refused(ctx, shellCommand(ctx, t), osError)
}

// equalWords compares lists and shows them whole, since they are short.
func equalWords(t *engine.T, what string, got, want []string) bool {
	return t.Check(slices.Equal(got, want), fmt.Sprintf("%s %q", what, want), "%q", got)
}

package pty

import (
	"context"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func endCases() []engine.Case {
	return []engine.Case{
		{
			ID: "pty.close/exit-code-of-a-running-one", Clause: "pty.close", Needs: needs,
			Explain: "A terminal that was ended from outside has no status of its own to show.",
			Run:     closeRunning,
		},
		closeCase("child-is-gone", "A closed terminal whose program runs on is a leak that nobody can reach."),
		closeCase("hangup-ignored", "A program that ignores the hangup is killed all the same.", "--ignore-term"),
		{
			ID: "pty.close/descendants-are-gone", Clause: "pty.close-descendants", Needs: needs,
			Explain: "What the shell had started goes with it, or a closed tab leaves a server on its port.",
			Run:     closeDescendants,
		},
		{
			ID: "pty.close-descendants/closed-by-the-viewer", Clause: "pty.close-descendants", Needs: needs,
			Explain: "Whoever closes the tab for good means all that runs in it.",
			Run: func(ctx context.Context, t *engine.T) {
				descendantsGone(ctx, t, func(term *engine.Terminal) { term.CloseAtViewer(ctx) })
			},
		},
		{
			ID: "pty.close/while-a-viewer-does-not-read", Clause: "pty.close", Needs: needs,
			Explain: "A viewer that hangs must not keep a program alive that is to go.",
			Run:     closeWhileViewerHangs,
		},
		{
			ID: "pty.close/stream-ends-with-process-exit", Clause: "pty.close", Needs: needs,
			Explain: "The viewer must learn that the terminal is over, or it waits for a reconnect.",
			Run:     closeEndsStream,
		},
		{
			ID: "pty.close/id-is-unknown-afterwards", Clause: "pty.close", Needs: needs,
			Explain: "An id that still answers after its close keeps a terminal alive that nobody owns.",
			Run:     unknownAfterClose,
		},
		{
			ID: "pty.close-ended/its-own-exit-code", Clause: "pty.close-ended", Needs: needs,
			Explain: "Whoever closes a terminal that has ended wants to know how it ended.",
			Try:     "fakeagent shell 'exit 7'; echo $?",
			Run:     closeEnded,
		},
		{
			ID: "pty.exit/last-output-then-stream-close", Clause: "pty.exit", Needs: needs,
			Explain: "The last lines of a program that failed are the ones that say why.",
			Run:     lastOutput,
		},
		{
			ID: "pty.exit/print-and-exit-many-times", Clause: "pty.exit", Needs: needs,
			Explain: "Output and end race with each other; a loss shows in one of many, and never in a demo.",
			Run:     printAndExit,
		},
		{
			ID: "pty.exit/a-background-process-does-not-hold-it", Clause: "pty.exit", Needs: needs, Background: true,
			Explain: "A daemon that was started from a terminal keeps it open; the terminal ends all the same.",
			Run:     backgroundHoldsNothing,
		},
	}
}

func closeRunning(ctx context.Context, t *engine.T) {
	term := t.OpenTerminal(ctx, sleeping(ctx, t))
	engine.Equal(t, "the exit code", term.Close(ctx), -1)
}

func closeCase(name, explain string, flags ...string) engine.Case {
	return engine.Case{
		ID: "pty.close/" + name, Clause: "pty.close", Needs: needs, Explain: explain,
		Run: func(ctx context.Context, t *engine.T) {
			term, tree := tree(ctx, t, flags...)
			term.Close(ctx)
			dieSoon(ctx, t, "the child", tree.Root.Ref())
		},
	}
}

func closeDescendants(ctx context.Context, t *engine.T) {
	descendantsGone(ctx, t, func(term *engine.Terminal) { term.Given().Close(ctx) })
}

// descendantsGone checks that what a terminal's child started ends with it.
func descendantsGone(ctx context.Context, t *engine.T, end func(*engine.Terminal)) {
	term, tree := tree(ctx, t, "child", "setpgid")
	end(term)
	for _, d := range tree.Descendants {
		dieSoon(ctx, t, "what the child started", d.Ref())
	}
}

func closeWhileViewerHangs(ctx context.Context, t *engine.T) {
	script := `echo $$ >pid; s=0123456789abcdef; while [ ${#s} -lt 65536 ]; do s=$s$s; done; while :; do printf %s "$s"; done`
	term := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: []string{"/bin/sh", "-c", script}, Cwd: t.Dir(ctx)})
	term.Attach(ctx)
	term.Given().Until(ctx, "0123456789abcdef") // and never again
	pid, _ := t.Look(ctx, t.Path(ctx, "pid"))
	engine.Equal(t, "the exit code", term.Close(ctx), -1)
	dieSoon(ctx, t, "the child", strings.TrimSpace(string(pid)))
}

func closeEndsStream(ctx context.Context, t *engine.T) {
	term := t.HelperTerminal(ctx, "sleep", "60s")
	term.Close(ctx)
	term.Rest(ctx)
}

func unknownAfterClose(ctx context.Context, t *engine.T) {
	term := t.OpenTerminal(ctx, sleeping(ctx, t))
	term.Close(ctx)
	unknown(ctx, t, term.ID)
}

func closeEnded(ctx context.Context, t *engine.T) {
	for _, tc := range []struct {
		args []string
		code int32
	}{{[]string{"exit", "7"}, 7}, {[]string{"exit", "0"}, 0}} {
		term := t.HelperTerminal(ctx, tc.args...)
		term.Given().Rest(ctx)
		resp := t.Call(ctx, &agentv1.PtyCloseRequest{PtyId: term.ID})
		if resp.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_NOT_FOUND {
			continue
		}
		engine.Equal(t, "the exit code", engine.MustOf[*agentv1.PtyCloseResponse](t, resp).GetExitCode(), tc.code)
	}
}

func lastOutput(ctx context.Context, t *engine.T) {
	term := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{
		Command: []string{"/bin/sh", "-c", "echo first; printf the-very-last"}, Cwd: t.Dir(ctx),
	})
	term.Attach(ctx)
	t.Check(strings.HasSuffix(output(ctx, term), "the-very-last"), "the program's last output before the end", "an end without it")
}

// output is all that a terminal shows up to its end, without the line ends
// after it: the echo of a newline that an agent typed may be one of them.
func output(ctx context.Context, term *engine.Terminal) string {
	return strings.TrimRight(string(term.Rest(ctx)), "\r\n")
}

func printAndExit(ctx context.Context, t *engine.T) {
	const terminals = 40
	terms := make([]*engine.Terminal, 0, terminals)
	for range terminals {
		terms = append(terms, t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{
			Command: []string{"/bin/sh", "-c", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line-$i; done"}, Cwd: t.Dir(ctx),
		}))
	}
	for _, term := range terms {
		term.Attach(ctx)
		rest := output(ctx, term)
		if !t.Check(strings.Count(rest, "line-") == 300 && strings.HasSuffix(rest, "line-300"),
			"all 300 lines of a program that prints and exits", "some missing") {
			return
		}
	}
}

func backgroundHoldsNothing(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "tree.json")
	command := t.Helper(ctx, "tree", "--for", "30s", "--hold-stdout", "--exit", "3", "--file", t.Abs(ctx, name), "setsid+ignore-term")
	term := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: command, Cwd: t.Dir(ctx)})
	term.Attach(ctx)
	term.Rest(ctx) // which waits less than the daemon lives
	t.Logf("left behind: %v", treeIn(ctx, t, name).Refs())
}

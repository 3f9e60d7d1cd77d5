package pty

import (
	"context"
	"fmt"
	"slices"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

func openCases() []engine.Case {
	return []engine.Case{
		{
			ID: "pty.open/channel-of-this-agent", Clause: "pty.open", Needs: needs,
			Explain: "The channel in the reply is all that a viewer has to find the terminal by.",
			Try:     "fakeagent shell",
			Run:     channelOfThisAgent,
		},
		{
			ID: "pty.open/no-command-is-a-shell", Clause: "pty.open", Needs: needs,
			// Not the user's own shell, whose start-up files may do anything.
			Launch:  &engine.Launch{Env: []string{"SHELL=/bin/sh", "ENV"}},
			Explain: "A person who opens a terminal without saying what for wants a shell.",
			Try:     "fakeagent shell",
			Run:     noCommandIsAShell,
		},
		{
			ID: "pty.open/command-is-argv", Clause: "pty.open", Needs: needs,
			Explain: "The command is an argv: blanks and dollars in it mean nothing.",
			Run:     commandIsArgv,
		},
		{
			ID: "pty.headless/no-display-and-no-consent", Clause: "pty.headless", Needs: needs,
			Launch:  &engine.Launch{NoDisplay: true, NoScreenControl: true},
			Explain: "A server without a screen, whose owner consented to nothing about one, still has terminals.",
			Run:     channelOfThisAgent,
		},
		{
			ID: "pty.open-silent/reply-before-output", Clause: "pty.open-silent", Needs: needs,
			Explain: "A program that prints nothing for a minute must not keep the caller waiting for its terminal.",
			Run:     replyBeforeOutput,
		},
		{
			ID: "pty.quiet/nothing-that-nobody-typed", Clause: "pty.quiet", Needs: needs,
			Explain: "An agent that types into a terminal answers prompts in the user's name.",
			Run:     nothingTyped,
		},
		{
			ID: "pty.distinct/ids-and-channels", Clause: "pty.distinct", Needs: needs,
			Explain: "Two terminals with one id, or one channel, would be one terminal to everybody else.",
			Run:     distinctIDs,
		},
		{
			ID: "pty.distinct/bytes-apart", Clause: "pty.distinct", Needs: needs,
			Explain: "What one person types must never show on another's screen.",
			Run:     bytesApart,
		},
		{
			ID: "pty.spawn-failure/missing-program", Clause: "pty.spawn-failure", Needs: needs,
			Explain: "A mistyped program is an error at once, not a dead terminal.",
			Run:     missingProgram,
		},
		{
			ID: "pty.spawn-failure/leaves-no-channel", Clause: "pty.spawn-failure", Needs: needs, Launch: &engine.Launch{},
			Explain: "A channel without a terminal behind it would be waited at for ever.",
			Run:     leavesNoChannel,
		},
	}
}

func channelOfThisAgent(ctx context.Context, t *engine.T) {
	term := t.OpenTerminal(ctx, sleeping(ctx, t))
	ch := term.Channel
	t.Check(term.ID != "", "a pty_id", "an empty one")
	t.Check(ch.GetChannelId() != "", "a channel_id", "an empty one")
	engine.Equal(t, "the channel's kind", ch.GetKind(), agentv1.StreamKind_STREAM_KIND_PTY)
	engine.Equal(t, "the channel's port", ch.GetPort(), 7681)
	engine.Same(t, "the agent's own workspace in the channel", ch.GetWorkspaceId(), t.Instance().WorkspaceID)
	engine.Same(t, "the agent's own id in the channel", ch.GetAgentId(), t.Instance().AgentID)
}

func noCommandIsAShell(ctx context.Context, t *engine.T) {
	given := t.Given()
	reader := given.OpenTerminal(ctx, &agentv1.PtyOpenRequest{
		Command: []string{"/bin/sh", "-c", `while read -r x; do if [ "$x" = typed ]; then : >typed; fi; done`}, Cwd: t.Dir(ctx),
	})
	reader.Type(ctx, "typed\n")
	if !t.AwaitFile(ctx, t.Path(ctx, "typed"), t.Scale(startLimit)) {
		given.Fatalf("what is typed to reach a program", "no trace of it")
	}
	term := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Cwd: t.Dir(ctx)})
	term.Type(ctx, "echo $((6*7)) >answer.new; mv answer.new answer\n")
	var answer int
	t.AwaitJSON(ctx, t.Path(ctx, "answer"), t.Scale(startLimit), &answer)
	t.Check(answer == 42, "a shell that carries out what is typed", "none in time")
}

func commandIsArgv(ctx context.Context, t *engine.T) {
	args := []string{"a  b", "$HOME", "*", "it's", ""}
	name := t.Path(ctx, "argv.json")
	command := t.Helper(ctx, append([]string{"report", "--file", t.Abs(ctx, name), "--"}, args...)...)
	t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: command, Cwd: t.Dir(ctx)})
	var r helper.Report
	t.AwaitJSON(ctx, name, t.Scale(startLimit), &r)
	t.Check(slices.Equal(r.Argv, command), fmt.Sprintf("the arguments %q", args), "%q", r.Args)
}

func replyBeforeOutput(ctx context.Context, t *engine.T) {
	resp, err := t.Start(wire.NewRequest(sleeping(ctx, t))).Try(ctx, t.Scale(5*time.Second))
	if err != nil {
		t.Fatalf("the reply while the program has printed nothing", "none in time")
	}
	opened := engine.MustOf[*agentv1.PtyOpenResponse](t, resp)
	engine.Must[*agentv1.PtyCloseResponse](ctx, t.Given(), &agentv1.PtyCloseRequest{PtyId: opened.GetPtyId()})
}

func nothingTyped(ctx context.Context, t *engine.T) {
	// The terminal echoes all that is typed, as the program leaves it alone.
	term := t.HelperTerminal(ctx, "sleep", "60s")
	t.Settle(ctx)
	term.Type(ctx, "x")
	engine.EqualBytes(t, "an empty screen before the first key", term.Given().Until(ctx, "x"), nil)
}

func distinctIDs(ctx context.Context, t *engine.T) {
	a := t.OpenTerminal(ctx, sleeping(ctx, t))
	b := t.OpenTerminal(ctx, sleeping(ctx, t))
	t.Check(a.ID != b.ID, "two pty_ids", "the same twice")
	t.Check(a.Channel.GetChannelId() != b.Channel.GetChannelId(), "two channel_ids", "the same twice")
}

func bytesApart(ctx context.Context, t *engine.T) {
	terms := []*engine.Terminal{t.HelperTerminal(ctx, "pty-echo"), t.HelperTerminal(ctx, "pty-echo")}
	for _, term := range terms {
		term.Given().Until(ctx, helper.ReadyMarker)
	}
	for i, term := range terms {
		term.Type(ctx, helper.BeginMarker+[]string{"first", "second"}[i]+helper.EndMarker)
	}
	for i, term := range terms {
		term.Until(ctx, helper.BeginMarker)
		got := term.Until(ctx, helper.EndMarker)
		engine.Equal(t, "what this terminal was given", string(got), []string{"first", "second"}[i])
	}
}

func missingProgram(ctx context.Context, t *engine.T) {
	resp := t.Call(ctx, &agentv1.PtyOpenRequest{Command: []string{"/no/such/program"}, Cwd: t.Dir(ctx)})
	switch code := resp.GetError().GetCode(); code {
	case agentv1.ErrorCode_ERROR_CODE_NOT_FOUND, agentv1.ErrorCode_ERROR_CODE_OS:
	default:
		t.Errorf("the error NOT_FOUND or OS", "%s", outcome(resp))
	}
}

func leavesNoChannel(ctx context.Context, t *engine.T) {
	live := func(ctx context.Context) int {
		n, err := t.Instance().Relay.LiveChannels(ctx)
		if err != nil {
			t.Harness(err)
		}
		return n
	}
	// That the relay counts at all shows with a terminal that lives.
	term := t.Given().OpenTerminal(ctx, sleeping(ctx, t))
	engine.Equal(t.Given(), "the relay's live channels with one terminal", live(ctx), 1)
	missingProgram(ctx, t)
	term.Close(ctx)
	t.Check(wait.Until(ctx, t.Scale(10*time.Second), func(ctx context.Context) bool { return live(ctx) == 0 }),
		"no channel left", "one at the relay")
}

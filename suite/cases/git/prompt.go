package git

import (
	"context"
	"strings"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

const (
	// answerWithin is far above what git needs for anything here.
	answerWithin = 10 * time.Second
	// promptFor is how long a prompt waits for a person, so that what is left
	// of a broken agent's goes away by itself.
	promptFor = "20s"
)

func promptCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.never-prompts/commit-editor",
			Clause:  "git.never-prompts",
			Needs:   needs,
			Explain: "A commit without a message opens the user's editor, which waits for a person who is not there.",
			Try:     "git config core.editor 'sleep 60; true'; fakeagent call git commit",
			Run:     commitEditor,
		},
		{
			ID:      "git.never-prompts/rebase-editor",
			Clause:  "git.never-prompts",
			Needs:   needs,
			Explain: "An interactive rebase opens an editor too, which is configured under another name.",
			Try:     "git config sequence.editor 'sleep 60; true'; fakeagent call git rebase -i HEAD~",
			Run:     rebaseEditor,
		},
		{
			ID:      "git.never-prompts/password-window",
			Clause:  "git.never-prompts",
			Needs:   needs,
			Explain: "On a desktop git asks for a password in a window; behind an agent nobody sees it, and the pull never ends.",
			Run:     passwordWindow,
		},
		{
			ID:      "git.never-prompts/password-at-the-terminal",
			Clause:  "git.never-prompts",
			Needs:   needs,
			Explain: "An agent that was started in a terminal shares it with git, which asks for a user name there.",
			Run:     passwordAtTerminal,
		},
		{
			ID:      "git.never-prompts/standard-input",
			Clause:  "git.never-prompts",
			Needs:   needs,
			Explain: "Commands that read their input, such as an interactive add, must find its end and not wait.",
			Try:     "fakeagent call git hash-object --stdin",
			Run:     standardInput,
		},
	}
}

// wantAnswer checks that a git operation ends, whatever it says.
func wantAnswer(ctx context.Context, t *engine.T, op agentv1.GitOp, cwd string, args ...string) {
	req := wire.NewRequest(&agentv1.GitRequest{Op: op, Cwd: cwd, Args: args})
	resp, err := t.Start(req).Try(ctx, answerWithin)
	if err != nil {
		t.Logf("%v", err)
		t.MissedIfBusy(ctx)
		t.Fatalf("an answer with nobody to ask", "none")
	}
	t.Logf("exit code %d, stderr %q", resp.GetGit().GetExitCode(), resp.GetGit().GetStderr())
}

// prompt is a shell command that waits for a person.
func prompt(ctx context.Context, t *engine.T) string {
	var quoted []string
	for _, word := range t.Helper(ctx, "sleep", promptFor) {
		quoted = append(quoted, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	return strings.Join(quoted, " ")
}

func commitEditor(ctx context.Context, t *engine.T) {
	r := changedRepo(ctx, t)
	// What git adds to an editor's command is the file to edit.
	r.git(ctx, "config", "core.editor", prompt(ctx, t)+"; true")
	wantAnswer(ctx, t, opCommit, r.dir)
	wantAnswer(ctx, t, opRaw, r.dir, "commit", "--amend")
}

func rebaseEditor(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "a")
	r.commit(ctx, "second", "b")
	r.git(ctx, "config", "sequence.editor", prompt(ctx, t)+"; true")
	wantAnswer(ctx, t, opRaw, r.dir, "rebase", "--interactive", "HEAD~")
}

// askPassword makes git look for a password, with no network: the alias feeds
// it what a refused connection would.
func askPassword(ctx context.Context, t *engine.T, r *repo, askpass string) {
	r.git(ctx, "config", "core.askPass", askpass)
	r.git(ctx, "config", "credential.helper", "")
	r.git(ctx, "config", "alias.ask", `!printf 'protocol=https\nhost=example.invalid\n\n' | git credential fill`)
	wantAnswer(ctx, t, opRaw, r.dir, "ask")
}

func passwordWindow(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	window := t.Path(ctx, "window")
	engine.Must[*agentv1.FsWriteResponse](ctx, t.Given(), &agentv1.FsWriteRequest{
		Path: window, Content: []byte("#!/bin/sh\nexec " + prompt(ctx, t) + "\n"), Mode: 0o755,
	})
	askPassword(ctx, t, r, t.Abs(ctx, window))
}

func passwordAtTerminal(ctx context.Context, t *engine.T) {
	askPassword(ctx, t, newRepo(ctx, t, "repo"), "")
}

func standardInput(ctx context.Context, t *engine.T) {
	r := changedRepo(ctx, t)
	wantAnswer(ctx, t, opRaw, r.dir, "hash-object", "--stdin")
	wantAnswer(ctx, t, opAdd, r.dir, "--patch")
}

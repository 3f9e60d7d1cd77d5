package exec

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

// deadWithin is how long after a timeout a process may live.
const deadWithin = 2 * time.Second

func killCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "exec.timeout-kills-command/dead",
			Clause:  "exec.timeout-kills-command",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "An answer that says timed out while the command works on is worse than none: the caller starts it again.",
			Try:     "fakeagent call exec --limit 1s sleep 60; ps",
			Run:     killsCommand,
		},
		{
			ID:      "exec.timeout-kills-command/that-ignores-term",
			Clause:  "exec.timeout-kills-command",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Some commands ignore a polite signal, by design or because they hang. The limit holds for them, too.",
			Try:     `fakeagent call exec --limit 1s --argv sh -c 'trap "" TERM; sleep 30; sleep 30'; ps`,
			Run:     killsStubbornCommand,
		},
		killCase("exec.timeout-kills-group", "child", "child",
			"A build starts compilers. If only make dies, they go on and hold the files."),
		killCase("exec.timeout-kills-group", "child-that-ignores-term", "child+ignore-term",
			"A descendant that ignores SIGTERM is what fills build machines."),
		killCase("exec.timeout-kills-group", "orphan", "orphan",
			"A descendant whose parent went away is still in the command's group, though no longer in its tree."),
		killCase("exec.timeout-kills-setsid", "session-leader", "setsid",
			"Agents' tools start browsers and servers in sessions of their own; a signal to the group does not reach them."),
		killCase("exec.timeout-kills-setsid", "orphan", "setsid+orphan",
			"A double fork with a new session is how a daemon starts: neither group nor parent leads to it."),
		killCase("exec.timeout-kills-setsid", "session-leader-that-ignores-term", "setsid+ignore-term",
			"A server in its own session that ignores SIGTERM must go as well."),
	}
}

// killCase is about one descendant of the kind, as the helper's tree command
// names it.
func killCase(clause, behaviour, kind, explain string) engine.Case {
	return engine.Case{
		ID:      clause + "/" + behaviour,
		Clause:  clause,
		Needs:   engine.Exec | engine.Filesystem,
		Explain: explain,
		Try:     "fakeagent call exec --limit 1s --argv sh -c 'sleep 60 & sleep 60'; ps; the same with setsid before sleep",
		Run: func(ctx context.Context, t *engine.T) {
			tree := timedOutTree(ctx, t, kind)
			dead(ctx, t, "the descendant", tree.Descendants[0].Ref())
		},
	}
}

func killsCommand(ctx context.Context, t *engine.T) {
	dead(ctx, t, "the command", timedOutTree(ctx, t).Root.Ref())
}

// timedOutTree runs a tree of those kinds into a timeout.
func timedOutTree(ctx context.Context, t *engine.T, kinds ...string) helper.Tree {
	args := []string{"tree", "--file", "tree.json", "--sleep", longLife, "--for", longLife}
	var tree helper.Tree
	if err := json.Unmarshal(intoTimeout(ctx, t, "tree.json", t.Helper(ctx, append(args, kinds...)...)), &tree); err != nil {
		t.Given().Fatalf("the tree's report", "%v", err)
	}
	return tree
}

func killsStubbornCommand(ctx context.Context, t *engine.T) {
	// Whatever of its children is killed, the shell starts the next.
	argv := sh(`trap "" TERM INT HUP; echo $$ >pid.new; mv pid.new pid; for i in 1 2 3 4; do "$@"; done`, t.Helper(ctx, "sleep", "5s")...)
	pid := strings.TrimSpace(string(intoTimeout(ctx, t, "pid", argv)))
	if _, err := strconv.Atoi(pid); err != nil {
		t.Given().Fatalf("the command's pid", "another text")
	}
	dead(ctx, t, "the command", pid)
}

// intoTimeout runs argv, which writes the file when it is ready, with a limit
// that comes after that on this machine, and returns what it wrote.
func intoTimeout(ctx context.Context, t *engine.T, file string, argv []string) []byte {
	given := t.Given()
	for limit := time.Second; limit < 10*time.Second; limit *= 2 {
		given.Check(timed(ctx, given, limit, argv...).GetTimedOut(), "a command that is timed out", "one that is not")
		if content, there := t.Look(ctx, t.Path(ctx, file)); there {
			return content
		}
	}
	given.Fatalf("a command that is ready within its limit", "none")
	return nil
}

// dead checks that a process is dead in time after a timeout, whose answer has
// just come.
func dead(ctx context.Context, t *engine.T, what, ref string) {
	left := engine.Probe[helper.Processes](ctx, t, "alive", "--until-dead", deadWithin.String(), ref)
	if len(left.Living()) > 0 {
		t.MissedIfBusy(ctx)
	}
	t.Check(len(left.Living()) == 0, what+" dead within 2 s of the timeout", "it is alive: %s", left.Running())
}

package path

import (
	"context"
	"path"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

func parentCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "path.parent/exec-cwd-above-the-root",
			Clause:  "path.parent",
			Needs:   engine.Exec,
			Explain: "The agent is no jail: its owner gave the whole machine, and a check for .. only breaks honest paths.",
			Try:     "fakeagent call exec --cwd .. pwd",
			Run:     aboveExecCwd,
		},
		{
			ID:      "path.parent/file-operations-above-the-root",
			Clause:  "path.parent",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "A path may leave the root and come back; stripping the .. would land it on another file.",
			Try:     "fakeagent call ls ..",
			Run:     aboveFiles,
		},
		{
			ID:      "path.parent/exec-cwd-through-a-link",
			Clause:  "path.parent",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "The parent of a linked directory is the parent of its target. An agent that shortens paths as text runs commands in another directory than a shell's cd would.",
			Try:     "fakeagent call exec 'mkdir -p a/b; ln -s a/b link'; fakeagent call exec --cwd link/.. pwd",
			Run:     linkedExecCwd,
		},
		{
			ID:      "path.parent/file-operations-through-a-link",
			Clause:  "path.parent",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "File operations and commands must agree on what link/.. is, or a written file is not the one that gets built.",
			Try:     "fakeagent call exec 'mkdir -p a/b; ln -s a/b link'; fakeagent call ls link/..",
			Run:     linkedFiles,
		},
		{
			ID:      "path.parent/git-cwd-through-a-link",
			Clause:  "path.parent",
			Needs:   engine.Git | engine.Exec,
			Explain: "git must work on the directory that the system makes of link/.., not on one that looks shorter.",
			Try:     "fakeagent call git --cwd link/.. rev-parse --show-toplevel",
			Run:     linkedGitCwd,
		},
		{
			ID:      "path.parent/of-something-missing",
			Clause:  "path.parent",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "missing/.. is an error for the system. An agent that shortens it as text does something that nobody asked for.",
			Try:     "fakeagent call read missing/../file",
			Run:     parentOfMissing,
		},
		{
			ID:      "path.parent/of-a-file",
			Clause:  "path.parent",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "file/.. is no directory for the system, and a caller must learn that its path is wrong.",
			Try:     "fakeagent call read file/../file",
			Run:     parentOfFile,
		},
		{
			ID:      "path.no-virtual-root/paths",
			Clause:  "path.no-virtual-root",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "The session maps /workspace before it asks. An agent that maps it again hides a real directory of that name.",
			Try:     "an fs_read of /workspace/file through any NATS client, with a file of that name in the root",
			Run:     noVirtualRoot,
		},
		{
			ID:      "path.no-virtual-root/command-line",
			Clause:  "path.no-virtual-root",
			Needs:   engine.Exec,
			Explain: "The words of a command line are the caller's: an agent that edits them corrupts scripts and data.",
			Try:     "fakeagent call exec echo /workspace/file",
			Run:     noVirtualRootInArgv,
		},
	}
}

func aboveExecCwd(ctx context.Context, t *engine.T) {
	root := really(ctx, t, ".")
	t.Check(where(ctx, t, "..") == path.Dir(root), "a command in the directory above the root", "one elsewhere")
}

func aboveFiles(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	landsIn(ctx, t, "../"+path.Base(t.Root(ctx))+"/"+dir, ".")
}

// link makes target/inner in the case's directory and a link to it, whose
// parent as text is the case's directory and for the system is target.
func link(ctx context.Context, t *engine.T) (parent string) {
	script(ctx, t, `mkdir target target/inner; ln -s target/inner link`)
	return t.Dir(ctx) + "/link/.."
}

func linkedExecCwd(ctx context.Context, t *engine.T) {
	parent := link(ctx, t)
	want := really(ctx, t, t.Path(ctx, "target"))
	t.Check(where(ctx, t, parent) == want, "a command in the parent of the link's target", "one elsewhere")
}

func linkedFiles(ctx context.Context, t *engine.T) {
	landsIn(ctx, t, link(ctx, t), "target")
}

func linkedGitCwd(ctx context.Context, t *engine.T) {
	gitLandsIn(ctx, t, link(ctx, t), "target")
}

func parentOfMissing(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "old")
	dir := t.Dir(ctx) + "/missing/.."
	t.RefusedAll(ctx, notFound, execIn(dir), readOf(dir+"/file"), writeOf(dir+"/file"), listOf(dir),
		mkdirOf(dir+"/made"), moveFrom(dir+"/file", t.Path(ctx, "moved")), moveTo(t.Path(ctx, "file"), dir+"/moved"),
		removeOf(dir+"/file"))
	t.Check(!t.Exists(ctx, dir+"/file"), "no file behind a directory that is missing", "one that exists")
	engine.Equal(t, "the content of the file beside it", script(ctx, t, `read x <file || :; echo "$x"`), "old\n")
}

func parentOfFile(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "old")
	dir := t.Dir(ctx) + "/file/.."
	t.RefusedAll(ctx, osError, execIn(dir), readOf(dir+"/file"), writeOf(dir+"/file"), listOf(dir),
		mkdirOf(dir+"/made"), statOf(dir+"/file"), removeOf(dir+"/file"))
	engine.Equal(t, "the content of the file itself", script(ctx, t, `read x <file || :; echo "$x"`), "old\n")
}

func noVirtualRoot(ctx context.Context, t *engine.T) {
	file := t.File(ctx, "file", "content")
	dir, mapped := "/workspace/"+t.Dir(ctx), "/workspace/"+file
	if script(ctx, t, `! test -e "$1" || echo real`, mapped) != "" {
		t.Untestable("the agent's root is really at /workspace")
	}
	t.RefusedAll(ctx, notFound, execIn(dir), readOf(mapped), listOf(dir), removeOf(mapped),
		moveFrom(mapped, t.Path(ctx, "moved")))
	t.Check(!t.Exists(ctx, mapped), "nothing at /workspace, where the machine has nothing", "the root's file")
}

func noVirtualRootInArgv(ctx context.Context, t *engine.T) {
	// That words of no meaning to anybody come through is what other clauses say.
	given := t.Given()
	if engine.Equal(given, "other words as they were given", words(ctx, given, "/elsewhere"), "/elsewhere/a /elsewhere/b\n/elsewhere/c") {
		engine.Equal(t, "the words as they were given", words(ctx, t, "/workspace"), "/workspace/a /workspace/b\n/workspace/c")
	}
}

// words is what a command says of an argument, a variable and a line of stdin that
// begin with a path.
func words(ctx context.Context, t *engine.T, root string) string {
	return string(t.Exec(ctx, &agentv1.ExecRequest{
		Command:   []string{"/bin/sh", "-c", `echo "$1 $PROBE"; cat`, "sh", root + "/a"},
		Cwd:       t.Dir(ctx),
		Env:       map[string]string{"PROBE": root + "/b"},
		Stdin:     []byte(root + "/c"),
		TimeoutMs: commandLimit,
	}).GetStdout())
}

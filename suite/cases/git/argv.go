package git

import (
	"context"
	"path"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func argvCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "git.argv/status",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "Control planes parse the status text themselves too, and they parse the one format that has a version.",
			Try:     "fakeagent call git status",
			Run:     argvStatus,
		},
		{
			ID:      "git.argv/status-with-args",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "Arguments narrow a status down; dropping them shows a large tree whole.",
			Run:     argvStatusArgs,
		},
		{
			ID:      "git.argv/diff",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "What changed is the first thing that a reviewer asks, of the working tree or of the index.",
			Try:     "fakeagent call git diff --name-only",
			Run:     argvDiff,
		},
		{
			ID:      "git.argv/log",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "A log is asked for in the caller's own format and length.",
			Try:     "fakeagent call git log -1 --format=%s",
			Run:     argvLog,
		},
		{
			ID:      "git.argv/add",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "Only what was named goes into the index, a path with a blank as one path.",
			Try:     "fakeagent call git add -- 'two words'",
			Run:     argvAdd,
		},
		{
			ID:      "git.argv/commit",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "A message is one argument: blanks, quotes and dollars in it are text.",
			Try:     "fakeagent call git commit -m 'a long message'",
			Run:     argvCommit,
		},
		{
			ID:      "git.argv/branch",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "A branch is made where the tree stands, and nothing else moves.",
			Try:     "fakeagent call git branch topic",
			Run:     argvBranch,
		},
		{
			ID:      "git.argv/checkout",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "Checking out changes the files on the disk, not just a name.",
			Try:     "fakeagent call git checkout topic",
			Run:     argvCheckout,
		},
		{
			ID:      "git.argv/push",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "Work leaves the machine by a push; one that reports success and sends nothing loses it.",
			Run:     argvPush,
		},
		{
			ID:      "git.argv/pull",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "A pull brings what others pushed into the files, which a fetch alone does not.",
			Run:     argvPull,
		},
		{
			ID:      "git.argv/raw-and-unknown-ops",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "What has no number of its own is sent raw; a number from a later revision must not become another command.",
			Try:     "fakeagent call git rev-parse HEAD",
			Run:     argvRaw,
		},
		{
			ID:      "git.argv/args-as-they-are",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "No shell stands between the caller and git: a file called $(reboot) is a file.",
			Try:     "fakeagent call git rev-parse --sq-quote 'a b' '$HOME' '*'",
			Run:     argvVerbatim,
		},
		{
			ID:      "git.argv/stdout-byte-exact",
			Clause:  "git.argv",
			Needs:   needs,
			Explain: "Old versions of pictures are read out of git as well; nothing may be decoded, trimmed or coloured on the way.",
			Try:     "fakeagent call git cat-file blob HEAD:picture.png | cmp - picture.png",
			Run:     argvStdout,
		},
	}
}

// changedRepo has a commit, a change in the working tree, one in the index and
// an untracked file.
func changedRepo(ctx context.Context, t *engine.T) *repo {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "changed", "indexed", "same")
	r.write(ctx, "indexed", "new")
	r.git(ctx, "add", "indexed")
	r.write(ctx, "changed", "new")
	r.write(ctx, "untracked", "new")
	return r
}

// wantStdout checks the text of a command that must succeed.
func wantStdout(ctx context.Context, t *engine.T, op agentv1.GitOp, cwd, want string, args ...string) {
	engine.Equal(t, "as stdout", string(succeed(ctx, t, op, cwd, args...).GetStdout()), want)
}

// wantPrinted compares two runs of a command without quoting them: commit ids
// are in what they print, and those differ from one time to the next.
func wantPrinted(t *engine.T, command string, got, want []byte) {
	engine.Same(t, "what git prints for "+command, string(got), string(want))
}

func argvStatus(ctx context.Context, t *engine.T) {
	r := changedRepo(ctx, t)
	want := r.try(ctx, "status", "--porcelain=v2", "--branch").GetStdout()
	got := succeed(ctx, t, opStatus, r.dir).GetStdout()
	wantPrinted(t, "status --porcelain=v2 --branch", got, want)
}

func argvStatusArgs(ctx context.Context, t *engine.T) {
	r := changedRepo(ctx, t)
	for _, args := range [][]string{{"--untracked-files=no"}, {"--", "changed"}, {"-z"}} {
		want := r.try(ctx, append([]string{"status", "--porcelain=v2", "--branch"}, args...)...).GetStdout()
		got := succeed(ctx, t, opStatus, r.dir, args...).GetStdout()
		wantPrinted(t, "status with "+strings.Join(args, " "), got, want)
	}
}

func argvDiff(ctx context.Context, t *engine.T) {
	r := changedRepo(ctx, t)
	wantStdout(ctx, t, opDiff, r.dir, "changed\n", "--name-only")
	wantStdout(ctx, t, opDiff, r.dir, "indexed\n", "--name-only", "--cached")
	want := r.try(ctx, "diff").GetStdout()
	wantPrinted(t, "diff", succeed(ctx, t, opDiff, r.dir).GetStdout(), want)
}

func argvLog(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "a")
	r.commit(ctx, "second", "b")
	wantStdout(ctx, t, opLog, r.dir, "second\nfirst\n", "--format=%s")
	wantStdout(ctx, t, opLog, r.dir, "second by Agent Proof\n", "-1", "--format=%s by %an")
}

func argvAdd(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	for _, name := range []string{"two words", "words", "other"} {
		r.write(ctx, name, "x")
	}
	succeed(ctx, t, opAdd, r.dir, "--", "two words")
	engine.Equal(t, "as content of the index", r.git(ctx, "ls-files"), "two words")
}

func argvCommit(ctx context.Context, t *engine.T) {
	const message = `it's "one" $HOME; * argument`
	r := changedRepo(ctx, t)
	succeed(ctx, t, opCommit, r.dir, "-m", message)
	engine.Equal(t, "as subject of the commit", r.git(ctx, "log", "-1", "--format=%s"), message)
	engine.Equal(t, "as content of the commit", r.git(ctx, "show", "--name-only", "--format="), "indexed")
}

func argvBranch(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "a")
	succeed(ctx, t, opBranch, r.dir, "topic")
	engine.Equal(t, "as branches", r.git(ctx, "for-each-ref", "--format=%(refname)"), "refs/heads/main\nrefs/heads/topic")
	engine.Equal(t, "as current branch", r.git(ctx, "rev-parse", "--symbolic-full-name", "HEAD"), "refs/heads/main")
}

func argvCheckout(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "a")
	r.git(ctx, "branch", "topic")
	r.commit(ctx, "second", "b")
	succeed(ctx, t, opCheckout, r.dir, "--quiet", "topic")
	engine.Equal(t, "as current branch", r.git(ctx, "rev-parse", "--symbolic-full-name", "HEAD"), "refs/heads/topic")
	t.Check(r.sh(ctx, `test -e b || echo gone`) == "gone", "no file that the branch does not have", "one")
}

// newRemote makes a bare repository and names it origin in r. It returns the
// path that leads to it from r.
func newRemote(ctx context.Context, r *repo) string {
	bare := "../" + path.Base(r.dir) + "-remote"
	r.git(ctx, "init", "--quiet", "--bare", bare)
	r.git(ctx, "remote", "add", "origin", r.t.Abs(ctx, path.Join(r.dir, bare)))
	return bare
}

func argvPush(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	remote := newRemote(ctx, r)
	r.commit(ctx, "first", "a")
	succeed(ctx, t, opPush, r.dir, "--quiet", "origin", "main:refs/heads/pushed")
	want := r.git(ctx, "rev-parse", "HEAD")
	got := r.git(ctx, "--git-dir", remote, "for-each-ref", "--format=%(refname) %(objectname)")
	engine.Same(t, "the commit on the remote's branch", got, "refs/heads/pushed "+want)
}

func argvPull(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	newRemote(ctx, r)
	r.commit(ctx, "first", "a")
	r.commit(ctx, "second", "b")
	r.git(ctx, "push", "--quiet", "origin", "main")
	r.git(ctx, "reset", "--quiet", "--hard", "HEAD~")
	succeed(ctx, t, opPull, r.dir, "--quiet", "origin", "main")
	engine.Equal(t, "the file that was pulled", r.sh(ctx, `! test -e b || cat b`), "b\nsecond")
}

func argvRaw(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	r.commit(ctx, "first", "a")
	for _, op := range []agentv1.GitOp{opRaw, 0, 10, 14, 16, 2047} {
		wantStdout(ctx, t, op, r.dir, "main\n", "rev-parse", "--abbrev-ref", "HEAD")
	}
}

func argvVerbatim(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	args := []string{"two words", "$HOME", "*", "", "a;b|c&d", `back\slash`, "日本", "-n", "~", "{a,b}", "two\nlines"}
	want := ""
	for _, a := range args {
		want += " '" + a + "'"
	}
	wantStdout(ctx, t, opRaw, r.dir, want+"\n", append([]string{"rev-parse", "--sq-quote"}, args...)...)
}

func argvStdout(ctx context.Context, t *engine.T) {
	r := newRepo(ctx, t, "repo")
	for _, content := range [][]byte{helper.Pattern(1, 200_001), []byte("no end of line"), []byte("\r\n\r\n \n")} {
		r.write(ctx, "blob", string(content))
		id := r.git(ctx, "hash-object", "-w", "--no-filters", "blob")
		engine.EqualBytes(t, "the content of the blob", succeed(ctx, t, opRaw, r.dir, "cat-file", "blob", id).GetStdout(), content)
	}
}

package sessions

import (
	"context"
	"path"
	"slices"
	"strings"

	"agentproof/session"
	"agentproof/suite/engine"
)

const fsAndExec = engine.Exec | engine.Filesystem

func pathCases() []engine.Case {
	return []engine.Case{
		{
			ID: "session.path.under-root/write-lands-under-the-working-dir", Clause: "session.path.under-root", Needs: engine.Filesystem,
			Explain: "The model writes to /workspace, a path that no machine has; the file must land in the project.",
			Try:     "echo hi | fakeagent call --workdir project write /workspace/note.txt",
			Run:     underRoot,
		},
		{
			ID: "session.path.root/lists-the-working-dir", Clause: "session.path.root", Needs: engine.Filesystem,
			Explain: "/workspace itself, and no path at all, are the working directory.",
			Try:     "fakeagent call --workdir project ls /workspace",
			Run:     rootIsTheWorkingDir,
		},
		{
			ID: "session.path.relative/lands-under-the-working-dir", Clause: "session.path.relative", Needs: engine.Filesystem,
			Explain: "A bare relative path means the project, not the agent's root beside it.",
			Run:     relative,
		},
		{
			ID: "session.path.absolute/stays-as-it-is", Clause: "session.path.absolute", Needs: engine.Filesystem,
			Explain: "A path that the machine itself named, in a listing or an error, must mean the same when it comes back.",
			Run:     absolute,
		},
		{
			ID: "session.path.absolute/a-name-that-begins-like-the-root", Clause: "session.path.absolute", Needs: engine.Filesystem,
			Explain: "/workspaceX is another directory; a mapping by prefix would send it into the project.",
			Run:     beginsLikeTheRoot,
		},
		{
			ID: "session.path.working-dir/absolute", Clause: "session.path.working-dir", Needs: engine.Filesystem,
			Explain: "A run may be given a directory anywhere on the machine.",
			Run:     absoluteWorkingDir,
		},
		{
			ID: "session.path.empty-working-dir/means-the-agents-root", Clause: "session.path.empty-working-dir", Needs: engine.Filesystem,
			Explain: "Without a working directory the project is the agent's root.",
			Run:     emptyWorkingDir,
		},
		{
			ID: "session.path.textual/parent-is-left-to-the-machine", Clause: "session.path.textual", Needs: engine.Filesystem,
			Explain: "The machine resolves .. with its own links; cleaning the path first would lead elsewhere.",
			Run:     parent,
		},
		{
			ID: "session.path.boundaries/exec-runs-where-files-are", Clause: "session.path.boundaries", Needs: fsAndExec,
			Explain: "A command must find the file that was just written, by the same name.",
			Try:     "fakeagent call --workdir project exec --cwd /workspace pwd",
			Run:     execBoundary,
		},
		{
			ID: "session.path.boundaries/every-file-call", Clause: "session.path.boundaries", Needs: engine.Filesystem,
			Explain: "One call that forgets the mapping reads or deletes a file of somebody else.",
			Run:     everyFileCall,
		},
	}
}

func underRoot(ctx context.Context, t *engine.T) {
	write(ctx, t, in(ctx, t), "/workspace/deep/down/note.txt", "hello")
	holds(ctx, t, t.Path(ctx, "deep/down/note.txt"), "hello")
}

func rootIsTheWorkingDir(ctx context.Context, t *engine.T) {
	t.File(ctx, "here", "")
	for _, p := range []string{"/workspace", ""} {
		entries := ok[[]session.DirEntry](t, "a listing")(in(ctx, t).ListDir(ctx, session.ListDirParams{Path: p}))
		if len(entries) != 1 || entries[0].Name != "here" {
			t.Errorf("the working directory's one file listed", "%d entries", len(entries))
		}
	}
}

func relative(ctx context.Context, t *engine.T) {
	write(ctx, t, in(ctx, t), "note.txt", "hello")
	holds(ctx, t, t.Path(ctx, "note.txt"), "hello")
}

func absolute(ctx context.Context, t *engine.T) {
	name := t.Abs(ctx, t.File(ctx, "note.txt", "hello"))
	s := t.Session(session.Config{WorkingDir: t.Path(ctx, "elsewhere")})
	got := ok[[]byte](t, "a read")(s.ReadFile(ctx, session.ReadFileParams{Path: name}))
	engine.EqualBytes(t, "the file at the absolute path", got, []byte("hello"))
}

func beginsLikeTheRoot(ctx context.Context, t *engine.T) {
	t.File(ctx, "X", "the project's")
	_, err := in(ctx, t).ReadFile(ctx, session.ReadFileParams{Path: "/workspaceX"})
	is(t, err, session.ErrNotExist, "ErrNotExist")
}

func absoluteWorkingDir(ctx context.Context, t *engine.T) {
	s := t.Session(session.Config{WorkingDir: t.Abs(ctx, t.Dir(ctx)) + "/"})
	write(ctx, t, s, "/workspace/note.txt", "hello")
	holds(ctx, t, t.Path(ctx, "note.txt"), "hello")
}

func emptyWorkingDir(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	s := t.Session(session.Config{})
	write(ctx, t, s, "/workspace/"+dir+"/note.txt", "hello")
	holds(ctx, t, path.Join(dir, "note.txt"), "hello")
}

func parent(ctx context.Context, t *engine.T) {
	// Beside the working dir, reached through a link that lies inside it.
	t.File(ctx, "real/inner/keep", "")
	t.File(ctx, "work/keep", "")
	t.Given().Run(ctx, "symlink", "../real/inner", "work/link")
	s := t.Session(session.Config{WorkingDir: t.Path(ctx, "work")})
	write(ctx, t, s, "/workspace/link/../note.txt", "hello")
	holds(ctx, t, t.Path(ctx, "real/note.txt"), "hello")
}

func execBoundary(ctx context.Context, t *engine.T) {
	s := in(ctx, t)
	write(ctx, t, s, "/workspace/sub/note.txt", "hello")
	report := shellQuote(t.Helper(ctx, "report"))
	for _, dir := range []string{"/workspace", "", "/workspace/sub", "sub"} {
		r := ok[session.ExecResult](t, "a command")(s.Exec(ctx, session.ExecParams{Cmd: report, Workdir: dir}))
		got := decodeReport(t, r)
		want := t.Abs(ctx, t.Path(ctx, strings.TrimPrefix(dir, "/workspace")))
		engine.Equal(t, "for "+quoted(dir)+" the directory", t.Instance().Stable(got.Cwd), t.Instance().Stable(want))
	}
}

func everyFileCall(ctx context.Context, t *engine.T) {
	s := in(ctx, t)
	const name = "/workspace/a file.txt"
	write(ctx, t, s, name, "hello")
	engine.EqualBytes(t, "what was read", ok[[]byte](t, "a read")(s.ReadFile(ctx, session.ReadFileParams{Path: name})), []byte("hello"))
	st := ok[session.FileStat](t, "a stat")(s.StatFile(ctx, session.StatFileParams{Path: name}))
	engine.Equal(t, "StatFile to find the file", st.Exists, true)
	engine.Equal(t, "PathExists", ok[bool](t, "a stat")(s.PathExists(ctx, name)), true)
	entries := ok[[]session.DirEntry](t, "a listing")(s.ListDir(ctx, session.ListDirParams{Path: "/workspace"}))
	t.Check(slices.ContainsFunc(entries, func(e session.DirEntry) bool { return e.Name == "a file.txt" && e.Type == session.EntryFile }),
		"the file listed", "a listing without it")
	done(t, "the editor's delete", s.CreateEditor().DeleteFile(ctx, session.DeleteFileParams{Path: name}))
	absent(ctx, t, "the file deleted", t.Path(ctx, "a file.txt"))
}

// shellQuote is argv as one line for a POSIX shell.
func shellQuote(argv []string) string {
	words := make([]string, len(argv))
	for i, w := range argv {
		words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(words, " ")
}

func quoted(s string) string { return `"` + s + `"` }

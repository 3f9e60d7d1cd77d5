package sessions

import (
	"context"
	"encoding/json"

	"agentproof/session"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

// png is the smallest picture there is: one transparent pixel.
const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89" +
	"\x00\x00\x00\rIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"

func operationCases() []engine.Case {
	return []engine.Case{
		{
			ID: "session.op.exec/streams-and-exit-code", Clause: "session.op.exec", Needs: engine.Exec,
			Explain: "A failing build is a result to show the model, not an error of the sandbox.",
			Try:     "fakeagent call exec 'echo out; echo err >&2; exit 3'",
			Run:     streamsAndExitCode,
		},
		{
			ID: "session.op.exec/is-a-shell-line", Clause: "session.op.exec", Needs: engine.Exec,
			Explain: "Models write pipes, quotes and variables; the one string must reach a shell whole.",
			Run:     shellLine,
		},
		{
			ID: "session.op.strings-as-bytes/output-and-content", Clause: "session.op.strings-as-bytes", Needs: fsAndExec,
			Explain: "Bytes that are no UTF-8 must come back as they were, not as replacement characters.",
			Run:     stringsAsBytes,
		},
		{
			ID: "session.op.read-file/max-bytes", Clause: "session.op.read-file", Needs: engine.Filesystem,
			Explain: "A reader that asks for a kilobyte of a log must not be sent all of it.",
			Try:     "fakeagent call read --max-bytes 4 PATH",
			Run:     maxBytes,
		},
		{
			ID: "session.op.write-file/append-and-parents", Clause: "session.op.write-file", Needs: engine.Filesystem,
			Explain: "Parents are made unless the caller says no, and appending keeps what is there.",
			Run:     appendAndParents,
		},
		{
			ID: "session.op.list-dir/types", Clause: "session.op.list-dir", Needs: fsAndExec,
			Explain: "A file tree shows directories, files, and everything else as other: a link is not a file.",
			Run:     listDirTypes,
		},
		{
			ID: "session.op.path-exists/yes-and-no", Clause: "session.op.path-exists", Needs: engine.Filesystem,
			Explain: "A path that does not exist is an answer, not an error.",
			Run:     pathExists,
		},
		{
			ID: "session.op.view-image/by-its-bytes", Clause: "session.op.view-image", Needs: engine.Filesystem,
			Explain: "A picture is known by its first bytes, whatever its name says.",
			Run:     viewImage,
		},
		{
			ID: "session.op.ping/true-and-false", Clause: "session.op.ping",
			Explain: "A probe answers yes or no; it is no place for errors.",
			Try:     "fakeagent call ping",
			Run:     pingTrueAndFalse,
		},
	}
}

func decodeReport(t *engine.T, r session.ExecResult) helper.Report {
	var report helper.Report
	if err := json.Unmarshal([]byte(r.Stdout), &report); err != nil || r.ExitCode != 0 {
		t.Fatalf("the helper's report", "exit code %d and output that is none", r.ExitCode)
	}
	return report
}

func streamsAndExitCode(ctx context.Context, t *engine.T) {
	r := ok[session.ExecResult](t, "a command that exits with 3")(in(ctx, t).Exec(ctx, session.ExecParams{Cmd: "echo out; echo err >&2; exit 3"}))
	engine.Equal(t, "the exit code", r.ExitCode, 3)
	engine.Equal(t, "stdout", r.Stdout, "out\n")
	engine.Equal(t, "stderr", r.Stderr, "err\n")
	engine.Equal(t, "output", r.Output, r.Stdout)
	engine.Equal(t, "timed out", r.TimedOut, false)
}

func shellLine(ctx context.Context, t *engine.T) {
	const line = `x='a  b'; printf '%s|' "$x" 'c"d' | tr a-z A-Z`
	got := ok[string](t, "a command")(in(ctx, t).ExecCommand(ctx, session.ExecCommandParams{Cmd: line}))
	engine.Equal(t, "stdout", got, `A  B|C"D|`)
}

func stringsAsBytes(ctx context.Context, t *engine.T) {
	s := in(ctx, t)
	odd := string(helper.Pattern(7, 1000))
	write(ctx, t, s, "odd.bin", odd)
	data := ok[[]byte](t, "a read")(s.ReadFile(ctx, session.ReadFileParams{Path: "odd.bin"}))
	engine.EqualBytes(t, "the file", data, []byte(odd))
	out := ok[string](t, "a command")(s.ExecCommand(ctx, session.ExecCommandParams{Cmd: "cat odd.bin"}))
	engine.EqualBytes(t, "the command's output", []byte(out), []byte(odd))
}

func maxBytes(ctx context.Context, t *engine.T) {
	t.File(ctx, "log", "0123456789")
	data := ok[[]byte](t, "a read")(in(ctx, t).ReadFile(ctx, session.ReadFileParams{Path: "log", MaxBytes: 4}))
	engine.Equal(t, "the first bytes", string(data), "0123")
}

func appendAndParents(ctx context.Context, t *engine.T) {
	s := in(ctx, t)
	_, err := s.WriteFile(ctx, session.WriteFileParams{Path: "no/parents", Content: []byte("x"), NoParents: true})
	is(t, err, session.ErrNotExist, "ErrNotExist")
	write(ctx, t, s, "a/b/log", "one\n")
	n := ok[uint64](t, "an append")(s.WriteFile(ctx, session.WriteFileParams{Path: "a/b/log", Content: []byte("two\n"), Append: true}))
	engine.Equal(t, "bytes written", n, 4)
	holds(ctx, t, t.Path(ctx, "a/b/log"), "one\ntwo\n")
}

func listDirTypes(ctx context.Context, t *engine.T) {
	t.File(ctx, "file", "")
	t.File(ctx, "dir/deep", "")
	t.Given().Run(ctx, "symlink", "file", "link")
	entries := ok[[]session.DirEntry](t, "a listing")(in(ctx, t).ListDir(ctx, session.ListDirParams{}))
	want := map[string]session.EntryType{"file": session.EntryFile, "dir": session.EntryDir, "link": session.EntryOther}
	engine.Equal(t, "entries", len(entries), len(want))
	for _, e := range entries {
		engine.Equal(t, "the type of "+e.Name, e.Type, want[e.Name])
	}
}

func pathExists(ctx context.Context, t *engine.T) {
	t.File(ctx, "here", "")
	s := in(ctx, t)
	engine.Equal(t, "here", ok[bool](t, "a stat")(s.PathExists(ctx, "here")), true)
	engine.Equal(t, "there", ok[bool](t, "a stat of a missing path")(s.PathExists(ctx, "there")), false)
}

func viewImage(ctx context.Context, t *engine.T) {
	t.File(ctx, "picture.txt", png)
	t.File(ctx, "text.bin", "hello")
	s := in(ctx, t)
	img := ok[session.Image](t, "a picture")(s.ViewImage(ctx, session.ViewImageParams{Path: "/workspace/picture.txt"}))
	engine.Equal(t, "the media type", img.MediaType, "image/png")
	engine.EqualBytes(t, "the picture", img.Data, []byte(png))
	if _, err := s.ViewImage(ctx, session.ViewImageParams{Path: "/workspace/text.bin"}); err == nil {
		t.Errorf("an error for a file that is no picture", "none")
	}
}

func pingTrueAndFalse(ctx context.Context, t *engine.T) {
	engine.Equal(t, "Ping of the agent", t.Session(session.Config{}).Ping(ctx, 12345), true)
	engine.Equal(t, "Ping of nobody", t.Session(session.Config{AgentID: "nobody"}).Ping(ctx, 0), false)
}

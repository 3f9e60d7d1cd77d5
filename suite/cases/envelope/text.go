package envelope

import (
	"context"
	"encoding/hex"
	"errors"
	"path"
	"slices"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// textCases are about bytes of the machine's that no string on the wire can
// hold.
func textCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "envelope.string-utf8/file-names",
			Clause:  "envelope.string-utf8",
			Explain: "One file with an old name from another system must not make its directory unreadable; a mark for each bad byte keeps two such names apart.",
			Try:     `fakeagent call exec 'touch "$(printf "a\377b")"'; fakeagent call ls`,
			Run:     fileNames(false),
		},
		{
			ID:      "envelope.string-utf8/paths-below",
			Clause:  "envelope.string-utf8",
			Explain: "A recursive list repeats the name in a path; repaired in one place only, the reply still cannot be encoded.",
			Run:     fileNames(true),
		},
		{
			ID:      "envelope.string-utf8/git-paths",
			Clause:  "envelope.string-utf8",
			Needs:   engine.Git,
			Explain: "git quotes such names and an agent unquotes them; what comes out must still be text.",
			Run:     gitPaths,
		},
		{
			ID:      "envelope.unencodable/never-silence",
			Clause:  "envelope.unencodable",
			Explain: "A reply that the encoder refuses must become an error: its caller would wait for nothing until its deadline.",
			Run:     unencodable,
		},
	}
}

// badNames maps names on disk to what they are on the wire. No two become the
// same, and each is wrong in a way of its own.
func badNames() map[string]string {
	return map[string]string{
		"lone-\xff-byte":          "lone-\uFFFD-byte",
		"\xfe\xff":                "\uFFFD\uFFFD",
		"cut-\xc3":                "cut-\uFFFD",
		"cut-\xe2\x82-three":      "cut-\uFFFD\uFFFD-three",
		"surrogate-\xed\xa0\x80":  "surrogate-\uFFFD\uFFFD\uFFFD",
		"overlong-\xc0\xae":       "overlong-\uFFFD\uFFFD",
		"beyond-\xf4\x90\x80\x80": "beyond-\uFFFD\uFFFD\uFFFD\uFFFD",
		"fine-ü-€-🦀":              "fine-ü-€-🦀",
	}
}

// makeNames creates a file for each of the bad names in a directory, and
// returns what their names must be on the wire, sorted.
func makeNames(ctx context.Context, t *engine.T, dir string) []string {
	args := []string{"mknames", t.Abs(ctx, dir)}
	var want []string
	for raw, text := range badNames() {
		args = append(args, hex.EncodeToString([]byte(raw)))
		want = append(want, text)
	}
	if r := t.Given().Run(ctx, args...); r.GetExitCode() != 0 {
		t.Untestable("the file system of the agent's machine takes no names but UTF-8")
	}
	slices.Sort(want)
	return want
}

func fileNames(recursive bool) func(context.Context, *engine.T) {
	return func(ctx context.Context, t *engine.T) {
		dir := t.Path(ctx, "names")
		t.Given().Mkdir(ctx, dir)
		want := makeNames(ctx, t, dir)
		listed := dir
		if recursive {
			listed = t.Dir(ctx)
		}
		var names, paths []string
		for _, e := range t.List(ctx, listed, recursive) {
			if e.GetName() == "names" {
				continue
			}
			names = append(names, e.GetName())
			paths = append(paths, path.Base(e.GetPath()))
		}
		slices.Sort(names)
		slices.Sort(paths)
		sameNames(t, "names", names, want)
		sameNames(t, "paths", paths, want)
	}
}

// sameNames names the first difference, in the order of the sorted names.
func sameNames(t *engine.T, what string, got, want []string) {
	if !t.Check(len(got) == len(want), "all entries of the directory by their "+what, "%d of %d", len(got), len(want)) {
		return
	}
	for i := range want {
		engine.Equal(t, "one U+FFFD for each bad byte in "+what, got[i], want[i])
	}
}

func gitPaths(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	resp := t.Given().Call(ctx, &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_RAW, Args: []string{"init", "-q"}, Cwd: dir})
	if resp.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_NOT_FOUND {
		t.Untestable("there is no git on the agent's machine")
	}
	engine.MustOf[*agentv1.GitResponse](t.Given(), resp)
	want := makeNames(ctx, t, dir)
	r := engine.Must[*agentv1.GitResponse](ctx, t, &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_STATUS, Cwd: dir})
	var got []string
	for _, f := range r.GetStatus().GetFiles() {
		got = append(got, f.GetPath())
	}
	slices.Sort(got)
	sameNames(t, "git paths", got, want)
}

// unencodable asks for replies that would hold such names, and judges only
// that they come: as a result, or as the error that the clause names.
func unencodable(ctx context.Context, t *engine.T) {
	dir := t.Dir(ctx)
	makeNames(ctx, t, dir)
	p := t.Start(wire.NewRequest(&agentv1.FsListRequest{Path: dir}))
	resp, err := p.Try(ctx, t.Scale(replyLimit))
	if errors.Is(err, wire.ErrNoReply) {
		t.Fatalf("a reply, be it an error", "silence")
	}
	if e := resp.GetError(); e != nil {
		t.WantError(resp, agentv1.ErrorCode_ERROR_CODE_OS)
	}
}

package envelope

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

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
			Explain: "One file with an old name from another system must not make its directory unreadable; a mark in its place tells people that there is more to it.",
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

// badNames are names on disk, each wrong in a way of its own but the last. No
// two are the same but for their bad bytes.
func badNames() []string {
	return []string{
		"lone-\xff-byte",
		"\xfe\xff",
		"cut-\xc3",
		"cut-\xe2\x82-three",
		"surrogate-\xed\xa0\x80",
		"overlong-\xc0\xae",
		"beyond-\xf4\x90\x80\x80",
		"fine-ü-€-🦀",
	}
}

const mark = "\uFFFD"

// text returns name with one mark for each run of bad bytes.
func text(name string) string { return strings.ToValidUTF8(name, mark) }

// tells reports whether got is what a string on the wire may make of name: one
// or more marks in the place of a run of bad bytes, at most one for each of
// them. Go puts one for each byte, Python and Rust for each maximal subpart.
func tells(got, name string) bool {
	bad := 0
	for i, r := range name {
		if _, size := utf8.DecodeRuneInString(name[i:]); r == utf8.RuneError && size == 1 {
			bad++
		}
	}
	return folded(got) == text(name) && strings.Count(got, mark) <= bad
}

// folded returns s with one mark for several in a row.
func folded(s string) string {
	for strings.Contains(s, mark+mark) {
		s = strings.ReplaceAll(s, mark+mark, mark)
	}
	return s
}

// makeNames creates a file for each of the bad names in a directory, and
// returns the names.
func makeNames(ctx context.Context, t *engine.T, dir string) []string {
	args := []string{"mknames", t.Abs(ctx, dir)}
	names := badNames()
	for _, name := range names {
		args = append(args, hex.EncodeToString([]byte(name)))
	}
	if r := t.Given().Run(ctx, args...); r.GetExitCode() != 0 {
		t.Untestable("the file system of the agent's machine takes no names but UTF-8")
	}
	return names
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
		sameNames(t, "names", names, want)
		sameNames(t, "paths", paths, want)
	}
}

// sameNames names the first name that none of the texts tells.
func sameNames(t *engine.T, what string, texts, names []string) {
	if !t.Check(len(texts) == len(names), "all entries of the directory by their "+what, "%d of %d", len(texts), len(names)) {
		return
	}
	for _, name := range names {
		if !slices.ContainsFunc(texts, func(got string) bool { return tells(got, name) }) {
			t.Errorf(fmt.Sprintf("one or more U+FFFD in the place of the bad bytes of %q in %s", name, what), "no such text")
			return
		}
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

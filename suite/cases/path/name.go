package path

import (
	"context"
	"slices"
	"strings"

	"agentproof/suite/engine"
)

func nameCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "path.unicode/file-names",
			Clause:  "path.unicode",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Names hold spaces, quotes, newlines and every script there is. An agent that cuts or quotes one loses a file.",
			Try:     `echo x | fakeagent call write "it's a \"name\""; fakeagent call ls`,
			Run:     oddFileNames,
		},
		{
			ID:      "path.unicode/file-operations",
			Clause:  "path.unicode",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "Each operation must take an odd name, not only those that create files.",
			Try:     `fakeagent call ls 'a directory of notes'`,
			Run:     oddDirectory,
		},
		{
			ID:      "path.unicode/exec-cwd",
			Clause:  "path.unicode",
			Needs:   engine.Exec | engine.Filesystem,
			Explain: "People keep projects in directories such as “Meine Dokumente”; commands must run there.",
			Try:     `fakeagent call exec --cwd 'a directory of notes' pwd`,
			Run:     oddExecCwd,
		},
		{
			ID:      "path.unicode/git-cwd",
			Clause:  "path.unicode",
			Needs:   engine.Exec | engine.Filesystem | engine.Git,
			Explain: "A repository may live in a directory with an odd name.",
			Try:     `fakeagent call git --cwd 'a directory of notes' status`,
			Run:     oddGitCwd,
		},
	}
}

// oddNames are valid names that careless agents cut, quote or refuse. None is
// another spelling of one beside it, which some file systems take for the same.
func oddNames() []string {
	return []string{
		"two words", " leading", "trailing ", "it's", `a "quote"`, "back\\slash", "new\nline", "tab\tstop", "-dash", "--",
		"semi;colon & pipe|", "$dollar", "star*", "#hash", "100%", "%2e%2e", ".hidden", "...", "a\x01control",
		"größer", "e\u0301 decomposed", "日本語", "עברית", "🦊", "\u202eoverride", "\uFFFD", strings.Repeat("日", 85),
	}
}

// oddName holds what is odd in all of them, in one component of a path.
const oddName = " it's \"odd\"\n\t\\ $HOME * ; größer 日本語 🦊 "

func oddFileNames(ctx context.Context, t *engine.T) {
	names := oddNames()
	for _, name := range names {
		t.Write(ctx, t.Path(ctx, name), []byte(name))
	}
	slices.Sort(names)

	seen := strings.Split(script(ctx, t, `for f in * .[!.]* ..?*; do ! test -e "./$f" || printf '%s/' "$f"; done`), "/")
	seen = slices.DeleteFunc(seen, func(name string) bool { return name == "" })
	sameNames(t, "the files that a command sees", seen, names)

	var listed []string
	for _, e := range t.List(ctx, t.Dir(ctx), false) {
		listed = append(listed, e.GetName())
		engine.Equal(t, "an entry's path", e.GetPath(), e.GetName())
	}
	sameNames(t, "the names in the list", listed, names)
	for _, name := range names {
		engine.Equal(t, "the content of the file with that name", string(t.Read(ctx, t.Path(ctx, name))), name)
	}
}

// sameNames compares sorted names and tells the first that differs.
func sameNames(t *engine.T, what string, got, want []string) {
	slices.Sort(got)
	for _, name := range want {
		if _, found := slices.BinarySearch(got, name); !found {
			t.Errorf(what+" as they were written", "%q is missing", name)
			return
		}
	}
	engine.Equal(t, "the number of "+what, len(got), len(want))
}

func oddDirectory(ctx context.Context, t *engine.T) {
	script(ctx, t, `mkdir "$1"`, oddName)
	landsIn(ctx, t, t.Path(ctx, oddName), oddName)
}

func oddExecCwd(ctx context.Context, t *engine.T) {
	script(ctx, t, `mkdir "$1"`, oddName)
	want := really(ctx, t, t.Dir(ctx)) + "/" + oddName
	t.Check(where(ctx, t, t.Path(ctx, oddName)) == want, "a command in the directory of that name", "one elsewhere")
}

func oddGitCwd(ctx context.Context, t *engine.T) {
	script(ctx, t, `mkdir "$1"`, oddName)
	gitLandsIn(ctx, t, t.Path(ctx, oddName), oddName)
}

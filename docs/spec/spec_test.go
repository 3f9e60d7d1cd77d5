package spec_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"agentproof/docs/spec"
)

var update = flag.Bool("update", false, "rewrite testdata/clauses.golden from the documents")

func load(tb testing.TB) *spec.Spec {
	tb.Helper()
	loaded, err := spec.Load()
	if err != nil {
		tb.Fatal(err)
	}
	return loaded
}

// A clause that is dropped, or whose weight is changed, must show in review as a
// changed line of the golden file.
func TestEveryClauseIsInTheGoldenList(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for _, clause := range load(t).Clauses() {
		fmt.Fprintln(&got, goldenLine(clause))
	}
	path := filepath.Join("testdata", "clauses.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("clauses differ from %s (-golden +documents); after a deliberate change run go test ./docs/spec -update\n%s", path, diff)
	}
}

func goldenLine(c spec.Clause) string {
	line := c.ID + " " + c.Level.String()
	if c.Since != spec.Revision {
		line += ", since " + c.Since
	}
	if c.MustSince != "" {
		line += ", MUST " + c.MustSince
	}
	if c.Unsafe {
		line += ", unsafe"
	}
	return line
}

func TestEveryClauseStandsOnItsOwn(t *testing.T) {
	t.Parallel()
	for _, clause := range load(t).Clauses() {
		at := fmt.Sprintf("%s:%d: %s", clause.File, clause.Line, clause.ID)
		if !strings.HasSuffix(clause.Text, ".") || strings.Count(clause.Text, " ") < 3 {
			t.Errorf("%s: text %q is no sentence", at, clause.Text)
		}
		if strings.Count(clause.Text, "`")%2 != 0 {
			t.Errorf("%s: text %q has an unpaired backtick", at, clause.Text)
		}
		if clause.Section == "" {
			t.Errorf("%s: stands under no heading", at)
		}
		if strings.Contains(clause.Text, "\n") {
			t.Errorf("%s: text is not on one line", at)
		}
	}
}

func TestAClauseIsFoundByItsID(t *testing.T) {
	t.Parallel()
	loaded := load(t)
	for _, want := range loaded.Clauses() {
		got, ok := loaded.Clause(want.ID)
		if !ok {
			t.Errorf("Clause(%q) is not found", want.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Clause(%q) differs (-listed +found)\n%s", want.ID, diff)
		}
	}
	if got, ok := loaded.Clause("exec.telepathy"); ok {
		t.Errorf("Clause of an unknown id = %+v, want none", got)
	}
}

func TestACallerCannotChangeTheSpec(t *testing.T) {
	t.Parallel()
	loaded := load(t)
	first := loaded.Clauses()
	id := first[0].ID
	clear(first)
	if got := loaded.Clauses()[0].ID; got != id {
		t.Errorf("first clause after the caller cleared its slice = %q, want %q", got, id)
	}
}

func TestTheSpecFilesKeepTheirSubjects(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"agent.md":   {"agent"},
		"stream.md":  {"agent", "relay"},
		"session.md": {"session"},
	}
	got := map[string][]string{}
	for _, clause := range load(t).Clauses() {
		if !slices.Contains(got[clause.File], clause.Subject) {
			got[clause.File] = append(got[clause.File], clause.Subject)
		}
	}
	for _, subjects := range got {
		slices.Sort(subjects)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subjects by document (-want +got)\n%s", diff)
	}
}

func TestTheDigestIsThatOfTheFilesAsSha256sumListsThem(t *testing.T) {
	t.Parallel()
	list := sha256.New()
	for _, name := range []string{"agent.md", "stream.md", "session.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(list, "%x  %s\n", sha256.Sum256(text), name)
	}
	want := fmt.Sprintf("%x", list.Sum(nil))
	if got, err := spec.Digest(); err != nil || got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func TestTheReadmeShowsAClauseOfTheSpec(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const shown = "path.empty"
	clause, ok := load(t).Clause(shown)
	if !ok {
		t.Fatalf("the spec has no clause %s", shown)
	}
	want := fmt.Sprintf("> - `%s` %s · %s\n", clause.ID, clause.Level, clause.Text)
	if !strings.Contains(string(readme), want) {
		t.Errorf("README.md does not hold %q", want)
	}
}

func TestLevelAt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		clause   spec.Clause
		revision string
		want     spec.Level
	}{
		{"a plain clause keeps its level at the baseline", spec.Clause{Level: spec.Should, Since: "r0.2"}, "r0.2", spec.Should},
		{"a plain clause keeps its level later", spec.Clause{Level: spec.Should, Since: "r0.2"}, "r0.5", spec.Should},
		{"a raised clause is not yet a MUST at the baseline", spec.Clause{Level: spec.Should, Since: "r0.2", MustSince: "r0.5"}, "r0.2", spec.Should},
		{"a raised clause is a MUST from its revision on", spec.Clause{Level: spec.Should, Since: "r0.2", MustSince: "r0.5"}, "r0.5", spec.Must},
		{"a later clause is not in force at the baseline", spec.Clause{Level: spec.Must, Since: "r0.5"}, "r0.2", 0},
		{"a later clause is in force at its revision", spec.Clause{Level: spec.Must, Since: "r0.5"}, "r0.5", spec.Must},
		{"no clause is in force at an unknown revision", spec.Clause{Level: spec.Must, Since: "r0.2"}, "r9.9", 0},
		{"no clause is in force at an empty revision", spec.Clause{Level: spec.Must, Since: "r0.2"}, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.clause.LevelAt(tt.revision); got != tt.want {
				t.Errorf("LevelAt(%q) = %v, want %v", tt.revision, got, tt.want)
			}
		})
	}
}

func TestLevelTextRoundTrips(t *testing.T) {
	t.Parallel()
	for level, want := range map[spec.Level]string{spec.Must: "must", spec.Should: "should", spec.May: "may"} {
		text, err := level.MarshalText()
		if err != nil || string(text) != want {
			t.Errorf("%v.MarshalText() = %q, %v, want %q", level, text, err, want)
		}
		var back spec.Level
		if err := back.UnmarshalText(text); err != nil || back != level {
			t.Errorf("UnmarshalText(%q) gives %v, %v, want %v", text, back, err, level)
		}
	}
	if text, err := spec.Level(0).MarshalText(); err == nil {
		t.Errorf("the zero level encodes as %q, want an error", text)
	}
	if err := new(spec.Level).UnmarshalText([]byte("MUSTARD")); err == nil {
		t.Error("an unknown level decodes, want an error")
	}
}

package spec

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseReadsClauses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		source string
		want   []Clause
	}{
		{
			"a plain clause under its heading",
			"# Title\n\n## Exec\n\n- `exec.cwd` MUST · The command runs in `cwd`.\n",
			[]Clause{{ID: "exec.cwd", Level: Must, Section: "Exec", Text: "The command runs in `cwd`.", Line: 5}},
		},
		{
			"a text that goes on over indented lines, until a blank one",
			"- `exec.cwd` SHOULD · The command\n  runs in\n  `cwd`.\n\n  Not this.\n",
			[]Clause{{ID: "exec.cwd", Level: Should, Text: "The command runs in `cwd`.", Line: 1}},
		},
		{
			"clauses line upon line, between prose items",
			"- Prose with `code`.\n- `a.b` MAY · One is here.\n- More prose.\n- `a.c` MAY · Two.\n  Still two.\n",
			[]Clause{
				{ID: "a.b", Level: May, Text: "One is here.", Line: 2},
				{ID: "a.c", Level: May, Text: "Two. Still two.", Line: 4},
			},
		},
		{
			"every mark at once",
			"- `a.b` SHOULD, MUST r0.5, unsafe (alias: a.old-one, a.older) · It is so · really.\n",
			[]Clause{{
				ID: "a.b", Aliases: []string{"a.old-one", "a.older"}, Level: Should, MustSince: "r0.5", Unsafe: true,
				Text: "It is so · really.", Line: 1,
			}},
		},
		{
			"a clause of a later revision",
			"- `a.b` MUST, since r0.5 · It is so.\n",
			[]Clause{{ID: "a.b", Level: Must, Since: "r0.5", Text: "It is so.", Line: 1}},
		},
		{
			"the relay's and the session's clauses know their subject",
			"- `relay.order` MUST · It is so.\n- `session.path.root` MUST · It is so.\n",
			[]Clause{
				{ID: "relay.order", Level: Must, Subject: "relay", Text: "It is so.", Line: 1},
				{ID: "session.path.root", Level: Must, Subject: "session", Text: "It is so.", Line: 2},
			},
		},
		{
			"lines that end as on Windows",
			"## Exec\r\n- `a.b` MUST · It is\r\n  so.\r\n",
			[]Clause{{ID: "a.b", Level: Must, Section: "Exec", Text: "It is so.", Line: 2}},
		},
		{"nothing inside a code block", "```\n- `a.b` MUST · It is so.\n```\n", nil},
		{"nothing in an empty document", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for i := range tt.want {
				tt.want[i].File = "x.md"
				tt.want[i].Since = max(tt.want[i].Since, Revision)
				if tt.want[i].Subject == "" {
					tt.want[i].Subject = "agent"
				}
			}
			got, err := parse("x.md", tt.source)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("clauses (-want +got)\n%s", diff)
			}
		})
	}
}

func TestParseRefusesWhatOnlyLooksLikeAClause(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		line   string
		reason string
	}{
		{"an unknown level", "- `a.b` SHALL · It is so.", `unknown level "SHALL"`},
		{"a level in lower case", "- `a.b` must · It is so.", `unknown level "must"`},
		{"no level", "- `a.b` · It is so.", "does not begin with a clause id"},
		{"no separator", "- `a.b` MUST It is so.", `needs " · "`},
		{"a hyphen for the separator", "- `a.b` MUST - It is so.", `needs " · "`},
		{"no text", "- `a.b` MUST ·  ", "no text"},
		{"an id of one word", "- `exec` MUST · It is so.", "does not begin with a clause id"},
		{"an id with a capital", "- `Exec.cwd` MUST · It is so.", "does not begin with a clause id"},
		{"an id with an empty word", "- `exec..cwd` MUST · It is so.", "does not begin with a clause id"},
		{"a numbered id", "- `exec.1` MUST · It is so.", "does not begin with a clause id"},
		{"an unclosed id", "- `exec.cwd MUST · It is so.", "does not begin with a clause id"},
		{"two ids", "- `a.b`, `a.c` MAY · They are so.", "does not begin with a clause id"},
		{"an unknown mark", "- `a.b` MUST, dangerous · It is so.", `mark "dangerous"`},
		{"a mark twice", "- `a.b` MUST, unsafe, unsafe · It is so.", `mark "unsafe"`},
		{"a raise of what is a MUST already", "- `a.b` MUST, MUST r0.5 · It is so.", `mark "MUST r0.5"`},
		{"a raise at an unknown revision", "- `a.b` SHOULD, MUST r0.4 · It is so.", `mark "MUST r0.4"`},
		{"a raise at the revision of its birth", "- `a.b` SHOULD, since r0.5, MUST r0.5 · It is so.", "write MUST alone"},
		{"an unclosed alias", "- `a.b` MUST (alias: a.c · It is so.", "malformed alias"},
		{"an alias that is no id", "- `a.b` MUST (alias: old) · It is so.", "malformed alias"},
		{"another bullet", "* `a.b` MUST · It is so.", "in the first column"},
		{"an indented bullet", "  - `a.b` MUST · It is so.", "in the first column"},
		{"a numbered bullet", "1. `a.b` MUST · It is so.", "in the first column"},
		{"a clause inside a paragraph", "Words. `a.b` MUST · It is so.", "its own list item"},
		{"a clause after a clause", "- `a.b` MUST · It is so. `a.c` SHOULD · And so.", "its own list item"},
		{"a clause in a table", "| `a.b` MUST | It is so. |", "its own list item"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse("x.md", "# Title\n\n"+tt.line+"\n")
			syntax, ok := errors.AsType[*SyntaxError](err)
			if !ok {
				t.Fatalf("parse gives %+v and error %v, want a *SyntaxError", got, err)
			}
			if syntax.File != "x.md" || syntax.Line != 3 {
				t.Errorf("the error is at %s:%d, want x.md:3", syntax.File, syntax.Line)
			}
			if !strings.Contains(syntax.Error(), tt.reason) {
				t.Errorf("error %q does not say %q", syntax, tt.reason)
			}
			if len(got) != 0 {
				t.Errorf("clauses = %+v, want none", got)
			}
		})
	}
}

func TestParseRefusesTextThatWouldBeLost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, source, want string
	}{
		{"a clause that goes on without indent", "- `a.b` MUST · It is\nso.\n", "x.md:2: a line that continues a clause must be indented by two spaces"},
		{"a clause swallowed by a text that goes on", "- `a.b` MUST · It is so.\n  `a.c` MAY · And so.\n", "x.md:2: a clause must begin its own list item"},
		{"a code block without end", "```\n- `a.b` MUST · It is so.\n", "x.md:2: the code block is never closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := parse("x.md", tt.source); err == nil || err.Error() != tt.want {
				t.Errorf("parse error = %v, want %s", err, tt.want)
			}
		})
	}
}

func TestParseReportsEveryBreakAtOnce(t *testing.T) {
	t.Parallel()
	got, err := parse("x.md", "- `a.b` SHALL · One.\n- `a.c` MUST · Two.\n- `a.d` WILL · Three.\n")
	if err == nil || strings.Count(err.Error(), "unknown level") != 2 {
		t.Errorf("parse error = %v, want two unknown levels", err)
	}
	if len(got) != 1 || got[0].ID != "a.c" {
		t.Errorf("clauses = %+v, want a.c alone", got)
	}
}

func TestIndexRefusesAnIDTakenTwice(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, source, taken string
	}{
		{"two clauses", "- `a.b` MUST · One.\n- `a.b` MUST · Two.\n", "a.b"},
		{"an alias of a present id", "- `a.b` MUST · One.\n- `a.c` MUST (alias: a.b) · Two.\n", "a.b"},
		{"two aliases", "- `a.b` MUST (alias: a.z) · One.\n- `a.c` MUST (alias: a.z) · Two.\n", "a.z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			clauses, err := parse("x.md", tt.source)
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("x.md:2: id %q is already taken at x.md:1", tt.taken)
			if _, err := index(clauses); err == nil || err.Error() != want {
				t.Errorf("index error = %v, want %s", err, want)
			}
		})
	}
}

func TestAnEarlierIDFindsTheRenamedClause(t *testing.T) {
	t.Parallel()
	clauses, err := parse("x.md", "- `a.new` MUST (alias: a.old) · It is so.\n")
	if err != nil {
		t.Fatal(err)
	}
	indexed, err := index(clauses)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := indexed.Clause("a.old"); !ok || got.ID != "a.new" {
		t.Errorf("Clause(a.old) = %+v, %t, want the clause a.new", got, ok)
	}
}

func FuzzParse(f *testing.F) {
	// Short seeds only: minimizing an input of a whole document's size takes the
	// fuzzer longer than finding one.
	f.Add("## Exec\n\nWords.\n\n- `exec.cwd` MUST · It runs in `cwd`.\n- Prose.\n")
	f.Add("- `a.b` SHOULD, MUST r0.5, unsafe (alias: a.c) · It is\n  so.\n")
	f.Add("```\n- `a.b` MUST · Not here.")
	f.Fuzz(func(t *testing.T, source string) {
		clauses, err := parse("x.md", source)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("parse error %v is no *SyntaxError", err)
			}
		}
		lines := strings.Split(source, "\n")
		for _, clause := range clauses {
			if clause.Level.String() == "none" || clause.Text == "" || !idPattern.MatchString(clause.ID) {
				t.Fatalf("parse accepted %+v", clause)
			}
			if clause.Line < 1 || clause.Line > len(lines) || !strings.HasPrefix(lines[clause.Line-1], "- `"+clause.ID+"` ") {
				t.Fatalf("clause %s is not on line %d", clause.ID, clause.Line)
			}
		}
	})
}

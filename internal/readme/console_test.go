package readme_test

import (
	"slices"
	"testing"

	"agentproof/internal/readme"
)

func TestSteps(t *testing.T) {
	t.Parallel()
	const doc = "# Title\n" +
		"$ not a command\n" +
		"```go\n$ nor this\n```\n" +
		"```console\n" +
		"$ one --flag\n" +
		"its output\n" +
		"\n" +
		"  more of it\n" +
		"$ two \\\n" +
		"    goes on\n" +
		"$ three\n" +
		"```\n" +
		"```\n$ plain\n```\n" +
		"```console\n$ four\n```\n"
	got, err := readme.Steps(doc)
	want := []readme.Step{
		{Line: 7, Command: "one --flag", Output: "its output\n\n  more of it\n"},
		{Line: 11, Command: "two \\\n    goes on"},
		{Line: 13, Command: "three"},
		{Line: 19, Command: "four"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if _, err := readme.Steps("```console\noutput\n```\n"); err == nil {
		t.Error("output without a command was accepted")
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		said, got string
		want      bool
	}{
		{"the same text", "a\nb\n", "a\nb\n", true},
		{"another text", "a\n", "b\n", false},
		{"nothing", "", "", true},
		{"something where nothing was said", "", "a\n", false},
		{"more than was said", "a\n", "a\nb\n", false},
		{"less than was said", "a\nb\n", "a\n", false},
		{"a missing last newline", "a\n", "a", true},
		{"blanks at the ends of lines", "a\nb\n", "a  \nb\t\n", true},
		{"blanks within a line", "a b\n", "a  b\n", false},
		{"an ellipsis within a line", "took … ms\n", "took 12.5 ms\n", true},
		{"an ellipsis for no text", "a…b\n", "ab\n", true},
		{"an ellipsis does not cross lines", "a…b\n", "a\nb\n", false},
		{"an ellipsis for lines", "a\n…\nz\n", "a\nb\nc\nz\n", true},
		{"an ellipsis for no lines", "a\n…\nz\n", "a\nz\n", true},
		{"an indented ellipsis for lines", "a\n  …\nz\n", "a\nb\nz\n", true},
		{"an ellipsis for all the rest", "a\n…\n", "a\nb\nc\n", true},
		{"what follows an ellipsis must come", "a\n…\nz\n", "a\nb\n", false},
		{"what looks like a pattern is none", "a.*[b]\n", "a.*[b]\n", true},
		{"a dot is a dot", "a.b\n", "axb\n", false},
		{"a terminal's line ends", "a\nb\n", "a\r\nb\r\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := readme.Matches(tt.said, tt.got); got != tt.want {
				t.Errorf("Matches(%q, %q) = %t", tt.said, tt.got, got)
			}
		})
	}
}

func FuzzMatches(f *testing.F) {
	f.Add("a\n…\nb…c\n")
	f.Add("[(\\")
	f.Fuzz(func(t *testing.T, text string) {
		if !readme.Matches("…\n", text) {
			t.Errorf("an ellipsis does not stand for %q", text)
		}
	})
}

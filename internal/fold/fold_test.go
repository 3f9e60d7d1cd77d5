package fold_test

import (
	"testing"

	"agentproof/internal/fold"
)

func TestText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		width       int
		label, text string
		want        string
	}{
		{"a short text stays on its line", 20, "why  ", "so it is", "why  so it is\n"},
		{"a long text is folded behind its label", 12, "why  ", "one two three four", "why  one two\n     three\n     four\n"},
		{"a line may be as wide as the width", 8, "- ", "ab cde f", "- ab cde\n  f\n"},
		{"characters count, not bytes", 8, "→ ", "äö üäö ü", "→ äö üäö\n  ü\n"},
		{"a word that is too long is not cut", 6, "- ", "a abcdefghi b", "- a\n  abcdefghi\n  b\n"},
		{"white space is only what separates words", 20, "- ", "  a\n\tb  ", "- a b\n"},
		{"nothing is a label alone", 20, "- ", "", "- \n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := fold.Text(tt.width, tt.label, tt.text); got != tt.want {
				t.Errorf("got\n%q, want\n%q", got, tt.want)
			}
		})
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		text   string
		want   string
		before int
	}{
		{"a short text is all of it", "a\nb\n", "a\nb", 0},
		{"a long text is its end", "a\nb\nc\nd", "c\nd", 2},
		{"blank lines within it count", "a\n\nc\n\n\n", "\nc", 1},
		{"nothing is nothing", "", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, before := fold.Tail(tt.text, 2); got != tt.want || before != tt.before {
				t.Errorf("got %q after %d lines", got, before)
			}
		})
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"naïve 世界 🙂\tand\nmore":     "naïve 世界 🙂\tand\nmore",
		"\x1b]0;title\a\x00\r\x7f":  `\x1b]0;title\a\x00\r\x7f`,
		"C1 \u009b2J, bidi \u202e":  `C1 \u009b2J, bidi \u202e`,
		"no UTF-8 \xff, but \ufffd": `no UTF-8 \xff, but ` + "\ufffd",
	} {
		if got := fold.Printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

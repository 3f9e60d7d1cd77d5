package fold_test

import (
	"testing"

	"agentproof/internal/fold"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"plain text is unchanged", "a\tb\nc\n", "a\tb\nc\n"},
		{"colours", "\x1b[2m10:04\x1b[0m \x1b[38;5;9mERROR\x1b[m no\n", "10:04 ERROR no\n"},
		{"an eight-bit CSI", "\u009b31mred", "red"},
		{"a title and a link", "\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\", "ab"},
		{"two-character escapes", "\x1b(Ba\x1bMb", "ab"},
		{"a progress bar", "10 %\r50 %\r100 %\nnext", "100 %\nnext"},
		{"Windows line ends", "a\r\nb\r\n", "a\nb\n"},
		{"a sequence that is cut at the end", "a\x1b", "a\x1b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := fold.Plain(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

package report

import "strings"

// Printable is text from a subject that is safe to print. It replaces control
// characters, which could upset a terminal, those that reorder or hide what
// stands beside them, and what XML 1.0 cannot hold, even escaped: one ESC makes
// a whole file unreadable.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case misleading(r):
			return '\uFFFD'
		case r == '\t' || r == '\n', r >= 0x20 && r < 0x7F, r >= 0xA0 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000 && r <= 0x10FFFF:
			return r
		default:
			return '\uFFFD'
		}
	}, s)
}

// Line is Printable for text that has to stay on its line.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return '\uFFFD'
		}
		return r
	}, Printable(s))
}

// misleading reports whether a character changes how others are shown: marks,
// embeddings, overrides and isolates of bidirectional text, separators that
// begin a line, and characters without width.
func misleading(r rune) bool {
	switch {
	case r == 0x061C, r == 0x200E, r == 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, // bidirectional text
		r == 0x2028, r == 0x2029, // line and paragraph separator
		r == 0x200B, r == 0x2060, r == 0xFEFF: // no width
		return true
	default:
		return false
	}
}

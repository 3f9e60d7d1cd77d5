package report

import "strings"

// Printable is text from a subject that is safe to print. It replaces control
// characters, which could upset a terminal, and what XML 1.0 cannot hold, even
// escaped: one ESC makes a whole file unreadable.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n', r >= 0x20 && r < 0x7F, r >= 0xA0 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000 && r <= 0x10FFFF:
			return r
		default:
			return '\uFFFD'
		}
	}, s)
}

// Package fold breaks text into lines for people to read.
package fold

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text puts text behind a label and folds it at width columns, indented to stay
// behind the label. Words are never cut, so that a long one can be copied whole.
// The result ends in a newline.
func Text(width int, label, text string) string {
	indent := utf8.RuneCountInString(label)
	var b strings.Builder
	b.WriteString(label)
	column := indent
	for i, word := range strings.Fields(text) {
		size := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+size > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += size
	}
	return b.String() + "\n"
}

// Tail is the last n lines of text, without the newline at its end, and how many
// lines there are before them.
func Tail(text string, n int) (tail string, before int) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	before = max(0, len(lines)-n)
	return strings.Join(lines[before:], "\n"), before
}

// Printable returns text that may come from elsewhere, such as an agent's error
// message, with everything that a terminal would act on as an escape. Newlines
// and tabs stay.
func Printable(text string) string {
	plain := func(r rune) bool { return r == '\n' || r == '\t' || unicode.IsPrint(r) }
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, rest[0])
		case plain(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		rest = rest[size:]
	}
	return b.String()
}

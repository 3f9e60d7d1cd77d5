package script

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

// glob is a pattern: "*" stands for any text, "?" for one character, and "\"
// makes the next character stand for itself.
type glob struct {
	text string
	re   *regexp.Regexp
}

func (g glob) matches(s string) bool { return g.re.MatchString(s) }

// wordGlob matches text that has no parts.
func wordGlob(pattern string) (glob, error) { return compile(pattern, ".*", ".") }

// pathGlob matches slash-separated paths: "*" and "?" stay within one
// component, "**" stands for any number of them, and "dir/**" is dir too.
func pathGlob(pattern string) (glob, error) { return compile(pattern, "[^/]*", "[^/]") }

func compile(pattern, any, one string) (glob, error) {
	paths := any != ".*"
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for rest := pattern; rest != ""; {
		switch {
		case paths && rest == "/**" && len(rest) < len(pattern):
			b.WriteString("(?:/.*)?")
			rest = ""
		case paths && strings.HasPrefix(rest, "**/") && startsComponent(pattern, rest):
			b.WriteString("(?:.*/)?")
			rest = rest[len("**/"):]
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			rest = strings.TrimLeft(rest, "*")
		case rest[0] == '*':
			b.WriteString(any)
			rest = rest[1:]
		case rest[0] == '?':
			b.WriteString(one)
			rest = rest[1:]
		case rest == `\`:
			return glob{}, errors.New(`ends in "\", which stands before the character that it takes the meaning from`)
		default:
			rest = strings.TrimPrefix(rest, `\`)
			_, size := utf8.DecodeRuneInString(rest)
			b.WriteString(regexp.QuoteMeta(rest[:size]))
			rest = rest[size:]
		}
	}
	re, err := regexp.Compile(b.String() + `\z`)
	if err != nil { // as for a pattern of many thousand characters
		return glob{}, errors.New("is too long")
	}
	return glob{pattern, re}, nil
}

// startsComponent tells whether rest, an end of pattern, begins a path
// component.
func startsComponent(pattern, rest string) bool {
	before := pattern[:len(pattern)-len(rest)]
	return before == "" || strings.HasSuffix(before, "/")
}

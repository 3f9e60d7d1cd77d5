//go:build unix

package main

import (
	"regexp"
	"strings"
)

// style is how text looks.
type style struct {
	bold, faint bool
	color       string // an SGR colour, such as "31"; empty is the usual one
}

// span is text of one style, and a line is spans.
type (
	span struct {
		text  string
		style style
	}
	line []span
)

var escape = regexp.MustCompile(`\x1b\[([0-9;]*)([A-Za-z])`)

// screen is what a terminal shows in the end. It knows what conformance
// writes: colours, and lines that are erased and written again.
func screen(text string) []line {
	var lines []line
	var now style
	text = strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for row := range strings.SplitSeq(text, "\n") {
		if at := strings.LastIndex(row, "\r\x1b[K"); at >= 0 {
			row = row[at+len("\r\x1b[K"):]
		}
		var l line
		add := func(s string) {
			if s != "" {
				l = append(l, span{s, now})
			}
		}
		for {
			m := escape.FindStringSubmatchIndex(row)
			if m == nil {
				break
			}
			add(row[:m[0]])
			if row[m[4]:m[5]] == "m" {
				now = now.with(row[m[2]:m[3]])
			}
			row = row[m[1]:]
		}
		add(row)
		lines = append(lines, l)
	}
	return lines
}

// with is the style after an SGR sequence.
func (s style) with(codes string) style {
	for code := range strings.SplitSeq(codes, ";") {
		switch code {
		case "", "0":
			s = style{}
		case "1":
			s.bold = true
		case "2":
			s.faint = true
		case "31", "32", "33", "34", "35", "36":
			s.color = code
		}
	}
	return s
}

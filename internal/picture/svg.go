//go:build unix

package main

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// Sizes in pixels: the advance of a monospaced character of 14 px is 8.43 in
// most fonts, and every span says how long it is, so that columns align in all.
const (
	advance    = 8.43
	lineHeight = 20
	margin     = 18
)

// svg draws lines on a terminal of so many columns.
func svg(lines []line, columns int) string {
	width := float64(columns)*advance + 2*margin
	height := len(lines)*lineHeight + 2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14" fill="#c9d1d9">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%.0f" height="%d" rx="8" fill="#0d1117"/>`+"\n", width, height)
	for i, l := range lines {
		column := 0
		for _, s := range l {
			n := utf8.RuneCountInString(s.text)
			if strings.TrimSpace(s.text) != "" {
				fmt.Fprintf(&b, `<text xml:space="preserve" x="%.1f" y="%d" textLength="%.1f"%s>%s</text>`+"\n",
					margin+float64(column)*advance, margin+(i+1)*lineHeight-5, float64(n)*advance, s.style.attributes(), html.EscapeString(s.text))
			}
			column += n
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (s style) attributes() string {
	var b strings.Builder
	if s.color != "" {
		fmt.Fprintf(&b, ` fill="%s"`, hex(s.color))
	}
	if s.bold {
		b.WriteString(` font-weight="bold"`)
	}
	if s.faint {
		b.WriteString(` fill-opacity="0.6"`)
	}
	return b.String()
}

// hex is an SGR colour as it looks on a dark ground.
func hex(sgr string) string {
	switch sgr {
	case "31":
		return "#ff7b72"
	case "32":
		return "#7ee787"
	case "33":
		return "#e3b341"
	case "34":
		return "#79c0ff"
	case "35":
		return "#d2a8ff"
	default:
		return "#76e3ea"
	}
}

// Package readme proves that the commands in the project's documents do what
// the documents say. Its tests run every fenced console block.
package readme

import (
	"fmt"
	"regexp"
	"strings"
)

// A Step is one command of a console block and what it is said to print.
type Step struct {
	Line    int // in the document, from 1
	Command string
	Output  string // lines, each with its newline; see Matches
}

// Steps returns the commands of all console blocks of a Markdown document, in
// order. A block's lines that begin with "$ " are commands, those that follow
// a backslash belong to the one before, and all others are output.
func Steps(document string) ([]Step, error) {
	var steps []Step
	inside, more := false, false
	n := 0
	for line := range strings.Lines(document) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if fence, ok := strings.CutPrefix(line, "```"); ok {
			inside, more = !inside && fence == "console", false
			continue
		}
		if !inside {
			continue
		}
		command, ok := strings.CutPrefix(line, "$ ")
		switch last := len(steps) - 1; {
		case more:
			steps[last].Command += "\n" + line
		case ok:
			steps = append(steps, Step{Line: n, Command: command})
		case last < 0:
			return nil, fmt.Errorf("line %d: output before any command", n)
		default:
			steps[last].Output += line + "\n"
			continue
		}
		more = strings.HasSuffix(line, `\`)
	}
	return steps, nil
}

// Matches tells whether got is what a document says. "…" stands for any text
// within a line, and a line of nothing else for any lines, none included.
// White space at the end of a line does not count.
func Matches(said, got string) bool {
	var pattern strings.Builder
	pattern.WriteString(`^`)
	for line := range strings.Lines(said) {
		line = strings.TrimRight(line, " \n")
		if strings.TrimSpace(line) == "…" {
			pattern.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		parts := strings.Split(line, "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		pattern.WriteString(strings.Join(parts, `[^\n]*?`) + `[ \t]*\n`)
	}
	pattern.WriteString(`$`)
	if got != "" && !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	return regexp.MustCompile(pattern.String()).MatchString(strings.ReplaceAll(got, "\r\n", "\n"))
}

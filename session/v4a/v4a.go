// Package v4a applies V4A diffs: headerless patches for one file, as models
// write them. Lines are found by their text, not by number, and white space
// may differ. All functions are pure and safe for concurrent use.
package v4a

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

const (
	endOfFile = "*** End of File"
	section   = "@@"
)

// ErrOverlap is wrapped by the error of Update for a diff whose changes
// overlap, or lie beyond the content.
var ErrOverlap = errors.New("changes overlap")

// A SyntaxError is a line that has no place in a diff.
type SyntaxError struct {
	Line   int    // from 1; one past the last when the diff ends too early
	Text   string // the line; empty at the end
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("diff line %d: %s: %q", e.Line, e.Reason, e.Text)
}

// A MatchError is a pattern, the context and removed lines of a section, that
// the content does not hold where the section may apply.
type MatchError struct {
	Pattern []string
	// AtEndOfFile: the section ends in an end-of-file marker.
	AtEndOfFile bool
}

func (e *MatchError) Error() string {
	where := "in the rest of the file"
	if e.AtEndOfFile {
		where = "at the end of the file"
	}
	return fmt.Sprintf("context not found %s:\n%s", where, strings.Join(e.Pattern, "\n"))
}

// Create returns the content that a diff of added lines describes; an empty
// diff describes an empty file. No final newline is added. The error is a
// *SyntaxError.
func Create(diff string) (string, error) {
	var content []string
	for i, line := range splitDiff(diff) {
		if isTerminator(line) {
			break
		}
		added, ok := strings.CutPrefix(line, "+")
		if !ok {
			return "", &SyntaxError{Line: i + 1, Text: line, Reason: "a line of a new file starts with +"}
		}
		content = append(content, added)
	}
	return strings.Join(content, "\n"), nil
}

// Update returns content with the diff applied to it. Lines that stay keep
// their bytes, also where the diff shows other white space. Errors: a
// *SyntaxError, a *MatchError, or one that wraps ErrOverlap.
func Update(content, diff string) (string, error) {
	lines := strings.Split(content, "\n")
	chunks, err := locate(lines, splitDiff(diff))
	if err != nil {
		return "", err
	}
	return applyChunks(lines, chunks)
}

// IsSpace reports whether r is white space to ECMAScript's trim, whose idea
// the format follows: unicode.IsSpace plus U+FEFF, less U+0085.
func IsSpace(r rune) bool {
	return r == '\ufeff' || r != '\u0085' && unicode.IsSpace(r)
}

// splitDiff takes the diff apart and drops the carriage returns of its own
// line ends. The second one of a pair goes too: it is what a CRLF file's line
// leaves in a diff that was itself sent with CRLF.
func splitDiff(diff string) []string {
	lines := strings.Split(diff, "\n")
	last := len(lines) - 1
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		if i != last {
			line = strings.TrimSuffix(line, "\r")
		}
		lines[i] = line
	}
	if lines[last] == "" {
		lines = lines[:last]
	}
	return lines
}

// isTerminator reports whether the diff ends before line: patches for several
// files follow one another.
func isTerminator(line string) bool {
	for _, prefix := range []string{"*** End Patch", "*** Update File:", "*** Delete File:", "*** Add File:"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

// chunk replaces lines of the content, from at on: removed of them by added.
type chunk struct {
	at      int
	removed int
	added   []string
}

func applyChunks(lines []string, chunks []chunk) (string, error) {
	var out []string
	next := 0 // first line not yet copied
	for _, c := range chunks {
		if c.at < next || c.at+c.removed > len(lines) {
			return "", fmt.Errorf("%w at line %d of the file", ErrOverlap, c.at+1)
		}
		out = append(out, lines[next:c.at]...)
		out = append(out, c.added...)
		next = c.at + c.removed
	}
	out = append(out, lines[next:]...)
	return strings.Join(out, "\n"), nil
}

package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// SyntaxError is a line of a document that breaks the clause grammar.
type SyntaxError struct {
	File    string
	Line    int // from 1
	Problem string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem) }

// separator stands between a clause's head (id, level, marks) and its text.
const separator = " · "

var (
	// idPattern is two or more dotted words; words start with a letter, so that
	// nobody numbers clauses.
	idPattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*(\.[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*)+$`)

	// bulletPattern is a list item of any kind or depth that begins with code.
	// In the documents only clauses do, so a slip in one cannot hide it.
	bulletPattern = regexp.MustCompile("^\\s*([-*+]|[0-9]+[.)])\\s+`")

	// strayPattern is a clause's head in the middle of a line, where it would
	// read well and count for nothing.
	strayPattern = regexp.MustCompile("`[a-z][a-z0-9.-]*\\.[a-z0-9.-]+`(, `[^`]+`)* (MUST|SHOULD|MAY)\\b")
)

// parser walks one document line by line.
type parser struct {
	file     string
	line     int
	section  string
	fenced   bool    // inside a ``` block, where nothing is a clause
	open     *Clause // the clause that an indented line continues
	clauses  []Clause
	problems []error
}

// parse returns the clauses of one document in order, together with every break
// of the grammar: an error leaves the clauses that did parse.
func parse(file, source string) ([]Clause, error) {
	p := &parser{file: file}
	for line := range strings.Lines(source) {
		p.line++
		p.next(strings.TrimRight(line, "\r\n"))
	}
	p.finish()
	if p.fenced {
		p.fail("the code block is never closed")
	}
	return p.clauses, errors.Join(p.problems...)
}

func (p *parser) next(line string) {
	fence := strings.HasPrefix(strings.TrimSpace(line), "```")
	switch {
	case fence || p.fenced:
		p.finish()
		p.fenced = p.fenced != fence
	case strings.HasPrefix(line, "#"):
		p.finish()
		p.section = strings.TrimSpace(strings.TrimLeft(line, "#"))
	case strings.TrimSpace(line) == "":
		p.finish()
	case bulletPattern.MatchString(line):
		p.finish()
		p.bullet(line)
	case strayPattern.MatchString(line):
		p.fail("a clause must begin its own list item")
	case p.open != nil && strings.HasPrefix(line, "  "):
		p.open.Text += " " + strings.TrimSpace(line)
	case p.open != nil && !strings.HasPrefix(line, "- "):
		p.fail("a line that continues a clause must be indented by two spaces")
	default:
		p.finish()
	}
}

// bullet opens a clause, or records why the line is none.
func (p *parser) bullet(line string) {
	rest, ok := strings.CutPrefix(line, "- `")
	if !ok {
		p.fail("a clause must begin with \"- `id`\" in the first column")
		return
	}
	head, text, ok := strings.Cut(rest, separator)
	if !ok {
		p.fail("a clause needs \" · \" between its head and its text")
		return
	}
	id, marks, ok := strings.Cut(head, "` ")
	if !ok || !idPattern.MatchString(id) {
		p.fail("%q does not begin with a clause id of dotted lower-case words", head)
		return
	}
	clause := Clause{
		ID: id, Since: Revision, Subject: subjectOf(id), Section: p.section,
		Text: strings.TrimSpace(text), File: p.file, Line: p.line,
	}
	if err := clause.mark(marks); err != nil {
		p.fail("clause %s: %v", id, err)
		return
	}
	if clause.Text == "" {
		p.fail("clause %s has no text on its first line", id)
		return
	}
	if strayPattern.MatchString(clause.Text) {
		p.fail("clause %s is followed by another on its line; a clause must begin its own list item", id)
		return
	}
	p.open = &clause
}

// mark reads what stands between the id and the separator: the level, its marks
// and the earlier ids.
func (c *Clause) mark(marks string) error {
	marks, aliases, renamed := strings.Cut(marks, " (alias: ")
	if renamed {
		names, ok := strings.CutSuffix(aliases, ")")
		c.Aliases = strings.Split(names, ", ")
		if !ok || slices.ContainsFunc(c.Aliases, func(id string) bool { return !idPattern.MatchString(id) }) {
			return fmt.Errorf("malformed alias in %q", marks+" (alias: "+aliases)
		}
	}
	words := strings.Split(marks, ", ")
	switch words[0] {
	case "MUST":
		c.Level = Must
	case "SHOULD":
		c.Level = Should
	case "MAY":
		c.Level = May
	default:
		return fmt.Errorf("unknown level %q", words[0])
	}
	for _, word := range words[1:] {
		switch {
		case word == "MUST "+revisionLater && c.Level != Must && c.MustSince == "":
			c.MustSince = revisionLater
		case word == "since "+revisionLater && c.Since == Revision:
			c.Since = revisionLater
		case word == "unsafe" && !c.Unsafe:
			c.Unsafe = true
		default:
			return fmt.Errorf("unknown, repeated or contradictory mark %q", word)
		}
	}
	if c.MustSince != "" && c.MustSince == c.Since {
		return fmt.Errorf("MUST from the revision %s that introduced it: write MUST alone", c.Since)
	}
	return nil
}

// subjectOf tells who keeps a clause, which its id's first word says.
func subjectOf(id string) string {
	switch area, _, _ := strings.Cut(id, "."); area {
	case "relay", "session":
		return area
	default:
		return "agent"
	}
}

func (p *parser) finish() {
	if p.open != nil {
		p.clauses = append(p.clauses, *p.open)
		p.open = nil
	}
}

func (p *parser) fail(format string, args ...any) {
	p.problems = append(p.problems, &SyntaxError{p.file, p.line, fmt.Sprintf(format, args...)})
}

package v4a

import (
	"slices"
	"strings"
)

// locate walks the sections of an update and finds each one's place in lines.
func locate(lines, diff []string) ([]chunk, error) {
	p := parser{diff: diff}
	var chunks []chunk
	cursor := 0 // sections apply in order: nothing before it is looked at
	for !p.atEnd() {
		anchor, err := p.open(cursor)
		if err != nil {
			return nil, err
		}
		cursor = seek(lines, anchor, cursor)
		sec, err := p.section()
		if err != nil {
			return nil, err
		}
		at := sec.find(lines, cursor)
		if at < 0 {
			return nil, &MatchError{Pattern: sec.pattern, AtEndOfFile: sec.eof}
		}
		for _, c := range sec.chunks {
			c.at += at
			chunks = append(chunks, c)
		}
		cursor = at + len(sec.pattern)
	}
	return chunks, nil
}

// A parser reads the lines of an update in order.
type parser struct {
	diff []string
	next int
}

// line returns the next line, empty behind the last.
func (p *parser) line() (line string, ok bool) {
	if p.next < len(p.diff) {
		return p.diff[p.next], true
	}
	return "", false
}

func (p *parser) fail(reason string) error {
	line, _ := p.line()
	return &SyntaxError{Line: p.next + 1, Text: line, Reason: reason}
}

// atEnd reports whether no further section follows. An end-of-file marker
// here, in front of a section, ends the diff whatever else its line holds.
func (p *parser) atEnd() bool {
	line, ok := p.line()
	return !ok || isTerminator(line) || strings.HasPrefix(line, endOfFile)
}

// open consumes what opens a section and returns its anchor, empty if it has
// none. A "@@ " with nothing behind it is skipped and opens nothing.
func (p *parser) open(cursor int) (anchor string, err error) {
	line, _ := p.line()
	anchor, ok := strings.CutPrefix(line, section+" ")
	if ok {
		p.next++
	}
	if anchor != "" && ok {
		return anchor, nil
	}
	if line, _ := p.line(); line == section {
		p.next++
		return "", nil
	}
	if cursor != 0 {
		return "", p.fail("a section opens with @@")
	}
	return "", nil
}

// seek moves the cursor just past the line that the anchor names. An anchor
// that a line before the cursor matches has been passed already, and one that
// is nowhere is no error: models misquote them.
func seek(lines []string, anchor string, cursor int) int {
	trimmed := trim(anchor)
	if trimmed == "" {
		return cursor
	}
	for _, same := range []func(line string) bool{
		func(line string) bool { return line == anchor },
		func(line string) bool { return trim(line) == trimmed },
	} {
		if slices.ContainsFunc(lines[:cursor], same) {
			continue
		}
		if i := slices.IndexFunc(lines[cursor:], same); i >= 0 {
			return cursor + i + 1
		}
	}
	return cursor
}

// patch is what one section asks for.
type patch struct {
	pattern []string // context and removed lines
	chunks  []chunk  // placed within the pattern
	eof     bool
}

// section reads the lines of a section up to whatever ends it.
func (p *parser) section() (patch, error) {
	var (
		sec  patch
		run  chunk // the removed and added lines since the last context line
		open bool
		from = p.next
	)
	closeRun := func() {
		if open {
			sec.chunks = append(sec.chunks, run)
		}
		run, open = chunk{}, false
	}
	for {
		line, ok := p.line()
		if !ok || endsSection(line) {
			break
		}
		kind, text := byte(' '), ""
		if line != "" {
			kind, text = line[0], line[1:]
		}
		if kind != ' ' && !open {
			run, open = chunk{at: len(sec.pattern)}, true
		}
		switch kind {
		case ' ':
			closeRun()
			sec.pattern = append(sec.pattern, text)
		case '-':
			run.removed++
			sec.pattern = append(sec.pattern, text)
		case '+':
			run.added = append(run.added, text)
		default:
			return patch{}, p.fail("a line of a section starts with a blank, - or +")
		}
		p.next++
	}
	closeRun()
	if line, _ := p.line(); line == endOfFile {
		p.next++
		sec.eof = true
		return sec, nil
	}
	if p.next == from {
		return patch{}, p.fail("a section without lines")
	}
	return sec, nil
}

// endsSection: a bare "***" ends a section too, though nothing takes it up, so
// that it is reported as what cannot follow a section.
func endsSection(line string) bool {
	return strings.HasPrefix(line, section) || isTerminator(line) ||
		line == "***" || strings.HasPrefix(line, endOfFile)
}

// find returns the index of the pattern in lines, at or after the cursor;
// -1 if it is not there. An end-of-file section looks at the end first, even
// before the cursor.
func (s patch) find(lines []string, cursor int) int {
	if s.eof {
		if at := search(lines, s.pattern, max(0, len(lines)-len(s.pattern))); at >= 0 {
			return at
		}
	}
	return search(lines, s.pattern, cursor)
}

// search tries ever looser comparisons, each over the whole rest: an exact
// match far away is better than a loose one nearby.
func search(lines, pattern []string, from int) int {
	if len(pattern) == 0 {
		return from
	}
	for _, loosen := range []func(string) string{
		func(s string) string { return s },
		func(s string) string { return strings.TrimRightFunc(s, IsSpace) },
		trim,
	} {
		if at := index(lines, pattern, from, loosen); at >= 0 {
			return at
		}
	}
	return -1
}

// index finds pattern in lines[from:] where both are loosened.
func index(lines, pattern []string, from int, loosen func(string) string) int {
	want := make([]string, len(pattern))
	for i, line := range pattern {
		want[i] = loosen(line)
	}
	same := func(line, want string) bool { return loosen(line) == want }
	for i := from; i+len(want) <= len(lines); i++ {
		if slices.EqualFunc(lines[i:i+len(want)], want, same) {
			return i
		}
	}
	return -1
}

func trim(s string) string { return strings.TrimFunc(s, IsSpace) }

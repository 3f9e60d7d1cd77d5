package report

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"agentproof/internal/fold"
	"agentproof/suite/verdict"
)

const (
	// findingRows bounds a finding of the text report, in rows of the terminal:
	// two of them fit one screen. run.json and the page have the rest.
	findingRows = 20
	// labelWidth is how far the text of a finding is indented.
	labelWidth = 10
)

// section is a labelled part of a finding.
type section struct {
	label string
	lines []string
	// keep is how many lines stay when there are too many, and spare orders the
	// sections by what is given up first; 0 is never.
	keep, spare int
}

// rows is the height of a section on a terminal, which wraps long lines.
func (s *section) rows(width int) int {
	n := 0
	for _, line := range s.lines {
		n += 1 + max(0, utf8.RuneCountInString(line)+labelWidth-1)/width
	}
	return n
}

// cut removes the last line of a section, and says so at the end of the one
// before.
func (s *section) cut() {
	s.lines = s.lines[:len(s.lines)-1]
	if n := len(s.lines); n > 0 && !strings.HasSuffix(s.lines[n-1], "…") {
		s.lines[n-1] += " …"
	}
}

// fit gives up lines until all sections fit into so many rows.
func fit(sections []section, rows, width int) {
	height := func() int {
		n := 0
		for i := range sections {
			n += sections[i].rows(width)
		}
		return n
	}
	for level := 1; level <= 9; level++ {
		for i := range sections {
			s := &sections[i]
			for s.spare == level && len(s.lines) > s.keep && height() > rows {
				s.cut()
			}
		}
	}
}

// group shows what helps to mend one cause: all of its first case, and the
// names of the others.
func (p *printer) group(r *Report, g *group) {
	e := g.lead()
	findings := r.findings()
	head := p.paint(statusColor(g.Status), strings.ToUpper(string(g.Status))) + "  " + p.paint(bold, Line(g.title()))
	note := duration(took(e.Seconds))
	if len(g.Cases) > 1 || g.Cause != "" {
		note = share(len(g.Cases), findings)
		if where := g.where(); where != "" {
			note = "(" + where + ")  " + note
		}
	}
	p.printf("%s  %s\n", head, p.paint(faint, note))
	sections := p.sections(r, g)
	fit(sections, findingRows-1, p.opts.Width)
	for _, s := range sections {
		p.section(s)
	}
	p.printf("\n")
}

func (p *printer) section(s section) {
	for i, line := range s.lines {
		label := s.label
		if i > 0 {
			label = ""
		}
		gap := strings.Repeat(" ", max(1, labelWidth-2-utf8.RuneCountInString(label)))
		p.printf("  %s%s%s\n", p.paint(faint, label), gap, line)
	}
}

func (p *printer) sections(r *Report, g *group) []section {
	e := g.lead()
	list := []section{{"clause", p.folded(p.clauseText(g)), 1, 4}}
	if g.title() != e.ID {
		list = append(list, section{"first", []string{e.ID + "  " + duration(took(e.Seconds))}, 1, 0})
	}
	if len(e.Failures) == 0 {
		list = append(list, section{"reason", p.folded(e.Reason), 1, 8})
	}
	for i, f := range e.Failures {
		keep, spare := 1, 8
		if i > 0 {
			keep, spare = 0, 3
		}
		list = append(list, section{"want", p.folded(f.Want), keep, spare}, section{"got", p.folded(f.Got), keep, spare})
	}
	list = append(list, section{"note", p.cutLines(strings.Join(e.Notes, "\n"), 1), 0, 2})
	if e.Screenshot != "" && p.opts.Dir != "" {
		list = append(list, section{"shot", []string{filepath.Join(p.opts.Dir, filepath.FromSlash(e.Screenshot))}, 1, 0})
	}
	list = append(list, p.wire(e)...)
	list = append(list, section{"agent", p.said(e), 1, 6})
	if e.CaseRun.Transcript != "" && p.opts.Dir != "" {
		list = append(list, section{"trace", []string{Line(filepath.Join(p.opts.Dir, filepath.FromSlash(e.CaseRun.Transcript)))}, 1, 0})
	}
	if len(g.Cases) > 1 {
		var ids []string
		for _, other := range g.Cases[1:] {
			ids = append(ids, other.ID)
		}
		list = append(list, section{"also", p.folded(strings.Join(ids, " ")), 1, 1})
	}
	if command := r.command(e.ID, e.Area); command != "" {
		list = append(list, section{"run it", []string{Line(command)}, 1, 0})
	}
	return slices.DeleteFunc(list, func(s section) bool { return len(s.lines) == 0 })
}

// clauseText is what the cases judge: the words of one clause, or the ids of
// several.
func (p *printer) clauseText(g *group) string {
	ids := g.clauses()
	if len(ids) > 1 {
		return plural(len(ids), "clause") + ": " + strings.Join(ids, " ")
	}
	e := g.lead()
	text := e.Clause + " " + e.Level.String()
	if p.opts.Spec != nil {
		clause, _ := p.opts.Spec.Clause(e.Clause)
		text += " · " + Plain(clause.Text)
	}
	return text
}

// folded are the lines of a text behind a label.
func (p *printer) folded(text string) []string {
	text = fold.Text(max(20, p.opts.Width-labelWidth), "", Printable(text))
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// cutLines are the lines of a text as they are, each cut to so many rows.
func (p *printer) cutLines(text string, rows int) []string {
	text = Printable(strings.TrimRight(text, "\n"))
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = cutRunes(strings.ReplaceAll(line, "\t", "  "), max(20, rows*p.opts.Width-labelWidth))
	}
	return lines
}

func cutRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// wire shows the exchange at which a case failed, and the one before where there
// is room.
func (p *printer) wire(e entry) []section {
	var list []section
	if len(e.Exchanges) == 0 {
		return list
	}
	last := telling(e)
	shown := e.Exchanges[max(0, last-1) : last+1]
	subject := ""
	for i, x := range shown {
		keep, spare := 1, 0
		if i < len(shown)-1 {
			keep, spare = 0, 5
		}
		if x.Subject != subject {
			subject = x.Subject
			list = append(list, section{"wire", []string{Line(subject)}, 0, 7})
		}
		answer := string(x.Response)
		if x.Error != "" {
			answer = x.Error
		}
		answer = cutRunes(Line(answer), 2*p.opts.Width-2*labelWidth-2) + " (" + duration(took(x.Seconds)) + ")"
		list = append(list, section{"→", p.cutLines(string(x.Request), 2), keep, spare}, section{"", p.beside(x.InRequest), 0, 4},
			section{"←", []string{answer}, keep, spare}, section{"", append(p.beside(x.InResponse), p.cutLines(strings.Join(x.Notes, "\n"), 1)...), 0, max(spare, 6)})
	}
	return list
}

// beside shows what protojson encodes or leaves out.
func (p *printer) beside(fields map[string]string) []string {
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(fields)) {
		lines = append(lines, p.cutLines(Line(path+"  "+fields[path]), 2)...)
	}
	return lines
}

// telling is the index of the exchange at which a case failed: the latest one,
// or the latest without a reply where that is the failure.
func telling(e entry) int {
	last := len(e.Exchanges) - 1
	for i := last; silent(e) && i >= 0; i-- {
		if e.Exchanges[i].Error != "" {
			return i
		}
	}
	return last
}

// silent reports whether a case failed because no reply came.
func silent(e entry) bool {
	return strings.HasSuffix(e.Reason, "; got none") && strings.Contains(e.Reason, "want a reply to ")
}

// said is what the agent printed when the case failed, or the end of what it
// printed during the case.
func (p *printer) said(e entry) []string {
	if e.Status == verdict.Warn {
		return nil
	}
	text := ""
	for _, f := range e.Failures {
		if text = strings.TrimSpace(f.Printed); text != "" {
			break
		}
	}
	switch {
	case text != "":
	case silent(e) && e.AgentOutput != "":
		return []string{"(it printed nothing from the request to the verdict)"}
	default:
		text = e.AgentOutput
	}
	tail, _ := fold.Tail(text, shownLines)
	if p.printed[tail] {
		return nil
	}
	p.printed[tail] = true
	return p.cutLines(tail, 2)
}

// shownLines bounds what a failure shows of the agent's output.
const shownLines = 4

// index lists the causes where they are too many to remember.
func (p *printer) index(groups []group) {
	const few = 3
	if len(groups) <= few {
		return
	}
	p.printf("%s\n", p.paint(faint, "cases  cause"))
	for _, g := range groups {
		title, first := Line(g.title()), g.First
		if lead := g.lead().ID; first == "" && lead != title {
			first = lead
		}
		if room := p.opts.Width - len("   1   harness-error  "); utf8.RuneCountInString(title) > room {
			title = cutRunes(title, room)
		}
		p.printf("%s  %s  %s", p.paint(bold, lead(strconv.Itoa(len(g.Cases)), 5)), p.paint(statusColor(g.Status), pad(string(g.Status), indexStatus(groups))), title)
		if utf8.RuneCountInString(title)+utf8.RuneCountInString(first)+30 <= p.opts.Width && first != "" {
			p.printf("  %s", p.paint(faint, first))
		}
		p.printf("\n")
	}
	p.printf("\n")
}

// indexStatus is the width of the longest status.
func indexStatus(groups []group) int {
	n := 0
	for _, g := range groups {
		n = max(n, len(g.Status))
	}
	return n
}

package report

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"agentproof/docs/spec"
	"agentproof/internal/fold"
	"agentproof/suite/verdict"
)

// TextOptions says how a person sees a report.
type TextOptions struct {
	// Spec gives the words of the clauses; without it there are their ids.
	Spec  *spec.Spec
	Color bool
	// Width is where text is folded, in columns; 0 means 100. What went over
	// the wire is never folded, so that it can be copied.
	Width int
	// Dir is where the report's files are, to point at them; may be empty.
	Dir string
	// Hint is a last line that says what to do about broken clauses; it is
	// left out when there are none.
	Hint string
}

// Text writes what was broken, the gravest last, then a table and the verdict.
func (r *Report) Text(w io.Writer, opts TextOptions) error {
	if opts.Width <= 0 {
		opts.Width = 100
	}
	p := &printer{opts: opts, printed: make(map[string]bool)}
	p.missing(r, verdict.NotClaimed)
	p.missing(r, verdict.Untestable)
	p.known(r)
	for _, status := range []verdict.Status{verdict.Blocked, verdict.HarnessError, verdict.Warn, verdict.Fail} {
		for _, e := range r.entries() {
			if e.Status == status && !e.Known {
				p.problem(e)
			}
		}
	}
	p.baseline(r)
	p.table(r)
	p.verdict(r)
	_, err := io.WriteString(w, p.String())
	return err
}

type printer struct {
	strings.Builder
	opts TextOptions
	// printed holds what agents said already: cases that share an instance
	// share its output.
	printed map[string]bool
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
	bold   = "1"
)

func (p *printer) paint(code, text string) string {
	if !p.opts.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// field writes folded text behind a label.
func (p *printer) field(label, text string) {
	text = fold.Text(p.opts.Width, fmt.Sprintf("  %-7s ", label), Printable(text))
	p.WriteString(strings.Replace(text, label, p.paint(faint, label), 1))
}

// block writes lines as they are behind a label.
func (p *printer) block(label, text string) {
	text = strings.ReplaceAll(Printable(strings.TrimRight(text, "\n")), "\n", "\n          ")
	p.printf("  %s%s%s\n", p.paint(faint, label), strings.Repeat(" ", max(1, 8-utf8.RuneCountInString(label))), text)
}

func statusColor(s verdict.Status) string {
	switch s {
	case verdict.Pass:
		return green
	case verdict.Fail, verdict.HarnessError:
		return red
	case verdict.NotSelected, verdict.NotClaimed:
		return faint
	default:
		return yellow
	}
}

// missing lists the cases that were not tried, grouped by why.
func (p *printer) missing(r *Report, status verdict.Status) {
	var reasons []string
	ids := make(map[string][]string)
	for _, c := range r.Document.Cases {
		if c.Status != status {
			continue
		}
		if ids[c.Reason] == nil {
			reasons = append(reasons, c.Reason)
		}
		ids[c.Reason] = append(ids[c.Reason], c.ID)
	}
	for _, reason := range reasons {
		name := strings.ToUpper(string(status))
		text := fold.Text(p.opts.Width, name+"  ", Printable(reason))
		p.WriteString(strings.Replace(text, name, p.paint(statusColor(status), name), 1))
		p.field(plural(len(ids[reason]), "case"), strings.Join(ids[reason], " "))
		p.printf("\n")
	}
}

// known lists the failures that a baseline accounts for, without what helps to
// mend them: somebody knows.
func (p *printer) known(r *Report) {
	for _, e := range r.entries() {
		if !e.Known {
			continue
		}
		p.printf("%s  %s  %s\n", p.paint(yellow, "KNOWN"), p.paint(bold, e.ID), p.paint(faint, string(e.Status)))
		p.field("reason", e.Reason)
		if e.Issue != "" {
			p.field("issue", e.Issue)
		}
		p.printf("\n")
	}
}

// baseline lists the entries of a baseline that are wrong.
func (p *printer) baseline(r *Report) {
	if r.Document.Baseline == nil {
		return
	}
	for _, problem := range r.Document.Baseline.Problems {
		p.printf("%s  %s\n", p.paint(red, "BASELINE"), p.paint(bold, Printable(problem.Case)))
		p.field(string(problem.Kind), problem.Detail)
		p.printf("\n")
	}
}

// problem shows everything that helps to mend what is broken.
func (p *printer) problem(e entry) {
	p.printf("%s  %s  %s\n", p.paint(statusColor(e.Status), strings.ToUpper(string(e.Status))),
		p.paint(bold, e.ID), p.paint(faint, duration(took(e.Seconds))))
	text := ""
	if p.opts.Spec != nil {
		clause, _ := p.opts.Spec.Clause(e.Clause)
		text = " · " + Plain(clause.Text)
	}
	p.field("clause", e.Clause+" "+e.Level.String()+text)
	if len(e.Failures) == 0 {
		p.field("reason", e.Reason)
	}
	for _, f := range e.Failures {
		p.field("want", f.Want)
		p.field("got", f.Got)
	}
	for _, note := range e.Notes {
		p.block("note", note)
	}
	if e.Screenshot != "" && p.opts.Dir != "" {
		p.block("shot", filepath.Join(p.opts.Dir, filepath.FromSlash(e.Screenshot)))
	}
	subject := ""
	for _, x := range e.Exchanges[max(0, len(e.Exchanges)-shownExchanges):] {
		if x.Subject != subject {
			subject = x.Subject
			p.block("wire", subject)
		}
		p.exchange(x)
	}
	if said, _ := fold.Tail(e.AgentOutput, shownLines); said != "" && e.Status != verdict.Warn && !p.printed[said] {
		p.printed[said] = true
		p.block("agent", said)
	}
	if e.CaseRun.Transcript != "" && p.opts.Dir != "" {
		p.block("trace", filepath.Join(p.opts.Dir, filepath.FromSlash(e.CaseRun.Transcript)))
	}
	p.printf("\n")
}

// shownExchanges and shownLines bound what a failure shows of the wire and of
// the agent's output. run.json has the rest.
const (
	shownExchanges = 3
	shownLines     = 8
)

func (p *printer) exchange(x Exchange) {
	p.block("→", string(x.Request))
	answer := string(x.Response)
	if x.Error != "" {
		answer = x.Error
	}
	p.block("←", answer+" ("+duration(took(x.Seconds))+")")
	for _, note := range x.Notes {
		p.block("", note)
	}
}

// Plain is a clause's text without the targets of its links, which lead
// nowhere outside the specification.
func Plain(markdown string) string {
	return regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(markdown, "$1")
}

// duration is d as a person would say it.
func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "<1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	default:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
}

func plural(n int, noun string) string { return count(n, noun, noun+"s") }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (p *printer) verdict(r *Report) {
	p.printf("\n")
	for _, pr := range r.Document.Profiles {
		if pr.Result == string(verdict.NotSelected) {
			continue
		}
		p.printf("profile  %-8s  %s\n", pr.Name, p.paint(verdictColor(pr.Result), strings.ReplaceAll(pr.Result, "-", " ")))
	}
	doc := r.Document
	color := r.color()
	p.printf("\n%s %s", p.paint(color, r.mark()), p.paint(bold, Printable(r.subject())))
	if about := r.about(); about != "" {
		p.printf(" %s", p.paint(faint, "("+Printable(about)+")"))
	}
	p.printf(": %s\n", p.paint(color, r.sentence()))
	p.printf("  %s of %d at %s in %s", plural(r.selected(), "case"), len(doc.Cases), Printable(doc.Spec.Revision), duration(took(r.Run.Seconds)))
	if p.opts.Dir != "" {
		p.printf(" · report in %s", p.opts.Dir)
	}
	p.printf("\n  strength of the suite: %s\n", strength(doc.Suite.Strength))
	if p.opts.Hint != "" && doc.Totals[verdict.Fail]+doc.Totals[verdict.Warn] > 0 {
		p.printf("  %s\n", p.opts.Hint)
	}
}

package report

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

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

// Text writes what was broken, one cause after the other and the most severe
// last, then a table and the verdict.
func (r *Report) Text(w io.Writer, opts TextOptions) error {
	if opts.Width <= 0 {
		opts.Width = 100
	}
	p := &printer{opts: opts, printed: make(map[string]bool)}
	p.missing(r, verdict.NotClaimed)
	p.missing(r, verdict.Untestable)
	p.known(r)
	groups := slices.DeleteFunc(r.groups(), func(g group) bool { return g.Known })
	shown := slices.Clone(groups)
	slices.SortStableFunc(shown, func(a, b group) int {
		return cmp.Or(-severity(a.Status)+severity(b.Status), cmp.Compare(len(a.Cases), len(b.Cases)))
	})
	for _, g := range shown {
		p.group(r, &g)
	}
	p.index(groups)
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
		p.printf("%s  %s\n", p.paint(red, "BASELINE"), p.paint(bold, Line(problem.Case)))
		p.field(string(problem.Kind), problem.Detail)
		p.printf("\n")
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
	p.printf("\n%s %s", p.paint(color, r.mark()), p.paint(bold, Line(r.subject())))
	if about := r.about(); about != "" {
		p.printf(" %s", p.paint(faint, "("+Line(about)+")"))
	}
	p.printf(": %s\n", p.paint(color, r.sentence()))
	p.printf("  %s of %d at %s in %s", plural(r.selected(), "case"), len(doc.Cases), Line(doc.Spec.Revision), duration(took(r.Run.Seconds)))
	if p.opts.Dir != "" {
		p.printf(" · report in %s", p.opts.Dir)
	}
	p.printf("\n  strength of the suite: %s\n", strength(doc.Suite.Strength))
	if p.opts.Hint != "" && doc.Totals[verdict.Fail]+doc.Totals[verdict.Warn] > 0 {
		p.WriteString(fold.Text(p.opts.Width, "  ", p.opts.Hint))
	}
}

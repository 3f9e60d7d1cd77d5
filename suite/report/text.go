package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/engine"
)

// TextOptions says how a person sees a report.
type TextOptions struct {
	Spec  *spec.Spec
	Color bool
	// Dir is where the report's files are, to point at them; may be empty.
	Dir string
}

// Text writes what was broken, then a table, then the verdict.
func Text(w io.Writer, r *engine.Report, opts TextOptions) error {
	p := &printer{opts: opts}
	for _, status := range []engine.Status{engine.HarnessError, engine.Blocked, engine.Untestable, engine.Warn, engine.Fail} {
		for _, c := range r.Results {
			if c.Status == status {
				p.problem(c)
			}
		}
	}
	p.table(r)
	p.verdict(r)
	_, err := io.WriteString(w, p.String())
	return err
}

type printer struct {
	strings.Builder
	opts TextOptions
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

func statusColor(s engine.Status) string {
	switch s {
	case engine.Pass:
		return green
	case engine.Fail, engine.HarnessError:
		return red
	case engine.NotSelected, engine.NotClaimed:
		return faint
	default:
		return yellow
	}
}

// problem shows one case that did not pass. What could not be tried takes two
// lines, what is broken everything that helps to mend it.
func (p *printer) problem(c engine.Result) {
	p.printf("%s  %s\n", p.paint(statusColor(c.Status), strings.ToUpper(string(c.Status))), p.paint(bold, c.ID))
	if c.Status == engine.Untestable {
		p.printf("      %s\n\n", p.line(c.Reason))
		return
	}
	if clause, ok := p.opts.Spec.Clause(c.Clause); ok {
		p.printf("  clause  %s %s · %s\n", clause.ID, c.Level, clause.Text)
	}
	if len(c.Failures) == 0 {
		p.printf("  reason  %s\n", p.line(c.Reason))
	}
	for _, f := range c.Failures {
		p.printf("  want    %s\n  got     %s\n", p.line(f.Want), p.line(f.Got))
	}
	for _, note := range c.Notes {
		p.printf("  note    %s\n", strings.ReplaceAll(printable(note), "\n", "\n          "))
	}
	for _, x := range c.Exchanges[max(0, len(c.Exchanges)-3):] {
		p.exchange(NewExchange(x))
	}
	if c.Output != "" && c.Status != engine.Warn {
		p.printf("  agent   %s\n", p.paint(faint, strings.ReplaceAll(printable(tail(c.Output, 6)), "\n", "\n          ")))
	}
	p.printf("\n")
}

func (p *printer) exchange(x Exchange) {
	p.printf("  %s      %s %s\n", p.paint(faint, "→ "), x.Subject, x.Request)
	if x.Error != "" {
		p.printf("  %s      %s (%.3f s)\n", p.paint(faint, "← "), x.Error, x.Seconds)
		return
	}
	p.printf("  %s      %s (%.3f s)\n", p.paint(faint, "← "), x.Response, x.Seconds)
}

// line keeps a reason on one line and free of control characters.
func (p *printer) line(s string) string {
	return strings.ReplaceAll(printable(s), "\n", " ")
}

// tail is the last n lines of s.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// table counts the statuses of every area that was selected.
func (p *printer) table(r *engine.Report) {
	counts := make(map[string]map[engine.Status]int)
	var areas []string
	for _, c := range r.Results {
		if c.Status == engine.NotSelected {
			continue
		}
		if counts[c.Area] == nil {
			counts[c.Area] = make(map[engine.Status]int)
			areas = append(areas, c.Area)
		}
		counts[c.Area][c.Status]++
	}
	slices.Sort(areas)
	columns := slices.DeleteFunc(engine.Statuses(), func(s engine.Status) bool {
		return s == engine.NotSelected || s != engine.Pass && s != engine.Fail && r.Totals[s] == 0
	})
	tw := tabwriter.NewWriter(p, 0, 8, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { fmt.Fprintln(tw, strings.Join(cells, "\t")+"\t") }
	header := []string{"area"}
	for _, s := range columns {
		header = append(header, string(s))
	}
	row(header...)
	for _, area := range areas {
		cells := []string{area}
		for _, s := range columns {
			cells = append(cells, count(counts[area][s]))
		}
		row(cells...)
	}
	total := []string{"all"}
	for _, s := range columns {
		total = append(total, count(r.Totals[s]))
	}
	row(total...)
	_ = tw.Flush()
}

func count(n int) string {
	if n == 0 {
		return "·"
	}
	return fmt.Sprint(n)
}

func (p *printer) verdict(r *engine.Report) {
	p.printf("\n")
	for _, pr := range r.Profiles {
		p.printf("profile %-9s %s\n", pr.Name, p.paint(verdictColor(pr.Result), pr.Result))
	}
	ran := len(r.Results) - r.Totals[engine.NotSelected]
	name := cmp.Or(r.Subject.Name, "the agent")
	p.printf("\n%s: %s", p.paint(bold, name), p.paint(verdictColor(r.Verdict()), sentence(r)))
	p.printf(" (%d cases at %s, %s)\n", ran, r.Revision, r.Took.Round(100*time.Millisecond))
	if p.opts.Dir != "" {
		p.printf("report in %s\n", p.opts.Dir)
	}
}

func verdictColor(result string) string {
	switch result {
	case engine.Conformant:
		return green
	case engine.NotConformant:
		return red
	default:
		return yellow
	}
}

// sentence is the verdict in words. A filtered run is never called conformant.
func sentence(r *engine.Report) string {
	switch {
	case r.Verdict() == engine.NotConformant:
		return fmt.Sprintf("not conformant, %d MUST broken", r.Totals[engine.Fail])
	case r.Totals[engine.HarnessError] > 0:
		return fmt.Sprintf("no verdict, %d harness errors", r.Totals[engine.HarnessError])
	case r.Verdict() == engine.Incomplete:
		return "incomplete, some MUST could not be judged"
	case r.Verdict() != engine.Conformant:
		return "nothing judged, the agent claims none of it"
	case r.Selection.Filtered():
		return "what was selected passes; a filtered run certifies nothing"
	case r.Totals[engine.Warn] > 0:
		return fmt.Sprintf("conformant, %d SHOULD broken", r.Totals[engine.Warn])
	default:
		return "conformant"
	}
}

package selftest

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// Clause is the id of the clause that the mutant breaks.
func (m *Mutant) Clause() string {
	clause, _, _ := strings.Cut(m.Case, "/")
	return clause
}

// ExitCode is the documented status of a program that made this report: 0
// every mutant was killed, 1 one was not noticed as it should be, 3 the harness
// failed, 5 some could not be tried.
func (r *Report) ExitCode() int {
	switch {
	case r.Totals[Survived]+r.Totals[Misread]+r.Totals[Strayed] > 0:
		return 1
	case r.Totals[Broken] > 0:
		return 3
	case !r.Killed():
		return 5
	default:
		return 0
	}
}

// Text writes what people read: the mutants that were not killed, and how many
// were.
func (r *Report) Text(w io.Writer) error {
	var b bytes.Buffer
	for _, o := range r.Outcomes {
		if o.Verdict == Killed {
			continue
		}
		fmt.Fprintf(&b, "%s  %s\n  fault  the agent %s\n  case   %s\n  why    %s\n\n",
			strings.ToUpper(string(o.Verdict)), o.Mutant.ID, o.Mutant.Does, o.Mutant.Case, o.Detail)
	}
	mark := "✓"
	if !r.Killed() {
		mark = "✗"
	}
	fmt.Fprintf(&b, "%s %d of %d mutants killed in %v", mark, r.Totals[Killed], len(r.Outcomes), r.Took.Round(100*time.Millisecond))
	for _, v := range []Verdict{Survived, Misread, Strayed, NotTried, Broken} {
		if n := r.Totals[v]; n > 0 {
			fmt.Fprintf(&b, ", %d %s", n, v)
		}
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// ExitCode is the documented status of a program that made this report: 0 every
// mixture was judged exactly, 1 one was misjudged, 3 the harness failed, 5 some
// faults could not be tried here.
func (r *MixtureReport) ExitCode() int {
	n := make(map[Verdict]int)
	for _, out := range r.Outcomes {
		for _, f := range out.Wrong {
			n[f.Verdict]++
		}
	}
	switch {
	case n[Survived]+n[Misread]+n[Strayed]+n[Unstable] > 0:
		return 1
	case n[Broken] > 0:
		return 3
	case n[NotTried] > 0:
		return 5
	default:
		return 0
	}
}

// Text writes what is wrong with how a mixture was judged, and how to try it
// again, and what its faults do beyond what is declared of them; nothing for one
// without either.
func (o *MixtureOutcome) Text(w io.Writer) error {
	if len(o.Wrong)+len(o.Beyond) == 0 {
		return nil
	}
	var b bytes.Buffer
	title := "BEYOND what is declared\n"
	if len(o.Wrong) > 0 {
		title = "MISJUDGED\n"
	}
	b.WriteString(title)
	for _, f := range o.Mixture.Faults {
		fmt.Fprintf(&b, "  fault      %s: the agent %s\n", f.ID, f.Does)
	}
	for _, f := range o.Wrong {
		f.text(&b, string(f.Verdict))
	}
	for _, f := range o.Beyond {
		f.text(&b, "beyond")
	}
	fmt.Fprintf(&b, "  again      conformance selftest --mixture %s\n\n", o.Mixture)
	_, err := w.Write(b.Bytes())
	return err
}

func (f *Finding) text(b *bytes.Buffer, what string) {
	fmt.Fprintf(b, "  %-9s  %s\n", what, strings.TrimSpace(f.Case+" "+f.Detail))
	if f.Sound {
		b.WriteString("             and now for the agent without a fault, too\n")
	}
	if len(f.Faults) > 0 {
		fmt.Fprintf(b, "             so it does for %s alone\n", strings.Join(f.Faults, ", "))
	}
}

// Summary writes how many mixtures were judged exactly.
func (r *MixtureReport) Summary(w io.Writer) error {
	mark, again := "✓", ""
	if r.Exact() < len(r.Outcomes) {
		mark = "✗"
	}
	n := 0
	for _, out := range r.Outcomes {
		if out.Again && len(out.Wrong) == 0 {
			n++
		}
	}
	if n > 0 {
		again = fmt.Sprintf(", %d of them when tried again alone", n)
	}
	_, err := fmt.Fprintf(w, "%s %d of %d mixtures judged exactly in %v%s\n", mark, r.Exact(), len(r.Outcomes), r.Took.Round(100*time.Millisecond), again)
	return err
}

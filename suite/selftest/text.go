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

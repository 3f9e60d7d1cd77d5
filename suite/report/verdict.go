package report

import (
	"cmp"
	"fmt"
	"strings"

	"agentproof/suite/verdict"
)

// subject is the name that the report has for what was judged.
func (r *Report) subject() string { return cmp.Or(r.Document.Subject.Name, "the agent") }

// about is what the subject says of itself: its version and machine.
func (r *Report) about() string {
	s := r.Document.Subject
	return strings.TrimSpace(s.Version + " " + strings.Trim(s.OS+"/"+s.Arch, "/"))
}

// selected is how many cases were to run.
func (r *Report) selected() int {
	return len(r.Document.Cases) - r.Document.Totals[verdict.NotSelected]
}

// color is that of the whole report.
func (r *Report) color() string {
	if r.Verdict() == verdict.NotConformant && r.ExitCode() == 0 {
		return yellow // nothing but known failures
	}
	return verdictColor(r.Verdict())
}

func verdictColor(result string) string {
	switch result {
	case verdict.Conformant:
		return green
	case verdict.NotConformant:
		return red
	default:
		return yellow
	}
}

// mark says the verdict without colour.
func (r *Report) mark() string {
	switch {
	case r.Verdict() == verdict.NotConformant:
		return "✗"
	case r.ExitCode() == 0:
		return "✓"
	default:
		return "?"
	}
}

// sentence is the verdict in words. Neither a filtered run nor one with a
// baseline is ever called conformant without a remark.
func (r *Report) sentence() string {
	doc := r.Document
	broken := ""
	if doc.Broken.Should.Cases > 0 {
		broken = ", " + brokenText("SHOULD", doc.Broken.Should)
	}
	if b := doc.Baseline; b != nil && len(b.Problems) > 0 {
		broken += fmt.Sprintf("; the baseline is wrong in %s", count(len(b.Problems), "entry", "entries"))
	}
	switch {
	case r.Verdict() == verdict.NotConformant:
		return "not conformant, " + r.mustBroken() + broken + r.interruption()
	case doc.Totals[verdict.Interrupted] > 0:
		return "no verdict" + broken + r.interruption()
	case doc.Totals[verdict.HarnessError] > 0:
		return "no verdict, " + plural(doc.Totals[verdict.HarnessError], "harness error") + broken
	case r.Verdict() == verdict.Incomplete:
		return "incomplete, some MUST could not be judged" + broken
	case r.Verdict() != verdict.Conformant:
		return "nothing judged, the agent claims none of it" + broken
	case doc.Selection.Filtered():
		return "what was selected passes" + broken + "; a filtered run certifies nothing"
	case doc.Baseline != nil:
		return "conformant" + broken + "; a run with a baseline certifies nothing"
	default:
		return "conformant" + broken
	}
}

// interruption says how much of a run there is; nothing of a whole one.
func (r *Report) interruption() string {
	n := r.Document.Totals[verdict.Interrupted]
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; interrupted after %d of %s, and a partial run certifies nothing", r.selected()-n, plural(r.selected(), "case"))
}

// brokenText counts clauses, and cases where those are more.
func brokenText(level string, t verdict.Tally) string {
	if t.Cases == t.Clauses {
		return fmt.Sprintf("%d %s broken", t.Clauses, level)
	}
	return fmt.Sprintf("%d %s broken in %s", t.Clauses, level, plural(t.Cases, "case"))
}

// mustBroken counts the broken MUST, and those cases that a baseline knows.
func (r *Report) mustBroken() string {
	all, known := r.Document.Totals[verdict.Fail], 0
	for _, e := range r.entries() {
		if e.Known && e.Status == verdict.Fail {
			known++
		}
	}
	switch {
	case known == all:
		return plural(known, "known failure")
	case known > 0:
		return fmt.Sprintf("%s (%s)", brokenText("MUST", r.Document.Broken.Must), plural(known, "known case"))
	default:
		return brokenText("MUST", r.Document.Broken.Must)
	}
}

// strength is what is known of the suite's own worth.
func strength(s *verdict.Strength) string {
	if s == nil {
		return "unknown"
	}
	return fmt.Sprintf("%d of %s killed", s.Killed, plural(s.Declared, "mutant"))
}

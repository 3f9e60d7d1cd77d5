// Package verdict is what a run says of a subject, and nothing of how it came
// to say so: the status of each case and why, what follows from all of them,
// and what a baseline makes of it. Whoever reads, renders or signs a report
// needs no more than this.
package verdict

// Status is the verdict on one case. Every case of a suite has exactly one,
// and what did not run is never green.
type Status string

// All statuses.
const (
	Pass         Status = "pass"
	Warn         Status = "warn"          // a SHOULD is broken
	Fail         Status = "fail"          // a MUST is broken
	NotClaimed   Status = "not-claimed"   // the capability is not advertised
	Untestable   Status = "untestable"    // the harness could not arrange it
	Blocked      Status = "blocked"       // a prerequisite failed
	Interrupted  Status = "interrupted"   // the run was ended before the case had
	NotSelected  Status = "not-selected"  // left out by a filter
	HarnessError Status = "harness-error" // the harness failed, not the subject
)

// Statuses lists every status, in the order of a report.
func Statuses() []Status {
	return []Status{Pass, Warn, Fail, NotClaimed, Untestable, Blocked, Interrupted, NotSelected, HarnessError}
}

// Ran tells whether the status is a judgement on the subject.
func (s Status) Ran() bool { return s == Pass || s == Warn || s == Fail }

// Outweighs tells whether s is the graver of two statuses: a fault of the
// harness outweighs a broken clause, and that one a failed prerequisite; what an
// interrupted case noticed counts for nothing. The
// empty status, of a case with nothing to report yet, outweighs none.
func (s Status) Outweighs(other Status) bool { return s.gravity() > other.gravity() }

func (s Status) gravity() int {
	switch s {
	case Interrupted:
		return 7
	case HarnessError:
		return 6
	case Fail:
		return 5
	case Blocked:
		return 4
	case Untestable:
		return 3
	case NotClaimed:
		return 2
	case Warn:
		return 1
	default:
		return 0
	}
}

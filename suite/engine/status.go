package engine

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
	NotSelected  Status = "not-selected"  // left out by a filter
	HarnessError Status = "harness-error" // the harness failed, not the subject
)

// Statuses lists every status, in the order of a report.
func Statuses() []Status {
	return []Status{Pass, Warn, Fail, NotClaimed, Untestable, Blocked, NotSelected, HarnessError}
}

// Ran tells whether the status is a judgement on the subject.
func (s Status) Ran() bool { return s == Pass || s == Warn || s == Fail }

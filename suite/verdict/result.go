package verdict

import (
	"time"

	"agentproof/docs/spec"
)

// Result is the verdict on one case.
type Result struct {
	ID      string
	Clause  string
	Level   spec.Level
	Area    string
	Profile string
	Status  Status
	// Reason is the same in every run of the same subject.
	Reason string
	// Cause is that of the failure that became the reason.
	Cause string
	// Baselined is set when a baseline has an entry for this failure, and Issue
	// is where the entry says that it is tracked.
	Baselined bool
	Issue     string

	// What follows is for the person who reads a failure.
	Failures  []Failure
	Notes     []string
	Exchanges []Exchange
	Output    string // what the agent printed
	// Screenshot is a PNG of the agent's screen, taken when a case that looks
	// at it had failed.
	Screenshot []byte
	Took       time.Duration
	// Overran is set for a case that its deadline ended.
	Overran bool
	Explain string // why somebody cares
	Try     string // how to see it by hand; may be empty
	// Transcript is where the case's transcript was kept; empty where none was.
	Transcript string
}

// Failure is one broken expectation.
type Failure struct {
	// Want and Got never hold times, process ids or random names, and {root}
	// where the agent's root stood: together they are the reason in a report
	// that must be the same for every run.
	Want string
	Got  string
	// Cause is the operation whose own outcome is the failure, as in "fs_mkdir",
	// "helper" for the helper program, or the clause that a monitor saw broken;
	// empty for what the case itself looked at. Failures of one cause have one
	// remedy, whichever case they are in.
	Cause string
	// Printed is what the agent printed between the latest request of the case
	// and the failure. It differs between runs.
	Printed string
	// At is where the case made the check, as in "suite/cases/exec/argv.go:41".
	At string
}

func (f Failure) String() string { return "want " + f.Want + "; got " + f.Got }

// Same tells whether two failures say the same, wherever they were noticed.
func (f Failure) Same(other Failure) bool { return f.Want == other.Want && f.Got == other.Got }

// Exchange is one request on the wire and what came of it.
type Exchange struct {
	Subject  string
	Request  []byte
	Response []byte
	Err      error
	Took     time.Duration
}

// Package monitor judges what an agent sends whatever the case at hand looks at:
// the envelope of every reply, and all that it publishes by itself.
package monitor

import (
	"fmt"
	"time"

	"agentproof/suite/verdict"
)

// Finding is what a monitor has against the subject: a clause that it broke in
// whatever case, or something that it left behind.
type Finding struct {
	// Clause is the one that is broken; its level decides between a failure
	// and a warning. A Leak only names the clause whose case accounts for it
	// where no other case can: it is always a warning, for no clause forbids
	// all of it.
	Clause string
	Leak   bool
	verdict.Failure
}

func (f Finding) String() string {
	if f.Leak {
		return "leak: " + f.Failure.String()
	}
	return f.Failure.String()
}

// Broke makes a finding about a clause, which it names.
func Broke(clause, want, got string) Finding {
	return Finding{Clause: clause, Failure: verdict.Failure{Want: want + " (" + clause + ")", Got: got, Cause: clause}}
}

// LeakLimit is how long what a case used may take to go away once the case has
// ended: what pty.close gives a child.
const LeakLimit = 2 * time.Second

// Left makes a finding about something that was left behind, for which the case
// of the clause accounts.
func Left(clause, want, format string, args ...any) Finding {
	return Finding{Clause: clause, Leak: true, Failure: verdict.Failure{Want: want, Got: fmt.Sprintf(format, args...)}}
}

// Crashed is the finding about an agent whose process ended, and that no signal
// of the suite's ended.
func Crashed() Finding {
	return Broke("lifecycle.stays-up", "an agent that runs until it is told to stop", "one that ended by itself")
}

// SecondReply is the finding about a request that was answered twice.
func SecondReply() Finding {
	return Broke("subject.rpc", "one reply to one request", "a second reply")
}

// UnaskedReply is the finding about an answer to nothing.
func UnaskedReply() Finding {
	return Broke("subject.rpc", "one reply to one request", "a reply to none")
}

// Package engine runs conformance cases against a machine agent and gives each
// one a verdict. It holds no cases of its own and knows no agent: cases and
// subjects are handed in.
package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/verdict"
)

// A Case tests one behaviour that a clause of the specification demands.
type Case struct {
	// ID is semantic: area, clause and behaviour, as in
	// "exec.timeout/kills-the-tree". It never ends in a number.
	ID string
	// Clause is the id of the specification clause that the case judges. Its
	// level decides whether a broken one is a failure or a warning.
	Clause string
	// Needs lists the capabilities that the subject must advertise; without
	// one of them the case is not-claimed.
	Needs Feature
	// Explain says in one or two sentences why somebody cares.
	Explain string
	// Try says how to see the behaviour by hand.
	Try string
	// Launch, when set, gives the case an instance of its own. Nil uses the
	// instance that the run shares.
	Launch *Launch
	// Unsafe keeps the case away from attached subjects, in addition to the
	// clauses that the specification marks unsafe.
	Unsafe bool
	// Exclusive cases measure: nothing but idle cases runs beside them.
	Exclusive bool
	// Provokes lists the clauses whose breach the monitors must not hold
	// against the case, for it is what the case makes happen.
	Provokes []string
	// Background is set for a case whose commands leave processes behind on
	// purpose: what becomes of those is the agent's choice.
	Background bool
	// Idle is how long the case waits for time to pass. An idle case starts
	// early, takes no worker's place, and has that much more time.
	Idle time.Duration
	// Run does the test. It reports through t and returns; it may be ended by
	// t at any call.
	Run func(ctx context.Context, t *T)
}

// Info is what a report says of the case before it ran.
func (c *Case) Info() verdict.CaseInfo { return verdict.CaseInfo{ID: c.ID, Clause: c.Clause} }

// Infos are the cases' Info, in their order.
func Infos(cases []Case) []verdict.CaseInfo {
	infos := make([]verdict.CaseInfo, len(cases))
	for i := range cases {
		infos[i] = cases[i].Info()
	}
	return infos
}

// Area is what the report groups by: the first word of the id.
func (c *Case) Area() string { return c.Info().Area() }

// Profile is the certificate that the case counts for.
func (c *Case) Profile() string { return c.Info().Profile() }

// Feature is a set of capabilities.
type Feature uint8

// The capabilities of an agent's Hello.
const (
	Exec Feature = 1 << iota
	Filesystem
	Git
	PTY
	Desktop
)

func (f Feature) String() string {
	var names []string
	for i, name := range []string{"exec", "filesystem", "git", "pty", "desktop"} {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Launch says how a case's own instance is started. The zero value is the same
// launch as the shared instance's.
type Launch struct {
	// Epoch is the epoch that the agent holds; 0 means SharedEpoch and a
	// negative number an agent that was told none.
	Epoch int
	// NoScreenControl starts the agent without screen-control consent.
	NoScreenControl bool
	// NoRelay starts the agent without a relay.
	NoRelay bool
	// RelayQuery is added to the relay URL that the agent is told, as
	// "?key=value".
	RelayQuery string
	// RelayPath is put before the path of that URL, as "/name". A proxy there
	// leads to the relay and notes what the agent says (Relay.Opens).
	RelayPath string
	// BadRelayToken gives the agent a relay token that the relay refuses, and
	// SilentRelay a relay that takes connections and never answers.
	BadRelayToken bool
	SilentRelay   bool
	// Display gives the agent a virtual display of its own; without one it has
	// none, on which a case with NoDisplay depends.
	Display   bool
	NoDisplay bool
	// MaxPayload is the broker's limit in bytes; 0 is the usual 16 MiB.
	MaxPayload int32
	// Transport is "nats" (or empty), "ws", "tls" or "wss".
	Transport string
	// DeadURLFirst puts a URL where nothing listens before the broker's.
	DeadURLFirst bool
	// Env changes the agent's environment: KEY=VALUE sets a variable, in whose
	// value {root} stands for the agent's root, and a bare KEY removes one.
	Env []string
	// Token is the agent's bearer; empty means a random one.
	Token string
	// BrokerDown starts the agent while the broker is away, Unadmitted while
	// its token is unknown, and Unawaited for a case that judges whether the
	// agent becomes ready. None of them waits for it: the case mends the broker
	// (Instance.Restore, Instance.Admit) and calls Instance.AwaitReady.
	BrokerDown bool
	Unadmitted bool
	Unawaited  bool
}

// SharedEpoch is the epoch that the shared instance of a run holds. It is
// above 1, so that there are stale epochs to try.
const SharedEpoch = 7

func (l *Launch) ready() bool { return !l.BrokerDown && !l.Unadmitted && !l.Unawaited }

// Validate checks that the cases are fit to run: ids unique and semantic,
// clauses known, every case explained.
func Validate(s *spec.Spec, cases []Case) error {
	seen := make(map[string]bool)
	var errs []error
	for i := range cases {
		c := &cases[i]
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("case %q: %s", c.ID, fmt.Sprintf(format, args...)))
		}
		if seen[c.ID] {
			bad("the id is taken")
		}
		seen[c.ID] = true
		clause, behaviour, ok := strings.Cut(c.ID, "/")
		switch {
		case !ok || clause == "" || behaviour == "":
			bad("the id is not clause/behaviour")
		case behaviour[len(behaviour)-1] >= '0' && behaviour[len(behaviour)-1] <= '9':
			bad("the id ends in a number")
		}
		if _, ok := s.Clause(c.Clause); !ok {
			bad("the clause %q is unknown", c.Clause)
		} else if area, _, _ := strings.Cut(c.Clause, "."); area != c.Area() {
			bad("the clause %q belongs to another area", c.Clause)
		}
		for _, p := range c.Provokes {
			if _, ok := s.Clause(p); !ok {
				bad("the clause %q that it provokes is unknown", p)
			}
		}
		if c.Explain == "" {
			bad("it explains nothing")
		}
		if c.Run == nil {
			bad("it runs nothing")
		}
	}
	return errors.Join(errs...)
}

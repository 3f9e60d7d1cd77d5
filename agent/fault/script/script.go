// Package script makes the reference agent misbehave as a file says: reply late
// or not at all, refuse, lose its connection, drain, go away. It is for whoever
// writes a control plane and asks what their code does when that happens. The
// language is described in docs/scripted-faults.md.
//
// A script acts from outside, at the seams of package agent: the operations
// that it lets through are the agent's own, and so are the reconnect after a
// connection that it cut and the refusal of a reply that it made too large.
package script

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A Script is a list of rules. It holds no state: one may run in several agents
// at once. Make one with Parse or Load.
type Script struct {
	// Seed decides what the rules leave to chance; with 0, each run picks one
	// and logs it.
	Seed  uint64
	rules []*rule
}

// Load reads a script from a file.
func Load(name string) (*Script, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	return Parse(name, data)
}

// Rules says what each rule does, one line a rule, in their order.
func (s *Script) Rules() []string {
	var lines []string
	for _, r := range s.rules {
		lines = append(lines, r.place+": "+r.String())
	}
	return lines
}

// LeavesToChance tells whether the seed matters.
func (s *Script) LeavesToChance() bool {
	for _, r := range s.rules {
		if r.probability < 1 || r.do.random() {
			return true
		}
	}
	return false
}

// rule is one entry of a script.
type rule struct {
	place       string // file:line
	on          []string
	ops         map[string]bool // what on stands for
	when        []condition
	after       uint64
	times       uint64 // 0 is always
	probability float64
	do          actions
}

// matches tells whether the rule is about a call.
func (r *rule) matches(c *call) bool {
	if !r.ops[c.op] {
		return false
	}
	for _, w := range r.when {
		if !w.holds(c) {
			return false
		}
	}
	return true
}

// String is the rule in the words of the language.
func (r *rule) String() string {
	var b strings.Builder
	b.WriteString("on " + strings.Join(r.on, ", "))
	for i, w := range r.when {
		b.WriteString([]string{" with ", " and "}[min(i, 1)] + w.key + " " + w.text)
	}
	if r.after > 0 {
		fmt.Fprintf(&b, ", after %d", r.after)
	}
	if r.times > 0 {
		fmt.Fprintf(&b, ", times %d", r.times)
	}
	if r.probability < 1 {
		b.WriteString(", probability " + strconv.FormatFloat(r.probability, 'g', -1, 64))
	}
	return b.String() + ": " + r.do.String()
}

// span is a duration, or a range of them to choose from.
type span struct{ low, high time.Duration }

func (s span) String() string {
	if s.low == s.high {
		return s.low.String()
	}
	return s.low.String() + ".." + s.high.String()
}

// none is a span that the script does not name.
func (s span) none() bool { return s.high == 0 }

func (s span) random() bool { return s.low != s.high }

// Package catalogue lists every mutant of the reference agent that there is.
package catalogue

import (
	"slices"
	"strings"

	"agentproof/agent/fault"
	"agentproof/agent/fault/connect"
	"agentproof/agent/fault/desktop"
	"agentproof/agent/fault/envelope"
	"agentproof/agent/fault/errs"
	"agentproof/agent/fault/exec"
	"agentproof/agent/fault/fence"
	"agentproof/agent/fault/fs"
	"agentproof/agent/fault/git"
	"agentproof/agent/fault/lifecycle"
	"agentproof/agent/fault/metrics"
	"agentproof/agent/fault/path"
	"agentproof/agent/fault/ping"
	"agentproof/agent/fault/pty"
	"agentproof/agent/fault/sessions"
	"agentproof/agent/fault/streams"
	"agentproof/agent/fault/subject"
)

// All returns the mutants of all areas, by id. They are made anew on every
// call, since a mutant is good for one run.
func All() []fault.Mutant {
	all := declare(unsorted())
	type entry struct {
		id string // made once, for it takes time
		fault.Mutant
	}
	entries := make([]entry, len(all))
	for i, m := range all {
		entries[i] = entry{m.ID(), m}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.id, b.id) })
	for i, e := range entries {
		all[i] = e.Mutant
	}
	return all
}

func unsorted() []fault.Mutant {
	return slices.Concat(
		connect.Mutants(),
		desktop.Mutants(),
		envelope.Mutants(),
		errs.Mutants(),
		exec.Mutants(),
		fence.Mutants(),
		fs.Mutants(),
		git.Mutants(),
		lifecycle.Mutants(),
		metrics.Mutants(),
		path.Mutants(),
		ping.Mutants(),
		pty.Mutants(),
		sessions.Mutants(),
		streams.Mutants(),
		subject.Mutants(),
	)
}

// Find returns the mutant of an id, anew.
func Find(id string) (fault.Mutant, bool) {
	all := unsorted()
	i := slices.IndexFunc(all, func(m fault.Mutant) bool { return m.ID() == id })
	if i < 0 {
		return fault.Mutant{}, false
	}
	return declare(all[i : i+1])[0], true
}

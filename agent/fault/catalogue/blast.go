package catalogue

import (
	"strings"

	"agentproof/agent/fault"
)

// blast says which cases of other clauses some mutants break, too.
type blast struct {
	mutants string // ids, with a * at the end for all that begin so
	cases   string // globs, with spaces between them
	why     string
}

// blasts are the mutants that break more than the clause of their own case.
// What is not here breaks no other clause; where a mixture shows otherwise, it
// is the case that leans on a promise which is not its own, unless the fault
// really breaks that clause.
func blasts() []blast {
	return []blast{}
}

// declare puts the blasts into the mutants.
func declare(mutants []fault.Mutant) []fault.Mutant {
	all := blasts()
	for i := range mutants {
		m := &mutants[i]
		id := m.ID()
		for _, b := range all {
			if b.covers(id) {
				m.Blast = append(m.Blast, strings.Fields(b.cases)...)
			}
		}
	}
	return mutants
}

// covers reports whether the blast is that of a mutant.
func (b *blast) covers(id string) bool {
	begin, all := strings.CutSuffix(b.mutants, "*")
	return id == b.mutants || all && strings.HasPrefix(id, begin)
}

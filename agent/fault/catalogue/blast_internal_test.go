package catalogue

import (
	"slices"
	"testing"

	"agentproof/agent/fault"
)

func TestEveryBlastIsAMutants(t *testing.T) {
	t.Parallel()
	all := All()
	for _, b := range blasts() {
		if !slices.ContainsFunc(all, func(m fault.Mutant) bool { return b.covers(m.ID()) }) {
			t.Errorf("there is no mutant %s", b.mutants)
		}
	}
}

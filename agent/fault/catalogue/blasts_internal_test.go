package catalogue

import (
	"slices"
	"testing"

	"agentproof/agent/fault"
)

func TestEveryLineOfTheBlastsIsAboutAMutant(t *testing.T) {
	t.Parallel()
	all, declared := All(), 0
	blasts, groups := declarations()
	for id, globs := range blasts {
		if len(globs) == 0 || !slices.ContainsFunc(all, func(m fault.Mutant) bool { return m.ID() == id }) {
			t.Errorf("the line of %s, of %q, is about no mutant or declares nothing", id, globs)
		}
	}
	for _, m := range all {
		if len(m.Blast) > 0 {
			declared++
		}
	}
	if lines := len(blasts); declared != lines || lines == 0 {
		t.Errorf("%d mutants have a blast and %d lines declare one", declared, lines)
	}
	for _, g := range groups {
		for _, glob := range g.ids {
			one := group{ids: []string{glob}}
			if n := len(slices.DeleteFunc(slices.Clone(all), func(m fault.Mutant) bool { return !one.has(m.ID()) })); n == 0 {
				t.Errorf("%s of the group %s is no mutant", glob, g.name)
			}
		}
	}
}

package catalogue

import (
	_ "embed"
	"path"
	"slices"
	"strings"

	"agentproof/agent/fault"
)

//go:embed blasts.txt
var blastLines string

// declare puts what blasts.txt says into the mutants.
func declare(mutants []fault.Mutant) []fault.Mutant {
	blasts, groups := declarations()
	for i := range mutants {
		m := &mutants[i]
		id := m.ID()
		m.Blast = blasts[id]
		for _, g := range groups {
			if g.has(id) {
				m.Touches = append(m.Touches, g.name)
			}
		}
	}
	return mutants
}

// group is mutants of which one could hide another.
type group struct {
	name string
	ids  []string // globs
}

func (g *group) has(id string) bool {
	return slices.ContainsFunc(g.ids, func(glob string) bool {
		ok, err := path.Match(glob, id)
		return ok && err == nil
	})
}

// declarations reads blasts.txt: the globs of cases by the ids of mutants, and
// the groups.
func declarations() (blasts map[string][]string, groups []group) {
	blasts = make(map[string][]string)
	for line := range strings.Lines(blastLines) {
		id, rest, ok := strings.Cut(line, ":")
		name, grouped := strings.CutPrefix(id, "apart ")
		switch words := strings.Fields(rest); {
		case !ok || strings.HasPrefix(line, "#"):
		case grouped:
			groups = append(groups, group{name, words})
		default:
			blasts[id] = words
		}
	}
	return blasts, groups
}

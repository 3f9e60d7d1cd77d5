package catalogue

import (
	_ "embed"
	"strings"

	"agentproof/agent/fault"
)

//go:embed blasts.txt
var blastLines string

// declare puts what blasts.txt says into the mutants.
func declare(mutants []fault.Mutant) []fault.Mutant {
	globs := blasts()
	for i := range mutants {
		mutants[i].Blast = globs[mutants[i].ID()]
	}
	return mutants
}

// blasts are the globs of blasts.txt by the ids of mutants.
func blasts() map[string][]string {
	globs := make(map[string][]string)
	for line := range strings.Lines(blastLines) {
		if id, cases, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, "#") {
			globs[id] = strings.Fields(cases)
		}
	}
	return globs
}

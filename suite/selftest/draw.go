package selftest

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"agentproof/suite/engine"
)

// The number of faults in a drawn mixture, a serial dispatcher aside.
const (
	fewestFaults = 2
	mostFaults   = 8
)

// serialShare is the share of mixtures that have a serial dispatcher: one in
// so many.
const serialShare = 3

// caseShare is the share of the cases that a drawn mixture runs beside those
// of its faults' clauses: one in so many.
const caseShare = 6

// Draw draws n mixtures of compatible mutants. The i-th of a seed is always the
// same for the same mutants and cases, and changes little with them. A third of them have the serial
// dispatcher. With whole, all cases are run on each; otherwise those of the
// faults' own clauses and a sixth of the others.
func Draw(n int, seed uint64, mutants []Mutant, serial *Mutant, cases []engine.Case, whole bool) []Mixture {
	byID := make(map[string]*engine.Case)
	for i := range cases {
		byID[cases[i].ID] = &cases[i]
	}
	var fit []*Mutant
	for i := range mutants {
		if c := byID[mutants[i].Case]; c != nil && !c.Exclusive && !mutants[i].Alone {
			fit = append(fit, &mutants[i])
		}
	}
	drawn := make([]Mixture, n)
	for i := range drawn {
		lot := lots(fmt.Sprint(seed, " ", i, " "))
		drawn[i].Faults = drawFaults(rand.New(rand.NewPCG(seed, uint64(i))), lot, fit, serial)
		if !whole {
			drawn[i].Cases = drawCases(lot, drawn[i].Faults, cases)
		}
	}
	return drawn
}

// lots gives every id a lot of its own, which does not depend on the others: a
// new mutant or case leaves the lots of those that there were.
func lots(salt string) func(id string) uint64 {
	return func(id string) uint64 {
		h := fnv.New128a()
		h.Write([]byte(salt + id))
		sum := h.Sum(nil)
		return rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:])).Uint64()
	}
}

func drawFaults(rnd *rand.Rand, lot func(string) uint64, fit []*Mutant, serial *Mutant) []*Mutant {
	var first, faults []*Mutant
	if rnd.IntN(serialShare) == 0 {
		first = []*Mutant{serial}
	}
	want := fewestFaults + rnd.IntN(mostFaults-fewestFaults+1)
	byLot := slices.SortedFunc(slices.Values(fit), func(a, b *Mutant) int { return cmp.Compare(lot(a.ID), lot(b.ID)) })
	for _, m := range byLot {
		if len(faults) == want {
			break
		}
		if m.compatibleWith(first) && m.compatibleWith(faults) {
			faults = append(faults, m)
		}
	}
	slices.SortFunc(faults, func(a, b *Mutant) int { return cmp.Compare(a.ID, b.ID) })
	return append(first, faults...)
}

// drawCases lists the cases to run on an agent with faults.
func drawCases(lot func(string) uint64, faults []*Mutant, cases []engine.Case) []string {
	var ids []string
	for i := range cases {
		c := &cases[i]
		if lot(c.ID)%caseShare == 0 || slices.ContainsFunc(faults, func(f *Mutant) bool { return f.Clause() == c.Clause || f.Case == c.ID }) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// compatibleWith reports whether the mutant can be told apart in one agent with
// others: neither hides the other from its case, and they do not set the same
// part of the agent.
func (m *Mutant) compatibleWith(others []*Mutant) bool {
	return !slices.ContainsFunc(others, func(o *Mutant) bool {
		return m.Case == o.Case || m.MayBreak(o.Case) || o.MayBreak(m.Case) ||
			slices.ContainsFunc(m.Sets, func(part string) bool { return slices.Contains(o.Sets, part) })
	})
}

// Conflict names two faults of a mixture that cannot be told apart; both are
// empty for a mixture in which all can.
func (m *Mixture) Conflict() (a, b string) {
	for i, f := range m.Faults {
		for _, g := range m.Faults[:i] {
			if !f.compatibleWith([]*Mutant{g}) {
				return g.ID, f.ID
			}
		}
	}
	return "", ""
}

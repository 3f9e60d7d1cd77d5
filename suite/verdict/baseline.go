package verdict

import "slices"

// Baseline is what a file of known failures had to say of a report. Package
// baseline makes it.
type Baseline struct {
	// Entries is how many the file has.
	Entries int `json:"entries"`
	// Problems are the entries that are wrong, in the order of the file.
	Problems []BaselineProblem `json:"problems,omitempty"`
}

// BaselineProblem is one entry that is wrong.
type BaselineProblem struct {
	Case string      `json:"case"`
	Kind ProblemKind `json:"kind"`
	// Detail is a sentence for people.
	Detail string `json:"detail"`
}

// ProblemKind says in which way an entry of a baseline is wrong.
type ProblemKind string

// All kinds of problems.
const (
	Unmatched ProblemKind = "unmatched" // there is no such case
	Stale     ProblemKind = "stale"     // the case does not fail any more
	Changed   ProblemKind = "changed"   // it fails for another reason
	Expired   ProblemKind = "expired"   // it should have been mended by now
)

// ProblemKinds lists every kind.
func ProblemKinds() []ProblemKind { return []ProblemKind{Unmatched, Stale, Changed, Expired} }

// Known tells whether a baseline accounts for a failure: it has an entry, and
// nothing is wrong with that one.
func (r *Report) Known(res Result) bool {
	return res.Baselined && r.Baseline != nil &&
		!slices.ContainsFunc(r.Baseline.Problems, func(p BaselineProblem) bool { return p.Case == res.ID })
}

// KnownFailures counts the failures that a baseline accounts for.
func (r *Report) KnownFailures() int {
	n := 0
	for _, res := range r.Results {
		if r.Known(res) {
			n++
		}
	}
	return n
}

package verdict

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// CaseInfo names a case: what a reader of reports knows of it.
type CaseInfo struct {
	ID     string // as in "exec.timeout/kills-the-tree"
	Clause string // the one that it judges
}

// Area is what the report groups by: the first word of the id.
func (c CaseInfo) Area() string {
	area, _, _ := strings.Cut(c.ID, ".")
	return area
}

// Profile is the certificate that the case counts for.
func (c CaseInfo) Profile() string {
	switch c.Area() {
	case "pty", "stream":
		return ProfileTerminal
	case "desktop":
		return ProfileDesktop
	case "session":
		return ProfileSession
	case "relay":
		return ProfileRelay
	default:
		return ProfileCore
	}
}

// The profiles, in the order of a report.
const (
	ProfileCore     = "core"
	ProfileTerminal = "terminal"
	ProfileDesktop  = "desktop"
	ProfileSession  = "session"
	ProfileRelay    = "relay" // the only one of a subject that is a relay
)

// Profiles lists all profiles of agents in the order of a report.
func Profiles() []string {
	return []string{ProfileCore, ProfileTerminal, ProfileDesktop, ProfileSession}
}

// SuiteInfo names the set of cases.
type SuiteInfo struct {
	Cases  int
	Digest string // of the ids and clauses of all cases
	// Strength is nil where nobody measured it.
	Strength *Strength
}

// Strength is how many of the declared faults the suite notices: what its green
// is worth.
type Strength struct {
	Killed   int `json:"killed"`
	Declared int `json:"declared"`
}

// NewSuiteInfo names a set of cases by their ids and clauses, in any order.
func NewSuiteInfo(cases []CaseInfo) SuiteInfo {
	sum := sha256.New()
	ids := make([]string, 0, len(cases))
	for _, c := range cases {
		ids = append(ids, c.ID+" "+c.Clause+"\n")
	}
	slices.Sort(ids)
	for _, id := range ids {
		sum.Write([]byte(id))
	}
	return SuiteInfo{Cases: len(cases), Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil))}
}

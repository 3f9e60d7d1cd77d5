package verdict_test

import (
	"testing"

	"agentproof/suite/verdict"
)

func TestTheGraverStatusOutweighs(t *testing.T) {
	t.Parallel()
	order := []verdict.Status{
		verdict.Pass, verdict.Warn, verdict.NotClaimed, verdict.Untestable, verdict.Blocked, verdict.Fail, verdict.HarnessError, verdict.Interrupted,
	}
	for i, a := range order {
		for j, b := range order {
			if got := a.Outweighs(b); got != (i > j) {
				t.Errorf("%s outweighs %s: %v", a, b, got)
			}
		}
	}
	if verdict.Status("").Outweighs(verdict.Pass) || verdict.Pass.Outweighs("") {
		t.Error("no status yet and a pass are not alike")
	}
}

func TestASuiteIsItsCasesInAnyOrder(t *testing.T) {
	t.Parallel()
	a := verdict.CaseInfo{ID: "ping.nonce/echoed", Clause: "ping.nonce"}
	b := verdict.CaseInfo{ID: "pty.open/opens", Clause: "pty.open"}
	ab, ba := verdict.NewSuiteInfo([]verdict.CaseInfo{a, b}), verdict.NewSuiteInfo([]verdict.CaseInfo{b, a})
	if ab != ba || ab.Cases != 2 {
		t.Errorf("got %v and %v", ab, ba)
	}
	b.Clause = "pty.close"
	if other := verdict.NewSuiteInfo([]verdict.CaseInfo{a, b}); other.Digest == ab.Digest {
		t.Error("another clause makes no other suite")
	}
	if a.Area() != "ping" || a.Profile() != verdict.ProfileCore || b.Profile() != verdict.ProfileTerminal {
		t.Errorf("%s is of %s and %s", a.ID, a.Area(), a.Profile())
	}
}

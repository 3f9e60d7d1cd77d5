package relaysuite_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"agentproof/docs/spec"
	"agentproof/suite/engine"
	"agentproof/suite/relaysuite"
	"agentproof/suite/verdict"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(tb testing.TB) *spec.Spec {
	tb.Helper()
	s, err := spec.Load()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestTheBundledRelayIsConformant(t *testing.T) {
	t.Parallel()
	r, stop, err := relaysuite.Bundled()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	rep, err := relaysuite.Run(t.Context(), r, relaysuite.Options{Spec: load(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range rep.Results {
		if res.Status != verdict.Pass {
			t.Errorf("%s is %s: %s\n%s", res.ID, res.Status, res.Reason, strings.Join(res.Notes, "\n"))
		}
	}
	if !rep.Certifies() {
		t.Errorf("the bundled relay is %s", rep.Verdict())
	}
}

func TestTheCasesAreFitToRunAndTryEveryClause(t *testing.T) {
	t.Parallel()
	s, cases := load(t), relaysuite.Cases(nil)
	if err := engine.Validate(s, cases); err != nil {
		t.Error(err)
	}
	tried := make(map[string]bool)
	for _, c := range cases {
		tried[c.Clause] = true
	}
	for _, c := range s.Clauses() {
		if strings.HasPrefix(c.ID, "relay.") && !tried[c.ID] {
			t.Errorf("%s:%d: no case tries %s", c.File, c.Line, c.ID)
		}
	}
}

// TestARelayWithOtherSecretsIsNotJudgedByItsTokens shows what a wrong
// --viewer-secret looks like: nothing can be arranged, nothing passes for it.
func TestARelayWithOtherSecretsIsNotJudgedByItsTokens(t *testing.T) {
	t.Parallel()
	r, stop, err := relaysuite.Bundled()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	r.ViewerSecret, r.ProducerSecret, r.Start = "wrong", "wrong", nil
	rep, err := relaysuite.Run(t.Context(), r, relaysuite.Options{
		Spec: load(t), Selection: verdict.Selection{Cases: []string{"relay.token.scope/*", "relay.close/*", "relay.token.secret/*"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range rep.Results {
		want := verdict.Blocked
		switch {
		case res.Status == verdict.NotSelected:
			continue
		case res.Clause == "relay.token.secret":
			want = verdict.Untestable
		}
		if res.Status != want {
			t.Errorf("%s is %s, want %s: %s", res.ID, res.Status, want, res.Reason)
		}
	}
	if rep.ExitCode() == 0 {
		t.Error("the exit code is 0")
	}
}

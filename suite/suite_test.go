package suite_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"agentproof/docs/spec"
	"agentproof/internal/bundled"
	"agentproof/suite"
	"agentproof/suite/engine"
)

// agentCommand names another agent to certify. It is split at blanks.
const agentCommand = "AGENTPROOF_AGENT_CMD"

func TestMain(m *testing.M) {
	suite.Intercept()
	if len(os.Args) > 1 && os.Args[1] == bundled.Command {
		os.Exit(bundled.Main(context.Background(), os.Stderr))
	}
	os.Exit(m.Run())
}

// TestConformance certifies the bundled agent, or the one that
// AGENTPROOF_AGENT_CMD starts.
func TestConformance(t *testing.T) {
	s := suite.Subject{Name: "the bundled agent", InProcess: bundled.InProcess}
	if argv := strings.Fields(os.Getenv(agentCommand)); len(argv) > 0 {
		// Names in the command are relative to the module, not to this package.
		t.Chdir("..")
		s = suite.Subject{Command: argv}
	}
	s.OutDir = os.Getenv("AGENTPROOF_OUT")
	suite.Run(t, s)
}

func TestTheCasesAreFitToRun(t *testing.T) {
	t.Parallel()
	s, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Validate(s, suite.Cases()); err != nil {
		t.Error(err)
	}
}

// TestEveryClauseHasACase keeps the suite complete: what a MUST or SHOULD of
// the agent demands is tried by at least one case.
func TestEveryClauseHasACase(t *testing.T) {
	t.Parallel()
	s, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	tried := make(map[string]bool)
	for _, c := range suite.Cases() {
		tried[c.Clause] = true
	}
	for _, c := range s.Clauses() {
		area, _, _ := strings.Cut(c.ID, ".")
		switch area {
		case "relay", "session":
			continue // no agent is their subject
		}
		if c.Level != spec.May && !tried[c.ID] {
			t.Errorf("%s:%d: no case tries %s", c.File, c.Line, c.ID)
		}
	}
}

//go:build unix

package pty_test

import (
	"os"
	"testing"

	"agentproof/agent/fault/catalogue"
	"agentproof/internal/trial"
	"agentproof/suite/cases/pty"
	"agentproof/suite/helper"
	"agentproof/suite/verdict"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

func TestANewlineThatNobodyTypedOnlyWarns(t *testing.T) {
	if testing.Short() {
		t.Skip("runs most cases once more")
	}
	t.Parallel()
	newline, ok := catalogue.Find("pty.types-a-newline-into-every-terminal")
	if !ok {
		t.Fatal("there is no such mutant")
	}
	trial.Tolerated(t, pty.Cases(), verdict.Selection{Skip: []string{
		// They judge the connection to the relay, or much more of the same.
		"pty.relay-**", "pty.no-relay**", "pty.survives-relay/killed", "pty.output-complete/sixty-four-mebibytes",
	}}, newline)
}

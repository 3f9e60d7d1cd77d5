package main

import (
	"strings"
	"testing"

	"agentproof/agent/fault/catalogue"
)

func TestRunServesAnAgentThatIsWrongOnPurpose(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "--epoch", "5", "--mutant", "fence.creates-what-it-fences")
	invoke(t, nothing(), append(s.call(), "--epoch", "4", "write", "f", "x")...).want(t, 125, "", "epoch")
	invoke(t, nothing(), append(s.call(), "stat", "f")...).want(t, 0, "f", "") // which a fence would have kept away
	if !strings.Contains(s.log.String(), "this agent is wrong on purpose") {
		t.Errorf("it does not say so:\n%s", s.log)
	}
}

func TestRunListsEveryFault(t *testing.T) {
	t.Parallel()
	got := invoke(t, nothing(), "run", "--list-mutants")
	got.want(t, 0, "fence.creates-what-it-fences ", "")
	if lines := strings.Count(got.out, "\n"); lines != len(catalogue.All()) {
		t.Errorf("%d lines for %d faults", lines, len(catalogue.All()))
	}
}

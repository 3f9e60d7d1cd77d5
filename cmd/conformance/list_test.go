package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"agentproof/suite/cases"
)

func TestListNamesEveryCaseOnce(t *testing.T) {
	t.Parallel()
	got := invoke(t, "list")
	got.want(t, 0, "", "")
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	if len(lines) != len(cases.All()) || !slices.IsSorted(lines) {
		t.Errorf("%d lines for %d cases, sorted: %t", len(lines), len(cases.All()), slices.IsSorted(lines))
	}
	if !slices.ContainsFunc(lines, func(l string) bool {
		return slices.Equal(strings.Fields(l), []string{"ping.nonce/echoed", "MUST", "ping.nonce"})
	}) {
		t.Errorf("no line about ping.nonce/echoed in\n%s", got.out)
	}
}

func TestListJSON(t *testing.T) {
	t.Parallel()
	got := invoke(t, "list", "--json")
	got.want(t, 0, "", "")
	var list []map[string]string
	if err := json.Unmarshal([]byte(got.out), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != len(cases.All()) {
		t.Errorf("%d objects for %d cases", len(list), len(cases.All()))
	}
	for _, c := range list {
		if len(c) != 4 || c["clause"] == "" || !strings.HasPrefix(c["id"], c["area"]+".") ||
			!slices.Contains([]string{"must", "should", "may"}, c["level"]) {
			t.Errorf("got %v", c)
		}
	}
}

func TestExplainKnowsEveryCase(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	a, err := newApp(nil, &out, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases.All() {
		out.Reset()
		if err := a.explain(c.ID); err != nil {
			t.Fatal(err)
		}
		want := []string{c.ID + "\n", "clause   " + c.Clause + " · ", "demands  ", "why      ", "run it   conformance run --case '" + c.ID + "'\n"}
		if c.Try != "" {
			want = append(want, "by hand  "+c.Try+"\n")
		}
		for _, label := range want {
			if !strings.Contains(out.String(), label) {
				t.Errorf("%s lacks %q:\n%s", c.ID, label, out.String())
			}
		}
	}
}

func TestExplainAClauseExplainsItsCases(t *testing.T) {
	t.Parallel()
	got := invoke(t, "explain", "ping.nonce")
	for _, want := range []string{"clause   ping.nonce · MUST\n", "\nping.nonce/echoed\n\nwhy", "\nping.nonce/full-range\n\nwhy"} {
		got.want(t, 0, want, "")
	}
	if strings.Count(got.out, "demands") != 1 {
		t.Errorf("it repeats what the clause demands:\n%s", got.out)
	}
}

func TestExplainSaysWhereACaseRuns(t *testing.T) {
	t.Parallel()
	invoke(t, "explain", "fence.newer/runs").want(t, 0, "runs     on an instance of its own, so not with --attach\n", "")
	invoke(t, "explain", "exec.cwd/relative-names").want(t, 0, "needs    exec", "")
}

func TestListAndExplainTakeAnAreaOrAClause(t *testing.T) {
	t.Parallel()
	got := invoke(t, "list", "fence.stale")
	got.want(t, 0, "fence.stale/details", "")
	for line := range strings.Lines(got.out) {
		if !strings.HasPrefix(line, "fence.stale/") {
			t.Errorf("it lists %s", line)
		}
	}
	got = invoke(t, "explain", "ping")
	for _, want := range []string{"clause   ping.nonce · MUST\n", "case     ping.nonce/echoed\n", "\n\nclause   ping.monotonic"} {
		if !strings.Contains("\n\n"+got.out, want) {
			t.Errorf("explain ping lacks %q:\n%s", want, got.out)
		}
	}
}

func TestTheShellCompletesNamesOfCases(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"run", "--case"}, {"run", "--skip"}, {"list"}, {"explain"}} {
		lines := strings.Split(invoke(t, append(append([]string{"__complete"}, args...), "")...).out, "\n")
		for _, want := range []string{"ping", "ping.nonce", "ping.nonce/echoed"} {
			if !slices.Contains(lines, want) {
				t.Errorf("%v is not completed to %s", args, want)
			}
		}
	}
}

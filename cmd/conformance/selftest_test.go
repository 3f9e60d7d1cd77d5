package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agentproof/agent/fault/catalogue"
	"agentproof/suite/cases"
)

func TestSelftestTriesTheMutantsThatItIsAskedFor(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "new", "selftest.json")
	got := invoke(t, "selftest", "--mutant", "fence.*epochs", "--out", file)
	got.want(t, 0, "✓ 1 of 1 mutants killed in ", "")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out selftestOutcome
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	if out.Killed != 1 || out.Declared != 1 || len(out.Mutants) != 1 {
		t.Fatalf("got %s", data)
	}
	m := out.Mutants[0]
	if m.ID != "fence.swaps-the-epochs" || m.Verdict != "killed" || m.Clause != "fence.stale" || !strings.HasPrefix(m.At, "suite/cases/fence/stale.go:") {
		t.Errorf("got %+v", m)
	}
}

func TestSelftestTriesTheMixtureThatItIsAskedFor(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "new", "mixtures.json")
	got := invoke(t, "selftest", "--mixture", "fs.believes-st-size,fence.swaps-the-epochs", "--case", "fence.stale/*", "--case", "fs.read.total-size/*", "--out", file)
	got.want(t, 0, "✓ 1 of 1 mixtures judged exactly in ", "")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out mixtureOutcome
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	if out.Exact != 1 || out.Tried != 1 || len(out.Mixtures) != 1 || !out.Mixtures[0].Exact ||
		strings.Join(out.Mixtures[0].Faults, " ") != "fence.swaps-the-epochs fs.believes-st-size" {
		t.Errorf("got %s", data)
	}
}

func TestSelftestListsEveryMutantAndItsCase(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	for _, c := range cases.All() {
		known[c.ID] = true
	}
	got := invoke(t, "selftest", "--list", "--json")
	got.want(t, 0, "", "")
	var list []listedMutant
	if err := json.Unmarshal([]byte(got.out), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != len(catalogue.All()) {
		t.Errorf("%d objects for %d mutants", len(list), len(catalogue.All()))
	}
	for _, m := range list {
		if !known[m.Case] {
			t.Errorf("%s names the case %q, which does not exist", m.ID, m.Case)
		}
	}
	if got := invoke(t, "selftest", "--list"); strings.Count(got.out, "\n") != len(list) {
		t.Errorf("%d lines for %d mutants", strings.Count(got.out, "\n"), len(list))
	}
}

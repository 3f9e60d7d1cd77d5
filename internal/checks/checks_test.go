package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agentproof/docs/spec"
	"agentproof/internal/clientfault"
)

const someCases = `package fence

func Cases() []engine.Case {
	return []engine.Case{
		{ID: "fence.stale/x", Clause: "fence.stale", Run: stale},
		{ID: "envelope.order/x", Clause: "envelope.order", Run: order},
	}
}

func stale(ctx context.Context, t *engine.T) {
	given := t.Given()
	given.Check(true, "arranged", "")
	t.Given().Fatalf("arranged", "")
	t.Check(
		false, "a", "b")
	shared(t)
	fmt.Errorf("no check")
	bytes.Equal(nil, nil)
}

func order(ctx context.Context, t *engine.T) {
	t.Errorf("a", "b")
	shared(t)
}

func shared(t *engine.T) {
	engine.Equal(t, "a", 1, 2)
	engine.Equal(t.Given(), "a", 1, 2)
}
`

func found(t *testing.T) []check {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "suite", "cases", "fence")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fence.go"), []byte(someCases), 0o644); err != nil {
		t.Fatal(err)
	}
	clauses, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	checks, err := find(root, clauses)
	if err != nil {
		t.Fatal(err)
	}
	return checks
}

func TestFindTellsWhatJudgesFromWhatArranges(t *testing.T) {
	t.Parallel()
	var got []string
	for _, c := range found(t) {
		line := c.call
		if !c.must {
			line += " of a SHOULD"
		}
		got = append(got, line)
	}
	want := []string{"t.Check", "t.Errorf of a SHOULD", "engine.Equal"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAMutantThatDiedAtACheckProvesIt(t *testing.T) {
	t.Parallel()
	checks := found(t)
	killers := attribute(checks, []outcome{
		{ID: "fence.a", Case: "fence.stale/x", Verdict: "killed", At: "suite/cases/fence/fence.go:15"}, // its second line
		{ID: "fence.b", Case: "fence.stale/x", Verdict: "survived", At: "suite/cases/fence/fence.go:27"},
	})
	var out strings.Builder
	if n := report(&out, checks, killers); n != 1 {
		t.Errorf("%d unproven checks, want 1:\n%s", n, out.String())
	}
	if want := "suite/cases/fence/fence.go:27  engine.Equal\n1 of 2 checks of MUST cases are proven by a mutant, 0 of them only by mutants of the session client\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	picked, _ := pick(provable(checks, killers), killers, 20)
	if len(picked) != 1 || picked[0].call != "t.Check" {
		t.Errorf("picked %v, want the check that a mutant proves", picked)
	}
}

func TestTheReportTellsWhatOnlyMutantsOfTheClientProve(t *testing.T) {
	t.Parallel()
	checks := []check{{file: "a.go", first: 1, must: true}, {file: "a.go", first: 2, must: true}, {file: "a.go", first: 3, must: true}}
	killers := map[string][]outcome{
		"a.go:1": {{ID: "client.x"}}, "a.go:2": {{ID: "client.x"}, {ID: "fence.y"}}, "a.go:3": {{ID: "fence.z"}},
	}
	var out strings.Builder
	report(&out, checks, killers)
	if want := "3 of 3 checks of MUST cases are proven by a mutant, 1 of them only by mutants of the session client\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestMutantsOfOneCaseAreTriedByOneProcess(t *testing.T) {
	t.Parallel()
	var ids []string
	cases := make(map[string]string)
	for _, f := range clientfault.All() {
		ids = append(ids, f.ID())
		cases[f.ID()] = f.Case
	}
	where := make(map[string]int)
	tried := 0
	for i, share := range shares(ids, 3) {
		for _, id := range share {
			tried++
			if at, ok := where[cases[id]]; ok && at != i {
				t.Errorf("the case of %s is in the shares %d and %d", id, at, i)
			}
			where[cases[id]] = i
		}
	}
	if tried != len(ids) {
		t.Errorf("%d of %d mutants are in a share", tried, len(ids))
	}
	if few := shares(ids[:1], 3); len(few) != 1 {
		t.Errorf("%d shares for one mutant", len(few))
	}
}

func TestChecksOfOneCaseAreNeverRemovedTogether(t *testing.T) {
	t.Parallel()
	checks := []check{{file: "a.go", first: 1, must: true}, {file: "a.go", first: 2, must: true}, {file: "a.go", first: 3, must: true}}
	killers := map[string][]outcome{
		"a.go:1": {{ID: "m", Case: "x"}}, "a.go:2": {{ID: "n", Case: "y"}, {ID: "o", Case: "x"}}, "a.go:3": {{ID: "p", Case: "z"}},
	}
	for _, n := range []int{2, 20, -1} {
		picked, others := pick(checks, killers, n)
		if len(picked) != 2 || picked[0].first != 1 || picked[1].first != 3 {
			t.Errorf("of up to %d picked %v, want the first and the third", n, picked)
		}
		if len(others) != 1 || others[0].first != 2 {
			t.Errorf("of up to %d left %v, want the second", n, others)
		}
	}
}

package engine_test

import (
	"context"
	"strings"
	"testing"

	"agentproof/docs/spec"
	"agentproof/suite/engine"
)

func TestUnfitCasesAreRefused(t *testing.T) {
	t.Parallel()
	clauses, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(context.Context, *engine.T) {}
	fit := engine.Case{ID: "ping.nonce/echoed", Clause: "ping.nonce", Explain: "Why.", Run: nothing}
	change := func(f func(*engine.Case)) []engine.Case {
		c := fit
		f(&c)
		return []engine.Case{c}
	}
	tests := map[string]struct {
		cases []engine.Case
		want  string
	}{
		"twice the same id":            {[]engine.Case{fit, fit}, "the id is taken"},
		"an id without a behaviour":    {change(func(c *engine.Case) { c.ID = "ping.nonce" }), "not clause/behaviour"},
		"an id that ends in a number":  {change(func(c *engine.Case) { c.ID = "ping.nonce/case1" }), "ends in a number"},
		"a clause that does not exist": {change(func(c *engine.Case) { c.Clause = "ping.pong" }), `"ping.pong" is unknown`},
		"a clause of another area":     {change(func(c *engine.Case) { c.Clause = "fence.first" }), "another area"},
		"a case that explains nothing": {change(func(c *engine.Case) { c.Explain = "" }), "explains nothing"},
		"a case that runs nothing":     {change(func(c *engine.Case) { c.Run = nil }), "runs nothing"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := engine.Validate(clauses, tc.cases); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("err = %v, want one about %q", err, tc.want)
			}
		})
	}
}

package runner_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"agentproof/suite/engine"
	"agentproof/suite/runner"
	"agentproof/suite/verdict"
)

func TestASelectionKeepsWhatItNames(t *testing.T) {
	t.Parallel()
	nothing := func(context.Context, *engine.T) {}
	cases := []engine.Case{
		{ID: "ping.nonce/echoed", Clause: "ping.nonce", Run: nothing},
		{ID: "ping.monotonic/steady", Clause: "ping.monotonic", Run: nothing},
		{ID: "envelope.order/kept", Clause: "envelope.order", Run: nothing},
		{ID: "fence.ratchet/recorded", Clause: "fence.ratchet", Run: nothing},
		{ID: "pty.open/opens", Clause: "pty.open", Run: nothing},
	}
	tests := map[string]struct {
		sel  verdict.Selection
		want string // the selected ids' first words after the dot
	}{
		"everything without a filter":        {verdict.Selection{}, "nonce monotonic order ratchet open"},
		"a whole id":                         {verdict.Selection{Cases: []string{"ping.nonce/echoed"}}, "nonce"},
		"two stars cross words":              {verdict.Selection{Cases: []string{"ping.**"}}, "nonce monotonic"},
		"one star stays within a word":       {verdict.Selection{Cases: []string{"ping.*"}}, ""},
		"one star a word":                    {verdict.Selection{Cases: []string{"*.*/kept"}}, "order"},
		"several globs add up":               {verdict.Selection{Cases: []string{"ping.nonce/*", "envelope.**"}}, "nonce order"},
		"a dot is a dot":                     {verdict.Selection{Cases: []string{"ping?nonce/echoed"}}, ""},
		"skip wins over case":                {verdict.Selection{Cases: []string{"ping.**"}, Skip: []string{"**/echoed"}}, "monotonic"},
		"must leaves out the rest":           {verdict.Selection{Level: "must"}, "nonce monotonic open"},
		"should leaves out what is recorded": {verdict.Selection{Level: "should"}, "nonce monotonic order open"},
		"a profile":                          {verdict.Selection{Profiles: []string{"terminal"}}, "open"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := options(t, pong, cases...)
			opts.Selection = tc.sel
			rep, err := runner.Run(t.Context(), opts)
			if tc.want == "" {
				if !errors.Is(err, runner.ErrNothingSelected) {
					t.Fatalf("err = %v, want %v", err, runner.ErrNothingSelected)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Fields(tc.want)
			for _, c := range rep.Results {
				word := strings.FieldsFunc(c.ID, func(r rune) bool { return r == '.' || r == '/' })[1]
				selected := false
				for _, w := range want {
					selected = selected || w == word
				}
				if got := c.Status != verdict.NotSelected; got != selected {
					t.Errorf("%s: selected %v, want %v", c.ID, got, selected)
				}
			}
			if got := rep.Totals[verdict.NotSelected]; got != len(cases)-len(want) {
				t.Errorf("%d not selected, want %d", got, len(cases)-len(want))
			}
			if tc.sel.Filtered() && rep.Certifies() {
				t.Error("a filtered run certifies")
			}
		})
	}
}

func TestAWrongSelectionSaysWhatThereIs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sel  verdict.Selection
		want string
	}{
		"a profile that is none": {verdict.Selection{Profiles: []string{"gold"}}, `no profile "gold": there are core`},
		"a level that is none":   {verdict.Selection{Level: "may"}, `no level "may": there are must and should`},
		"an empty glob":          {verdict.Selection{Cases: []string{""}}, "empty glob"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := options(t, pong, engine.Case{ID: "ping.nonce/tried", Run: func(context.Context, *engine.T) {}})
			opts.Selection = tc.sel
			if _, err := runner.Run(t.Context(), opts); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("err = %v, want one about %q", err, tc.want)
			}
		})
	}
}

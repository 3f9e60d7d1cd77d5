package verdict_test

import (
	"slices"
	"strings"
	"testing"

	"agentproof/docs/spec"
	"agentproof/suite/verdict"
)

func TestASelectionKeepsWhatItNames(t *testing.T) {
	t.Parallel()
	cases := []verdict.Result{
		{ID: "ping.nonce/echoed", Level: spec.Must, Profile: verdict.ProfileCore},
		{ID: "ping.monotonic/steady", Level: spec.Must, Profile: verdict.ProfileCore},
		{ID: "envelope.order/kept", Level: spec.Should, Profile: verdict.ProfileCore},
		{ID: "fence.ratchet/recorded", Level: spec.May, Profile: verdict.ProfileCore},
		{ID: "pty.open/opens", Level: spec.Must, Profile: verdict.ProfileTerminal},
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
		"an area":                            {verdict.Selection{Cases: []string{"ping"}}, "nonce monotonic"},
		"a clause":                           {verdict.Selection{Cases: []string{"ping.nonce", "pty.open"}}, "nonce open"},
		"part of a word is no name":          {verdict.Selection{Cases: []string{"ping.non", "pt"}}, ""},
		"an area to skip":                    {verdict.Selection{Skip: []string{"ping", "pty.open"}}, "order ratchet"},
		"skip wins over case":                {verdict.Selection{Cases: []string{"ping.**"}, Skip: []string{"**/echoed"}}, "monotonic"},
		"must leaves out the rest":           {verdict.Selection{Level: "must"}, "nonce monotonic open"},
		"should leaves out what is recorded": {verdict.Selection{Level: "should"}, "nonce monotonic order open"},
		"a profile":                          {verdict.Selection{Profiles: []string{"terminal"}}, "open"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keeps, err := tc.sel.Filter()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i := range cases {
				if keeps(&cases[i]) {
					got = append(got, strings.FieldsFunc(cases[i].ID, func(r rune) bool { return r == '.' || r == '/' })[1])
				}
			}
			if want := strings.Fields(tc.want); !slices.Equal(got, want) {
				t.Errorf("it keeps %q, want %q", got, want)
			}
			if all := tc.sel.Level == "" && len(tc.sel.Profiles)+len(tc.sel.Cases)+len(tc.sel.Skip) == 0; tc.sel.Filtered() == all {
				t.Errorf("filtered: %v", tc.sel.Filtered())
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
			if _, err := tc.sel.Filter(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("err = %v, want one about %q", err, tc.want)
			}
		})
	}
}

package subject_test

import (
	"slices"
	"testing"

	"agentproof/suite/subject"
)

func TestLayerReplacesAddsAndRemovesVariables(t *testing.T) {
	t.Parallel()
	inherited := []string{"SHELL=/bin/zsh", "HOME=/root", "HOMEPAGE=x", "LANG=C"}
	env := subject.Environment{Extra: []string{"SHELL=/bin/sh", "HOME", "NEW=a=b", "LANG="}}
	got := env.Layer(inherited)
	slices.Sort(got)
	if want := []string{"HOMEPAGE=x", "LANG=", "NEW=a=b", "SHELL=/bin/sh"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if inherited[0] != "SHELL=/bin/zsh" {
		t.Error("the inherited environment was changed")
	}
}

func TestAnAgentIsToldThatNobodyWatchesItsLog(t *testing.T) {
	t.Parallel()
	env := subject.Environment{Marker: "xyz", Extra: []string{"ADDED=1"}}
	got := env.Around([]string{"TERM=xterm-256color", "FORCE_COLOR=1", "COLORTERM=truecolor", "HOME=/root", "CONFORMANCE_INSTANCE=outer"})
	slices.Sort(got)
	if want := []string{"ADDED=1", "CONFORMANCE_INSTANCE=xyz", "HOME=/root", "NO_COLOR=1", "TERM=dumb"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	env.Extra = []string{"TERM=vt100"}
	if got := env.Around(nil); !slices.Contains(got, "TERM=vt100") || slices.Contains(got, "TERM=dumb") {
		t.Errorf("got %q, want the case's own TERM", got)
	}
}

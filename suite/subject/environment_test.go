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

package engine

import (
	"context"
	"fmt"
	"slices"
)

// Arrange runs the helper in the case's own directory to make what file
// operations cannot. A helper that fails blocks the case.
func (t *T) Arrange(ctx context.Context, args ...string) {
	given := t.Given()
	r := given.Run(ctx, args...)
	if r.GetExitCode() != 0 {
		t.Logf("stderr of the helper's %s: %s", args[0], r.GetStderr())
		given.Fatalf("a helper whose "+args[0]+" succeeds", "exit code %d", r.GetExitCode())
	}
}

// EqualSet checks that two lists hold the same strings equally often, in any
// order, and returns whether they do.
func EqualSet(t *T, what string, got, want []string) bool {
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	return t.Check(slices.Equal(got, want), fmt.Sprintf("%s %q", what, want), "%q", got)
}

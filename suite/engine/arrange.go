package engine

import (
	"context"
	"fmt"
)

// Arrange runs the helper in the case's own directory, beside the agent, to make
// what file operations cannot. A helper that fails blocks the case.
func (t *T) Arrange(ctx context.Context, args ...string) {
	given := t.Given()
	r := t.RunHelper(ctx, args...)
	if r.GetExitCode() != 0 {
		t.Logf("stderr of the helper's %s: %s", args[0], r.GetStderr())
		given.fatal(helperCause, "a helper whose "+args[0]+" succeeds", fmt.Sprintf("exit code %d", r.GetExitCode()))
	}
}

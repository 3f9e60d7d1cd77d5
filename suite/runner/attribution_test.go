package runner_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"agentproof/suite/engine"
	"agentproof/suite/wait"
)

// here is the line that calls it, as a failure names it.
func here() string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("suite/runner_test/%s:%d", filepath.Base(file), line)
}

func TestAFailureNamesTheLineOfTheCase(t *testing.T) {
	t.Parallel()
	var at string
	tests := map[string]func(context.Context, *engine.T){
		"that checks":              func(_ context.Context, t *engine.T) { at = here(); t.Check(false, "this", "that") },
		"that compares":            func(_ context.Context, t *engine.T) { at = here(); engine.Equal(t, "this", 1, 2) },
		"that asks for a file":     func(ctx context.Context, t *engine.T) { at = here(); t.Read(ctx, "x") },
		"that has to upload first": func(ctx context.Context, t *engine.T) { at = here(); t.Helper(ctx) },
		"in what it waits for": func(ctx context.Context, t *engine.T) {
			wait.Until(ctx, 0, func(context.Context) bool { at = here(); return t.Check(false, "this", "that") })
		},
		"in a lane": func(_ context.Context, t *engine.T) {
			t.Lanes(1, func(int) { at = here(); t.Errorf("this", "that") })
		},
	}
	for name, try := range tests {
		t.Run(name, func(t *testing.T) {
			opts := options(t, pong, engine.Case{ID: "ping.nonce/tried", Run: try})
			opts.UploadHelper = true
			res := run(t, opts).Results[0]
			if len(res.Failures) == 0 || res.Failures[0].At != at {
				t.Errorf("%s %q: want a failure at %s, got %v", res.Status, res.Reason, at, res.Failures)
			}
		})
	}
}

package runner_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	agentv1 "agentproof/proto/opengeni/agent/v1"
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

// TestAFailureHasItsCause is what reports put findings together by.
func TestAFailureHasItsCause(t *testing.T) {
	t.Parallel()
	refusing := func(req *agentv1.ControlRequest) [][]byte {
		return [][]byte{encode(&agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_OS}})}
	}
	for name, tt := range map[string]struct {
		try   func(context.Context, *engine.T)
		cause string
	}{
		"an operation in the way":  {func(ctx context.Context, t *engine.T) { t.Given().Mkdir(ctx, "x") }, "fs_mkdir"},
		"an operation that fails":  {func(ctx context.Context, t *engine.T) { t.Read(ctx, "x") }, "fs_read"},
		"what the case looks at":   {func(_ context.Context, t *engine.T) { t.Errorf("this", "that") }, ""},
		"the first of several":     {func(ctx context.Context, t *engine.T) { t.Errorf("this", "that"); t.Read(ctx, "x") }, ""},
		"a helper that cannot run": {func(_ context.Context, t *engine.T) { engine.Decode[int](t, &agentv1.ExecResponse{ExitCode: 1}) }, "helper"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := one(t, refusing, engine.Case{Run: tt.try})
			if res.Cause != tt.cause || len(res.Failures) == 0 || res.Failures[0].Cause != tt.cause {
				t.Errorf("%s %q has the cause %q and the failures %v, want %q", res.Status, res.Reason, res.Cause, res.Failures, tt.cause)
			}
		})
	}
}

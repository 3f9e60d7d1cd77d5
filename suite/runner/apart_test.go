package runner_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/verdict"
)

// apart arranges and observes whatever a case may, and looks at the result.
func apart(ctx context.Context, t *engine.T) {
	t.File(ctx, "sub/file", "content")
	t.Folder(ctx, "folder")
	t.Arrange(ctx, "symlink", "sub/file", "link")
	seen := engine.Probe[helper.Content](ctx, t, "slurp", "link")
	engine.EqualBytes(t, "the content through the link", seen.Head, []byte("content"))
	engine.Equal(t, "the folder's type", engine.Probe[helper.FileInfo](ctx, t, "lstat", "folder").Type, "directory")
	ended := t.StartHelper(ctx, "append-lines", "--every", "1ms", "log", "3")
	engine.Equal(t, "the exit code", ended(ctx).GetExitCode(), 0)
	log, _ := t.Look(ctx, t.Path(ctx, "log"))
	engine.EqualBytes(t, "the log", log, []byte("line 0\nline 1\nline 2\n"))
}

func TestACaseIsArrangedWithoutWhatTheAgentBreaks(t *testing.T) {
	t.Parallel()
	opts := options(t, pong, engine.Case{ID: "ping.nonce/tried", Run: apart})
	if res := run(t, opts).Results[0]; res.Status != verdict.Pass {
		t.Errorf("an agent that refuses every operation: %s: %s", res.Status, res.Reason)
	}
	opts.UploadHelper = true
	if res := run(t, opts).Results[0]; res.Status != verdict.Blocked {
		t.Errorf("the same as if it were on another machine: %s: %s", res.Status, res.Reason)
	}
}

func TestAHelperEndsWithItsCase(t *testing.T) {
	t.Parallel()
	start := time.Now()
	res := one(t, pong, engine.Case{Run: func(ctx context.Context, t *engine.T) {
		t.StartHelper(ctx, "sleep", "1h")
	}})
	if took := time.Since(start); res.Status != verdict.Pass || took > time.Minute {
		t.Errorf("%s after %v: %s", res.Status, took, res.Reason)
	}
}

func TestAProgramThatCannotRunBlocksTheCase(t *testing.T) {
	t.Parallel()
	res := one(t, pong, engine.Case{Run: func(ctx context.Context, t *engine.T) {
		t.RunApart(ctx, "/nonexistent/program")
	}})
	if res.Status != verdict.Blocked {
		t.Errorf("%s: %s", res.Status, res.Reason)
	}
}

func TestABusyMachineGivesNoVerdict(t *testing.T) {
	t.Parallel()
	slow := filepath.Join(t.TempDir(), "slow")
	if err := os.WriteFile(slow, []byte("#!/bin/sh\nexec sleep 1.1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	opts := options(t, pong, engine.Case{ID: "ping.nonce/tried", Run: func(ctx context.Context, t *engine.T) {
		t.MissedIfBusy(ctx)
		t.Fatalf("a verdict", "none")
	}})
	opts.HelperProgram = slow
	if res := run(t, opts).Results[0]; res.Status != verdict.Untestable {
		t.Errorf("%s: %s", res.Status, res.Reason)
	}
}

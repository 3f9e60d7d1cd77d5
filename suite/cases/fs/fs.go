// Package fs holds the cases about the file operations. What an operation did
// is looked at by a program that runs beside the agent, and not by asking the agent
// for the file it claims to have written.
package fs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

// What most cases need: files through the agent, and commands that look at
// them or make what no file operation can.
const needs = engine.Filesystem | engine.Exec

const (
	notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	osError  = agentv1.ErrorCode_ERROR_CODE_OS
)

// largeSize is a file beyond the buffers that copies go through, and odd; its
// content still fits into a message at a broker's default limit of 1 MiB.
const largeSize = 700_001

// replyLimit is how long an operation may take that has nothing to wait for.
const replyLimit = 20 * time.Second

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return slices.Concat(
		entryCases(), readCases(), specialCases(), writeCases(), writeModeCases(), writeLinkCases(), fullDiskCases(),
		listCases(), vanishingCases(), mkdirCases(), moveCases(), deviceCases(), statCases(), removeCases(),
	)
}

// lstat asks the system, not the agent, about a name in the case's directory.
func lstat(ctx context.Context, t *engine.T, name string) helper.FileInfo {
	return engine.Probe[helper.FileInfo](ctx, t, "lstat", name)
}

// wantGone checks that nothing has the name.
func wantGone(ctx context.Context, t *engine.T, name string) {
	info := lstat(ctx, t, name)
	t.Check(!info.Exists, "nothing called "+name, "a %s", info.Type)
}

// wantType checks what kind of thing has the name, and returns all about it.
func wantType(ctx context.Context, t *engine.T, name, kind string) helper.FileInfo {
	info := lstat(ctx, t, name)
	switch {
	case !info.Exists:
		t.Errorf("a "+kind+" called "+name, "nothing")
	case info.Type != kind:
		t.Errorf("a "+kind+" called "+name, "a %s", info.Type)
	}
	return info
}

// wantContent checks a file's content as another process reads it.
func wantContent(ctx context.Context, t *engine.T, name string, want []byte) {
	r := t.RunHelper(ctx, "slurp", name)
	if r.GetExitCode() != 0 {
		t.Logf("stderr of the helper's slurp: %s", r.GetStderr())
		t.Errorf("a file called "+name+" that can be read", "none")
		return
	}
	got := engine.Decode[helper.Content](t, r)
	if int64(len(got.Head)) == got.Bytes {
		engine.EqualBytes(t, "the content of "+name, got.Head, want)
		return
	}
	t.Check(got.Digest == helper.DigestOf(want),
		fmt.Sprintf("%d bytes in %s, as written", len(want), name), "%d bytes that are not those", got.Bytes)
}

// wantText is wantContent for text.
func wantText(ctx context.Context, t *engine.T, name, want string) {
	wantContent(ctx, t, name, []byte(want))
}

// outcome is what a response says, in words that are the same every time.
func outcome(resp *agentv1.ControlResponse) string {
	if e := resp.GetError(); e != nil {
		return "the error " + strings.TrimPrefix(e.GetCode().String(), "ERROR_CODE_")
	}
	return "a success"
}

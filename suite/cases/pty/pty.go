// Package pty holds the cases about terminals: what the child sees of its
// terminal, how it is written to, resized and closed, and what reaches a
// viewer. Agents may type a newline into a new terminal, so that only bytes
// between markers are compared.
package pty

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wait"
)

// goneWithin is how long a child may outlive its terminal (pty.close,
// pty.relay-down).
const goneWithin = 2 * time.Second

const needs = engine.PTY | engine.Filesystem | engine.Exec

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return slices.Concat(openCases(), childCases(), inputCases(), endCases(), relayCases(), outputCases())
}

// report runs the helper on a terminal made by req, and returns what it saw.
func report(ctx context.Context, t *engine.T, req *agentv1.PtyOpenRequest) helper.Report {
	name := t.Path(ctx, "report.json")
	req.Command = t.Helper(ctx, "report", "--file", t.Abs(ctx, name))
	term := t.OpenTerminal(ctx, req)
	term.Attach(ctx)
	term.Rest(ctx)
	var r helper.Report
	if err := json.Unmarshal(t.Given().Read(ctx, name), &r); err != nil {
		t.Given().Fatalf("the helper's report", "none that decodes")
	}
	return r
}

// tree starts a process tree on a terminal and returns how to recognise its
// members.
func tree(ctx context.Context, t *engine.T, kinds ...string) (*engine.Terminal, []string) {
	name := t.Path(ctx, "tree.json")
	args := append([]string{"tree", "--for", "60s", "--sleep", "60s", "--file", t.Abs(ctx, name)}, kinds...)
	term := t.HelperTerminal(ctx, args...)
	return term, treeIn(ctx, t, name)
}

// treeIn waits for the report of a tree.
func treeIn(ctx context.Context, t *engine.T, name string) []string {
	var started helper.Tree
	given := t.Given()
	ok := wait.Until(ctx, t.Scale(20*time.Second), func(ctx context.Context) bool {
		return given.Exists(ctx, name) && json.Unmarshal(given.Read(ctx, name), &started) == nil
	})
	if !ok {
		given.Fatalf("a process tree on the terminal", "none")
	}
	return started.Refs()
}

// dieSoon checks that none of the processes is left within the bound.
func dieSoon(ctx context.Context, t *engine.T, what string, refs []string) {
	var left helper.Processes
	gone := wait.Until(ctx, goneWithin, func(ctx context.Context) bool {
		left = engine.Probe[helper.Processes](ctx, t, append([]string{"alive"}, refs...)...)
		return len(left.Living()) == 0
	})
	t.Check(gone, what+" gone within 2 s", "some still there: %s", left.Running())
}

// unknown checks that an id is not open any more.
func unknown(ctx context.Context, t *engine.T, id string) {
	t.Refused(ctx, &agentv1.PtyWriteRequest{PtyId: id, Data: []byte("x")}, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
	t.Refused(ctx, &agentv1.PtyResizeRequest{PtyId: id, Cols: 90, Rows: 30}, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
}

// Package pty holds the cases about terminals: what the child sees of its
// terminal, how it is written to, resized and closed, and what reaches a
// viewer. Agents may type a newline into a new terminal, so that only bytes
// between markers are compared.
package pty

import (
	"context"
	"slices"
	"strings"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

const (
	// goneWithin is how long a child may outlive its terminal (pty.close,
	// pty.relay-down).
	goneWithin = 2 * time.Second
	// startLimit is for a program on a terminal to show that it runs.
	startLimit = 20 * time.Second
)

const needs = engine.PTY | engine.Filesystem | engine.Exec

// Cases returns the cases of this area.
func Cases() []engine.Case {
	cases := slices.Concat(openCases(), childCases(), inputCases(), endCases(), relayCases(), outputCases())
	for i, c := range cases {
		if c.Clause == "pty.open" || c.Clause == "pty.open-silent" || c.Launch != nil {
			continue
		}
		cases[i].Run = func(ctx context.Context, t *engine.T) {
			t.PlainTerminal(ctx)
			c.Run(ctx, t)
		}
	}
	return cases
}

// report runs the helper on a terminal made by req, in the case's directory, and
// returns what it saw.
func report(ctx context.Context, t *engine.T, req *agentv1.PtyOpenRequest) helper.Report {
	req.Cwd = t.Dir(ctx)
	return reportIn(ctx, t, req)
}

// reportIn is report in the cwd that the request says. The report comes through a
// file, so that it takes no viewer.
func reportIn(ctx context.Context, t *engine.T, req *agentv1.PtyOpenRequest) helper.Report {
	name := t.Path(ctx, "report.json")
	req.Command = t.Helper(ctx, "report", "--file", t.Abs(ctx, name))
	t.OpenTerminal(ctx, req)
	var r helper.Report
	if !t.AwaitJSON(ctx, name, t.Scale(startLimit), &r) {
		t.Fatalf("the program on the terminal to run", "no trace of it")
	}
	return r
}

// sleeping is a request for a terminal whose program does nothing for a while.
func sleeping(ctx context.Context, t *engine.T) *agentv1.PtyOpenRequest {
	return &agentv1.PtyOpenRequest{Command: t.Helper(ctx, "sleep", "60s"), Cwd: t.Dir(ctx)}
}

// tree starts a process tree on a terminal.
func tree(ctx context.Context, t *engine.T, args ...string) (*engine.Terminal, helper.Tree) {
	name := t.Path(ctx, "tree.json")
	args = append([]string{"tree", "--for", "60s", "--sleep", "60s", "--file", t.Abs(ctx, name)}, args...)
	term := t.HelperTerminal(ctx, args...)
	return term, treeIn(ctx, t, name)
}

// treeIn waits for the report of a tree.
func treeIn(ctx context.Context, t *engine.T, name string) helper.Tree {
	var started helper.Tree
	if !t.AwaitJSON(ctx, name, t.Scale(startLimit), &started) {
		t.Given().Fatalf("a process tree on the terminal", "none")
	}
	return started
}

// dieSoon checks that none of the processes is left within the bound.
func dieSoon(ctx context.Context, t *engine.T, what string, refs ...string) {
	args := append([]string{"alive", "--until-dead", goneWithin.String()}, refs...)
	left := engine.Probe[helper.Processes](ctx, t, args...)
	if len(left.Living()) > 0 {
		t.MissedIfBusy(ctx)
	}
	t.Check(len(left.Living()) == 0, what+" gone within 2 s", "still there: %s", left.Running())
}

// unknown checks that an id is not open any more.
func unknown(ctx context.Context, t *engine.T, id string) {
	t.Refused(ctx, &agentv1.PtyWriteRequest{PtyId: id, Data: []byte("x")}, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
	t.Refused(ctx, &agentv1.PtyResizeRequest{PtyId: id, Cols: 90, Rows: 30}, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
}

// outcome says what came in the place of an error.
func outcome(resp *agentv1.ControlResponse) string {
	if resp.GetError() == nil {
		return "a terminal"
	}
	return strings.TrimPrefix(resp.GetError().GetCode().String(), "ERROR_CODE_")
}

// sameOutput compares what a viewer saw with what it should have. What is lost is
// often chance, so that the text says nothing of where.
func sameOutput(t *engine.T, got, want []byte) {
	n := 0
	for n < min(len(got), len(want)) && got[n] == want[n] {
		n++
	}
	t.Logf("%d bytes of %d, equal up to offset %d", len(got), len(want), n)
	t.Check(n == len(got) && n == len(want), "all output, byte for byte", "another")
}

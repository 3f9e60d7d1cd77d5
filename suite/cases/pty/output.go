package pty

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/instance"
	"agentproof/suite/wait"
)

// largeOutput is the size that pty.output-complete names.
const largeOutput = 64 << 20

// stalledLooks is how often in a row a program must be seen at the same place
// to be taken for blocked: some 400 ms.
const stalledLooks = 8

func outputCases() []engine.Case {
	return []engine.Case{
		{
			ID: "pty.output-complete/sixty-four-mebibytes", Clause: "pty.output-complete", Needs: needs,
			Explain: "A build log of any size arrives whole: one byte lost or doubled garbles every escape sequence after it.",
			Run:     largeOutputArrives,
		},
		{
			ID: "pty.output-complete/many-small-writes", Clause: "pty.output-complete", Needs: needs,
			Explain: "Output comes in crumbs as often as in chunks.",
			Run:     smallWrites,
		},
		{
			ID: "pty.output-complete/a-viewer-that-pauses", Clause: "pty.output-complete", Needs: needs,
			Explain: "A viewer on a slow line slows the program down; nothing may be dropped.",
			Run:     pausingViewer,
		},
		{
			ID: "pty.first-bytes/before-a-viewer-came", Clause: "pty.first-bytes", Needs: needs,
			Explain: "A program's first lines are printed before any browser has connected.",
			Run:     firstBytes,
		},
		{
			ID: "pty.survives-relay/killed", Clause: "pty.survives-relay", Needs: needs, Launch: &engine.Launch{},
			Explain: "A relay that crashes must not take everybody's shells with it, nor garble what they print.",
			Run:     func(ctx context.Context, t *engine.T) { survives(ctx, t, true, (*instance.Relay).Kill) },
		},
		{
			ID: "pty.survives-relay/shut-down", Clause: "pty.survives-relay", Needs: needs, Launch: &engine.Launch{},
			Explain: "An upgrade of the relay is routine; shells live on and their output loses nothing.",
			Run: func(ctx context.Context, t *engine.T) {
				survives(ctx, t, false, func(r *instance.Relay) { r.Shutdown(ctx) })
			},
		},
	}
}

func largeOutputArrives(ctx context.Context, t *engine.T) {
	term := t.HelperTerminal(ctx, "pty-source", "--wait", strconv.Itoa(largeOutput), "9")
	term.Until(ctx, helper.ReadyMarker)
	term.Type(ctx, helper.BeginMarker)
	term.Until(ctx, helper.BeginMarker)
	got := term.UntilWithin(ctx, helper.EndMarker, t.Scale(60*time.Second))
	sameOutput(t, got, helper.Pattern(9, largeOutput))
}

func smallWrites(ctx context.Context, t *engine.T) {
	const lines = 3000
	script := fmt.Sprintf("i=0; while [ $i -lt %d ]; do i=$((i+1)); echo $i; done; echo END", lines)
	term := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: []string{"/bin/sh", "-c", script}, Cwd: t.Dir(ctx)})
	term.Attach(ctx)
	wantLines(t, string(term.Until(ctx, "END")), lines)
}

// wantLines checks that out ends in the lines 1 to n, none doubled or torn.
func wantLines(t *engine.T, out string, n int) {
	next := 1
	for line := range strings.SplitSeq(out, "\r\n") {
		if line == "" {
			continue // an agent may have typed a newline
		}
		if line != strconv.Itoa(next) {
			t.Logf("%q after %d", line, next-1)
			t.Errorf("lines counted up one by one", "others")
			return
		}
		next++
	}
	t.Logf("%d lines", next-1)
	t.Check(next-1 == n, "the lines up to the last", "fewer")
}

// wantSomeLines checks the same of an output with a gap: no line twice, and
// none torn but where the gap is.
func wantSomeLines(t *engine.T, out string, n int) {
	last, torn := 0, 0
	for line := range strings.SplitSeq(out, "\r\n") {
		k, err := strconv.Atoi(line)
		switch {
		case line == "":
		case err != nil || k > n || k <= last:
			torn++
		default:
			last = k
		}
	}
	t.Check(torn <= 2, "no line doubled, and none torn but at the gap", "several")
	t.Logf("%d is the last line", last)
	t.Check(last == n, "the last line", "none")
}

func pausingViewer(ctx context.Context, t *engine.T) {
	const blocks = 448 // 28 MiB: sockets and relays hold some 16 of them
	name := t.Path(ctx, "progress")
	script := `s=0123456789abcdef; while [ ${#s} -lt 65536 ]; do s=$s$s; done
i=0; while [ $i -lt ` + strconv.Itoa(blocks) + ` ]; do i=$((i+1)); printf %s "$s<$i>"; echo $i >` + path.Base(name) + `; done; printf END`
	term := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: []string{"/bin/sh", "-c", script}, Cwd: t.Dir(ctx)})
	term.Attach(ctx)
	begin := term.Until(ctx, "<1>")
	awaitStall(ctx, t, name)
	got := term.UntilWithin(ctx, "END", t.Scale(60*time.Second))
	var want []byte
	for i := range blocks {
		want = fmt.Appendf(append(want, bytes.Repeat([]byte("0123456789abcdef"), 4<<10)...), "<%d>", i+1)
	}
	got = slices.Concat(begin, []byte("<1>"), got)
	got = slices.DeleteFunc(got, func(b byte) bool { return b == '\r' || b == '\n' }) // the echo of what an agent typed
	sameOutput(t, got, want)
}

// awaitStall waits until the program that counts up in a file is blocked, or
// has ended.
func awaitStall(ctx context.Context, t *engine.T, name string) {
	last, same := "", 0
	stalled := wait.Until(ctx, t.Scale(20*time.Second), func(ctx context.Context) bool {
		content, _ := t.Look(ctx, name)
		now := string(content)
		if now == "" || now != last {
			last, same = now, 0
		}
		same++
		return same > stalledLooks
	})
	t.Given().Check(stalled, "a program that is blocked by its viewer", "one that goes on")
	t.Logf("it had written %s blocks by then", strings.TrimSpace(last))
}

func firstBytes(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "printed")
	script := "echo the-first-line; echo the-second; : >printed; while read -r x; do :; done"
	term := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: []string{"/bin/sh", "-c", script}, Cwd: t.Dir(ctx)})
	if !t.AwaitFile(ctx, name, t.Scale(startLimit)) {
		t.Given().Fatalf("the program to print", "no trace of it")
	}
	term.Attach(ctx)
	term.Until(ctx, "the-first-line") // a newline that the agent typed may come between
	term.Until(ctx, "the-second")
}

// survives takes the relay away in the middle of output and brings it back.
func survives(ctx context.Context, t *engine.T, lossy bool, end func(*instance.Relay)) {
	const lines = 200_000
	relay := t.Instance().Relay
	if !lossy && relay.Vendors() {
		t.Untestable("the suite cannot shut down a relay that it did not start: leave out --relay")
	}
	script := fmt.Sprintf("seq() { i=0; while [ $i -lt $1 ]; do i=$((i+1)); echo $i; done; }; seq %d; echo END; while read -r x; do echo \"<$x>\"; done", lines)
	term := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: []string{"/bin/sh", "-c", script}, Cwd: t.Dir(ctx)})
	term.Lossy = lossy
	term.Attach(ctx)
	begin := term.Until(ctx, "\n5000\r\n")
	end(relay)
	if err := relay.Restart(); err != nil {
		t.Harness(err)
	}
	rest := term.UntilWithin(ctx, "END", t.Scale(60*time.Second))
	out := string(begin) + "\n5000\r\n" + string(rest)
	if term.Missed > 0 {
		t.Logf("%d frames were in no ring", term.Missed)
		wantSomeLines(t, out, lines)
	} else {
		wantLines(t, out, lines)
	}
	term.Type(ctx, "still-here\n")
	term.Until(ctx, "<still-here>")
}

package pty

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wire"
)

func inputCases() []engine.Case {
	return []engine.Case{
		{
			ID: "pty.write/every-byte-value", Clause: "pty.write", Needs: needs,
			Explain: "Keys, pastes and mouse reports are bytes of every value; none may be changed or swallowed.",
			Run:     everyByteValue,
		},
		{
			ID: "pty.write/nothing-is-fine", Clause: "pty.write", Needs: needs,
			Explain: "An empty write is no error and writes nothing.",
			Run:     emptyWrite,
		},
		{
			ID: "pty.write/a-long-paste", Clause: "pty.write", Needs: needs,
			Explain: "A pasted file is longer than the terminal's own buffer; its end must arrive like its beginning.",
			Run:     longPaste,
		},
		{
			ID: "pty.write/in-order-of-arrival", Clause: "pty.write", Needs: needs,
			Explain: "Keystrokes that overtake each other are typing errors that nobody made.",
			Run:     inOrder,
		},
		{
			ID: "pty.resize/size-and-signal", Clause: "pty.resize", Needs: needs,
			Explain: "A full-screen program redraws when it hears of the new size, and only then.",
			Run:     resized,
		},
		{
			ID: "pty.resize/while-output-runs", Clause: "pty.resize", Needs: needs,
			Explain: "Windows are dragged while a build scrolls by; neither the size nor a line may be lost.",
			Run:     resizedWhileOutputRuns,
		},
		{
			ID: "envelope.concurrent/beside-a-terminal-that-takes-no-input", Clause: "envelope.concurrent", Needs: needs,
			Explain: "A program that does not read what was pasted is one stuck terminal, not a stuck machine.",
			Run:     besideFullTerminal,
		},
		unknownCase("never-existed", func(context.Context, *engine.T) string { return "no-such-terminal" }),
		unknownCase("closed", func(ctx context.Context, t *engine.T) string {
			term := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: t.Helper(ctx, "sleep", "60s")})
			term.Close(ctx)
			return term.ID
		}),
		{
			ID: "pty.unknown/ended-takes-no-input", Clause: "pty.unknown", Needs: needs,
			Explain: "A caller that types into a terminal that ended must learn that nobody read it.",
			Run:     endedTakesNoInput,
		},
	}
}

func everyByteValue(ctx context.Context, t *engine.T) {
	all := make([]byte, 0, 256)
	for b := range 256 {
		if byte(b) != helper.EndMarker[0] { // it could begin the marker
			all = append(all, byte(b))
		}
	}
	term := t.HelperTerminal(ctx, "pty-echo")
	term.Until(ctx, helper.ReadyMarker)
	term.Type(ctx, helper.BeginMarker)
	term.Until(ctx, helper.BeginMarker)
	term.Type(ctx, string(all))
	term.Type(ctx, helper.EndMarker)
	engine.EqualBytes(t, "what the child read", term.Until(ctx, helper.EndMarker), all)
}

func emptyWrite(ctx context.Context, t *engine.T) {
	term := t.HelperTerminal(ctx, "pty-echo")
	term.Until(ctx, helper.ReadyMarker)
	for _, data := range []string{helper.BeginMarker, "", helper.EndMarker} {
		term.Type(ctx, data)
	}
	term.Until(ctx, helper.BeginMarker)
	engine.EqualBytes(t, "nothing", term.Until(ctx, helper.EndMarker), nil)
}

func longPaste(ctx context.Context, t *engine.T) {
	const size = 256 << 10
	term := t.HelperTerminal(ctx, "pty-sink", "262144")
	term.Until(ctx, helper.ReadyMarker)
	data := helper.Pattern(3, size)
	term.Type(ctx, helper.BeginMarker)
	term.Type(ctx, string(data))
	wantDigest(ctx, t, term, data)
}

// wantDigest waits for the helper's digest of what it read.
func wantDigest(ctx context.Context, t *engine.T, term *engine.Terminal, data []byte) {
	var got helper.Digest
	line := bytes.TrimSpace(term.Rest(ctx))
	// What the terminal echoes behind it is not the digest's.
	if i := bytes.IndexByte(line, '{'); i < 0 || json.NewDecoder(bytes.NewReader(line[i:])).Decode(&got) != nil {
		t.Fatalf("the digest of what the child read", "the end of the terminal without it")
	}
	engine.Equal(t, "the digest of what the child read", got, helper.DigestOf(data))
}

func inOrder(ctx context.Context, t *engine.T) {
	term := t.HelperTerminal(ctx, "pty-echo")
	term.Until(ctx, helper.ReadyMarker)
	term.Type(ctx, helper.BeginMarker)
	term.Until(ctx, helper.BeginMarker)
	var want []byte
	var writes []*engine.Pending
	for i := range 200 {
		chunk := bytes.Repeat([]byte{'a' + byte(i%26)}, 1+i%7)
		want = append(want, chunk...)
		writes = append(writes, t.Start(wire.NewRequest(&agentv1.PtyWriteRequest{PtyId: term.ID, Data: chunk})))
	}
	for _, w := range writes {
		engine.MustOf[*agentv1.PtyWriteResponse](t, w.Response(ctx, t.Scale(20*time.Second)))
	}
	term.Type(ctx, helper.EndMarker)
	engine.EqualBytes(t, "the writes in the order in which they were sent", term.Until(ctx, helper.EndMarker), want)
}

func resized(ctx context.Context, t *engine.T) {
	term := t.HelperTerminal(ctx, "winch")
	wantSize(ctx, t, term, helper.Size{Cols: 80, Rows: 24})
	for _, size := range []helper.Size{{Cols: 133, Rows: 44}, {Cols: 20, Rows: 5}} {
		engine.Must[*agentv1.PtyResizeResponse](ctx, t, &agentv1.PtyResizeRequest{
			PtyId: term.ID, Cols: uint32(size.Cols), Rows: uint32(size.Rows),
		})
		wantSize(ctx, t, term, size)
	}
	term.Type(ctx, "quit")
	term.Rest(ctx)
}

func resizedWhileOutputRuns(ctx context.Context, t *engine.T) {
	const lines = 2000
	name := t.Path(ctx, "report.json")
	script := fmt.Sprintf(`i=0; while [ $i -lt %d ]; do i=$((i+1)); echo $i; done; echo END; while read -r x && [ "$x" != go ]; do :; done; exec "$@"`, lines)
	command := append([]string{"/bin/sh", "-c", script, "sh"}, t.Helper(ctx, "report", "--file", t.Abs(ctx, name))...)
	term := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: command})
	term.Attach(ctx)
	const last = 149
	for cols := uint32(100); cols <= last; cols++ {
		engine.Must[*agentv1.PtyResizeResponse](ctx, t, &agentv1.PtyResizeRequest{PtyId: term.ID, Cols: cols, Rows: 50})
	}
	wantLines(t, string(term.Until(ctx, "END")), lines)
	term.Type(ctx, "go\n")
	term.Rest(ctx)
	var r helper.Report
	if err := json.Unmarshal(t.Given().Read(ctx, name), &r); err != nil {
		t.Given().Fatalf("the helper's report", "none that decodes")
	}
	engine.Equal(t, "columns after the last resize", r.Stdin.Cols, last)
}

func besideFullTerminal(ctx context.Context, t *engine.T) {
	term := t.HelperTerminal(ctx, "winch") // any program in raw mode
	term.Until(ctx, "}")
	stuck := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: t.Helper(ctx, "sleep", "60s")})
	write := t.Start(wire.NewRequest(&agentv1.PtyWriteRequest{
		PtyId: stuck.ID, Data: bytes.Repeat([]byte("nobody reads this\n"), 64<<10),
	}))
	for range 20 {
		t.Ping(ctx, 1)
	}
	t.Given().Run(ctx, "exit", "0")
	term.Type(ctx, "quit")
	term.Rest(ctx)
	stuck.Close(ctx)
	// The write ends with its terminal, whether it was taken or not.
	if _, err := write.Try(ctx, t.Scale(20*time.Second)); err != nil {
		t.Errorf("the write answered when its terminal was closed", "no reply")
	}
}

// wantSize reads the helper's next line.
func wantSize(ctx context.Context, t *engine.T, term *engine.Terminal, want helper.Size) {
	term.Until(ctx, "{")
	var got helper.Size
	if json.Unmarshal(append(append([]byte{'{'}, term.Until(ctx, "}")...), '}'), &got) != nil {
		t.Fatalf("the child's report of its size", "one that does not decode")
	}
	engine.Equal(t, "the size that the child sees", got, want)
}

func unknownCase(name string, id func(context.Context, *engine.T) string) engine.Case {
	return engine.Case{
		ID: "pty.unknown/" + name, Clause: "pty.unknown", Needs: needs,
		Explain: "A terminal that is not there is NOT_FOUND, so that a viewer can stop retrying.",
		Run: func(ctx context.Context, t *engine.T) {
			gone := id(ctx, t)
			unknown(ctx, t, gone)
			t.Refused(ctx, &agentv1.PtyCloseRequest{PtyId: gone}, agentv1.ErrorCode_ERROR_CODE_NOT_FOUND)
		},
	}
}

func endedTakesNoInput(ctx context.Context, t *engine.T) {
	term := t.HelperTerminal(ctx, "exit", "0")
	term.Rest(ctx)
	unknown(ctx, t, term.ID)
}

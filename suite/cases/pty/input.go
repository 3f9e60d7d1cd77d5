package pty

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wait"
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
			term := t.Given().OpenTerminal(ctx, sleeping(ctx, t))
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
	term, read := sink(ctx, t, len(all))
	write(ctx, t, term, all)
	if got := read(); got != nil {
		engine.EqualBytes(t, "what the child read", got.Head, all)
	}
}

// sink opens a terminal whose program reads that many bytes. What it read comes
// through a file, so that it takes no output; nil if that was less.
func sink(ctx context.Context, t *engine.T, size int) (*engine.Terminal, func() *helper.Content) {
	ready, file := t.Path(ctx, "ready"), t.Path(ctx, "read.json")
	given := t.Given()
	term := given.OpenTerminal(ctx, &agentv1.PtyOpenRequest{
		Command: t.Helper(ctx, "pty-sink", "--ready", t.Abs(ctx, ready), "--file", t.Abs(ctx, file), strconv.Itoa(size)),
		Cwd:     t.Dir(ctx),
	})
	if !t.AwaitFile(ctx, ready, t.Scale(startLimit)) {
		given.Fatalf("a program that reads from the terminal", "none")
	}
	write(ctx, t, term, []byte(helper.BeginMarker))
	return term, func() *helper.Content {
		var c helper.Content
		if !t.Check(t.AwaitJSON(ctx, file, t.Scale(startLimit), &c), "all that was written at the child", "less in time") {
			return nil
		}
		return &c
	}
}

// write writes to the terminal, and checks that all was taken.
func write(ctx context.Context, t *engine.T, term *engine.Terminal, data []byte) {
	r := engine.Must[*agentv1.PtyWriteResponse](ctx, t, &agentv1.PtyWriteRequest{PtyId: term.ID, Data: data})
	engine.Equal(t, "bytes_written", r.GetBytesWritten(), uint64(len(data)))
}

func emptyWrite(ctx context.Context, t *engine.T) {
	term, read := sink(ctx, t, 1)
	write(ctx, t, term, nil)
	write(ctx, t, term, []byte("x"))
	if got := read(); got != nil {
		engine.EqualBytes(t, "what the child read first", got.Head, []byte("x"))
	}
}

func longPaste(ctx context.Context, t *engine.T) {
	const size = 256 << 10
	term, read := sink(ctx, t, size)
	data := helper.Pattern(3, size)
	write(ctx, t, term, data)
	if got := read(); got != nil {
		engine.Equal(t, "the digest of what the child read", got.Digest, helper.DigestOf(data))
	}
}

func inOrder(ctx context.Context, t *engine.T) {
	var want []byte
	var chunks [][]byte
	for i := range 200 {
		chunks = append(chunks, bytes.Repeat([]byte{'a' + byte(i%26)}, 1+i%7))
		want = append(want, chunks[i]...)
	}
	term, read := sink(ctx, t, len(want))
	var writes []*engine.Pending
	for _, chunk := range chunks {
		writes = append(writes, t.Start(wire.NewRequest(&agentv1.PtyWriteRequest{PtyId: term.ID, Data: chunk})))
	}
	for _, w := range writes {
		engine.MustOf[*agentv1.PtyWriteResponse](t, w.Response(ctx, t.Scale(20*time.Second)))
	}
	if got := read(); got != nil {
		t.Logf("%q", got.Head)
		t.Check(bytes.Equal(got.Head, want), "the writes in the order in which they were sent", "another order")
	}
}

func resized(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "size.json")
	term := t.Given().OpenTerminal(ctx, &agentv1.PtyOpenRequest{
		Command: t.Helper(ctx, "winch", "--file", t.Abs(ctx, name)), Cwd: t.Dir(ctx), Cols: 80, Rows: 24,
	})
	wantSize(ctx, t.Given(), name, helper.Size{Cols: 80, Rows: 24})
	for _, size := range []helper.Size{{Cols: 133, Rows: 44}, {Cols: 20, Rows: 5}} {
		engine.Must[*agentv1.PtyResizeResponse](ctx, t, &agentv1.PtyResizeRequest{
			PtyId: term.ID, Cols: uint32(size.Cols), Rows: uint32(size.Rows),
		})
		wantSize(ctx, t, name, size)
	}
}

func resizedWhileOutputRuns(ctx context.Context, t *engine.T) {
	// After the first lines they come slower, so that no queue fills up without a
	// viewer that takes them.
	const script = `i=0; while [ ! -e last ]; do i=$((i+1)); echo $i; [ $i -lt 2000 ] || "$@" sleep 20ms; done; exec "$@" report --file report.json`
	const last = 149
	term := t.Given().OpenTerminal(ctx, &agentv1.PtyOpenRequest{
		Command: append([]string{"/bin/sh", "-c", script, "sh"}, t.Helper(ctx)...), Cwd: t.Dir(ctx),
	})
	term.Attach(ctx)
	for cols := uint32(100); cols <= last; cols++ {
		engine.Must[*agentv1.PtyResizeResponse](ctx, t, &agentv1.PtyResizeRequest{PtyId: term.ID, Cols: cols, Rows: 50})
	}
	t.File(ctx, "last", "")
	var r helper.Report
	if !t.AwaitJSON(ctx, t.Path(ctx, "report.json"), t.Scale(startLimit), &r) {
		t.Given().Fatalf("the program's report of its size", "none in time")
	}
	engine.Equal(t, "columns after the last resize", r.Stdin.Cols, last)
}

func besideFullTerminal(ctx context.Context, t *engine.T) {
	term := t.Given().HelperTerminal(ctx, "winch") // any program in raw mode
	term.Until(ctx, "}")
	stuck := t.Given().OpenTerminal(ctx, sleeping(ctx, t))
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

// wantSize waits until the helper has written that size, which it does at each
// signal.
func wantSize(ctx context.Context, t *engine.T, name string, want helper.Size) {
	var got helper.Size
	wait.Until(ctx, t.Scale(startLimit), func(ctx context.Context) bool {
		content, _ := t.Look(ctx, name)
		return json.Unmarshal(content, &got) == nil && got == want
	})
	engine.Equal(t, "the size that the child sees at its signal", got, want)
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
	term := t.Given().HelperTerminal(ctx, "exit", "0")
	term.Rest(ctx)
	unknown(ctx, t, term.ID)
}

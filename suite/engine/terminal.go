package engine

import (
	"bytes"
	"context"
	"errors"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
	"agentproof/suite/monitor"
	"agentproof/suite/transcript"
)

// terminalLimit is how long a case waits for bytes that are due at once.
const terminalLimit = 20 * time.Second

// A Terminal is one terminal of the agent under test, as the control plane
// (open, write, resize, close) and a viewer (the bytes) see it. It belongs to
// the goroutine of its case, and is closed with it.
type Terminal struct {
	*terminal
	t *T
}

// Given returns a view of the terminal whose failures mean that the case could not
// be arranged, as T.Given does.
func (p *Terminal) Given() *Terminal { return &Terminal{p.terminal, p.t.Given()} }

// terminal is what all views of one terminal share.
type terminal struct {
	ID      string
	Channel *agentv1.StreamChannel
	// Lossy allows for gaps in the output, where the relay's ring is lost with
	// the relay. Missed counts the frames in them.
	Lossy  bool
	Missed uint64

	viewer *stream.Viewer
	seen   []byte // read from the viewer and not consumed
	next   uint64 // the seq that the next frame must have
	closed bool
}

// OpenTerminal opens a terminal without attaching a viewer.
func (t *T) OpenTerminal(ctx context.Context, req *agentv1.PtyOpenRequest) *Terminal {
	resp := Must[*agentv1.PtyOpenResponse](ctx, t, req)
	term := &Terminal{&terminal{ID: resp.GetPtyId(), Channel: resp.GetChannel()}, t}
	t.Cleanup(func(ctx context.Context) {
		if !term.closed {
			_, _ = t.notify(ctx, &agentv1.PtyCloseRequest{PtyId: term.ID})
		}
	})
	return term
}

// PlainTerminal opens a terminal that asks for nothing special, for cases that are
// about more than that: without it, all of them would fail on an agent that can
// open none. It takes no viewer.
func (t *T) PlainTerminal(ctx context.Context) {
	given := t.Given()
	name := t.Path(ctx, "plain-terminal")
	given.OpenTerminal(ctx, &agentv1.PtyOpenRequest{
		Command: t.Helper(ctx, "report", "--file", t.Abs(ctx, name)), Cwd: t.Dir(ctx),
		Cols: 80, Rows: 24, Term: "xterm-256color",
	})
	if !t.AwaitFile(ctx, name, t.Scale(terminalLimit)) {
		given.Fatalf("a program that runs on a plain terminal", "no trace of it")
	}
}

// HelperTerminal opens a terminal with the helper on it, in the case's own
// directory, and attaches a viewer.
func (t *T) HelperTerminal(ctx context.Context, args ...string) *Terminal {
	term := t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: t.Helper(ctx, args...), Cwd: t.Dir(ctx)})
	term.Attach(ctx)
	return term
}

// Attach attaches a viewer that comes back by itself, in the place of the one
// before.
func (p *Terminal) Attach(ctx context.Context) *stream.Viewer {
	if p.viewer != nil {
		p.viewer.Detach()
	}
	p.viewer = p.t.View(ctx, p.Channel, &stream.DialOptions{
		ResumeFrom: p.next,
		Reconnect:  true,
		Backoff:    stream.Backoff{Min: 20 * time.Millisecond, Max: 200 * time.Millisecond},
	})
	return p.viewer
}

// Until reads up to the marker and returns what came before it. It ends the
// case when the marker does not come in time.
func (p *Terminal) Until(ctx context.Context, marker string) []byte {
	return p.UntilWithin(ctx, marker, p.t.Scale(terminalLimit))
}

// UntilWithin is Until with a limit of its own.
func (p *Terminal) UntilWithin(ctx context.Context, marker string, limit time.Duration) []byte {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	from := 0
	for {
		if i := bytes.Index(p.seen[from:], []byte(marker)); i >= 0 {
			before := p.seen[:from+i]
			p.seen = p.seen[from+i+len(marker):]
			return before
		}
		from = max(0, len(p.seen)-len(marker))
		if err := p.read(ctx); err != nil {
			p.t.Fatalf("the terminal's output to reach "+marker, "%s", p.ending(err))
		}
	}
}

// read takes one more frame from the viewer and notes when it is not the next.
func (p *Terminal) read(ctx context.Context) error {
	f, err := p.viewer.Read(ctx)
	if err != nil {
		return err
	}
	switch {
	case f.Seq < p.next:
		p.misnumbered("each frame once", "one again")
	case f.Seq > p.next && !p.Lossy:
		p.misnumbered("frames with seq 0, 1, 2 … and none missing", "a gap")
	}
	p.t.rec.Streamed(transcript.FromAgent, p.Channel.GetChannelId(), "frames", len(f.Data))
	p.Missed += f.Seq - p.next
	p.next = f.Seq + 1
	p.seen = append(p.seen, f.Data...)
	return nil
}

// misnumbered is about a frame that breaks stream.seq, for which the cases of that
// clause account.
func (p *Terminal) misnumbered(want, got string) {
	f := monitor.Broke("stream.seq", want, got)
	if p.t.kase.Clause == f.Clause {
		p.t.Errorf(f.Want, "%s", f.Got)
		return
	}
	p.t.rec.Adopt([]monitor.Finding{f})
}

// ending says in stable words how the stream ended.
func (p *Terminal) ending(err error) string {
	words := endingOf(err)
	p.t.rec.Streamed(transcript.FromAgent, p.Channel.GetChannelId(), "the end: "+words, 0)
	return words
}

func endingOf(err error) string {
	var end *stream.CloseError
	switch {
	case errors.As(err, &end):
		return "StreamClose " + end.Reason.String()
	case errors.Is(err, context.DeadlineExceeded):
		return "nothing more in time"
	default:
		return "the end of the stream without a StreamClose"
	}
}

// Rest reads up to the end of the stream, which must be a StreamClose
// PROCESS_EXIT, and returns what came before it.
func (p *Terminal) Rest(ctx context.Context) []byte {
	ctx, cancel := context.WithTimeout(ctx, p.t.Scale(terminalLimit))
	defer cancel()
	for {
		err := p.read(ctx)
		if err == nil {
			continue
		}
		var end *stream.CloseError
		words := p.ending(err)
		if !errors.As(err, &end) || end.Reason != agentv1.StreamCloseReason_STREAM_CLOSE_REASON_PROCESS_EXIT {
			p.t.Errorf("StreamClose PROCESS_EXIT at the end", "%s", words)
		}
		rest := p.seen
		p.seen = nil
		return rest
	}
}

// Type writes through the control plane, for cases that are not about writing.
func (p *Terminal) Type(ctx context.Context, data string) {
	Must[*agentv1.PtyWriteResponse](ctx, p.t.Given(), &agentv1.PtyWriteRequest{PtyId: p.ID, Data: []byte(data)})
}

// TypeAtViewer writes as the viewer's user does.
func (p *Terminal) TypeAtViewer(ctx context.Context, data []byte) {
	ctx, cancel := context.WithTimeout(ctx, p.t.Scale(time.Minute))
	defer cancel()
	p.t.rec.Streamed(transcript.ToAgent, p.Channel.GetChannelId(), "input", len(data))
	if err := p.viewer.Write(ctx, data); err != nil {
		p.t.Fatalf("the viewer's input taken", "%s", p.ending(err))
	}
}

// Close closes the terminal and returns the exit code.
func (p *Terminal) Close(ctx context.Context) int32 {
	p.closed = true
	return Must[*agentv1.PtyCloseResponse](ctx, p.t, &agentv1.PtyCloseRequest{PtyId: p.ID}).GetExitCode()
}

// CloseAtViewer ends the terminal from the viewer's side.
func (p *Terminal) CloseAtViewer(ctx context.Context) {
	if err := p.viewer.Close(ctx, agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, "done"); err != nil {
		p.t.Given().Fatalf("the viewer's StreamClose sent", "%s", p.ending(err))
	}
}

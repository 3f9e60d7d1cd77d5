package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/stream"
)

const (
	// typeAhead is how many pieces of input wait while the relay is away. Each
	// is a keystroke or a part of what was pasted, and beyond them reading
	// stops.
	typeAhead = 1024
	readSize  = 4 << 10
)

// Why a shell ended before its terminal did.
var (
	errDetached = errors.New("detached")
	errHungUp   = errors.New("this terminal is gone")
)

// console is the user's own terminal.
type console struct {
	in, out *os.File
}

func userTerminal(in io.Reader, out io.Writer) (console, error) {
	i, ok1 := in.(*os.File)
	o, ok2 := out.(*os.File)
	if !ok1 || !ok2 || !term.IsTerminal(int(i.Fd())) || !term.IsTerminal(int(o.Fd())) {
		return console{}, errors.New("a shell needs a terminal for input and output; without one there is 'fakeagent call exec'")
	}
	return console{i, o}, nil
}

func (c console) size() (cols, rows uint32) {
	w, h, err := term.GetSize(int(c.out.Fd()))
	if err != nil {
		return 0, 0
	}
	return uint32(w), uint32(h)
}

// shell is the user's terminal attached to one of an agent.
type shell struct {
	tty       console
	session   *session.Session
	secret    stream.Secret
	workspace string
	epoch     uint32

	pty        string
	channel    *agentv1.StreamChannel
	cols, rows uint32 // of the agent's terminal; 0 while unknown
	resumed    bool   // it showed earlier output to an earlier viewer
	viewer     *stream.Viewer
}

// id names the terminal for --attach.
func (sh *shell) id() string { return sh.pty + "/" + sh.channel.GetChannelId() }

// start opens the terminal that req asks for, or goes on with the one of id,
// and attaches a viewer to it.
func (sh *shell) start(ctx context.Context, id, agent string, req *agentv1.PtyOpenRequest) error {
	if id != "" {
		pty, channel, _ := strings.Cut(id, "/")
		sh.pty, sh.resumed = pty, true
		sh.channel = &agentv1.StreamChannel{
			WorkspaceId: sh.workspace, AgentId: agent, ChannelId: channel,
			Port: session.TerminalPort, Kind: agentv1.StreamKind_STREAM_KIND_PTY,
		}
		return sh.dial(ctx)
	}
	sh.cols, sh.rows = sh.tty.size()
	req.Cols, req.Rows = sh.cols, sh.rows
	resp, err := sh.session.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyOpen{PtyOpen: req}})
	if err != nil {
		return fmt.Errorf("open a terminal: %w", err)
	}
	sh.pty, sh.channel = resp.GetPtyOpen().GetPtyId(), resp.GetPtyOpen().GetChannel()
	err = sh.dial(ctx)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangUpLimit)
		defer cancel()
		_, _ = sh.hangUp(ctx)
	}
	return err
}

func (sh *shell) dial(ctx context.Context) error {
	endpoint, err := sh.session.Endpoint(sh.channel)
	if err != nil {
		return err
	}
	token, err := sh.token(ctx)
	if err != nil {
		return err
	}
	sh.viewer, err = stream.Dial(ctx, endpoint.URL(), token, &stream.DialOptions{Reconnect: true, Refresh: sh.token})
	if err != nil {
		return fmt.Errorf("view the terminal: %w", err)
	}
	return nil
}

// token is a new token for each connection, since they do not last.
func (sh *shell) token(context.Context) (stream.Secret, error) {
	return stream.MintViewer(sh.secret, stream.ViewerClaims{
		WorkspaceID: sh.workspace, SessionID: "fakeagent", ViewerID: rand.Text(),
		LeaseEpoch: uint64(sh.epoch), Mode: stream.ModeControl, Port: sh.channel.GetPort(),
		Exp: time.Now().Add(stream.ViewerTokenLife).Unix(),
	})
}

// hangUp closes the agent's terminal and returns its exit code.
func (sh *shell) hangUp(ctx context.Context) (int, error) {
	resp, err := sh.session.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyClose{
		PtyClose: &agentv1.PtyCloseRequest{PtyId: sh.pty},
	}})
	return int(resp.GetPtyClose().GetExitCode()), err
}

// serve passes bytes both ways until the terminal ends, the user detaches or
// ctx ends, and returns which. The user's terminal is raw meanwhile.
func (sh *shell) serve(ctx context.Context) error {
	defer sh.viewer.Detach()
	old, err := term.MakeRaw(int(sh.tty.in.Fd()))
	if err != nil {
		return fmt.Errorf("make this terminal raw: %w", err)
	}
	defer term.Restore(int(sh.tty.in.Fd()), old)
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	keys := make(chan []byte, typeAhead)
	// Nothing interrupts a read of a terminal. This goroutine ends with the
	// next keystroke or, as the program does after a shell, with the process.
	go func() { end(sh.readKeys(ctx, keys)) }()
	var wg sync.WaitGroup
	wg.Go(func() { end(sh.show(ctx)) })
	wg.Go(func() { sh.sendKeys(ctx, keys) })
	wg.Go(func() { sh.followSize(ctx) })
	wg.Wait()
	return context.Cause(ctx)
}

// readKeys passes on what the user types until they detach or hang up. It does
// not wait for the relay, so that one can detach while that is away.
func (sh *shell) readKeys(ctx context.Context, keys chan<- []byte) error {
	var esc escape
	buf := make([]byte, readSize)
	for {
		n, err := sh.tty.in.Read(buf)
		data, detach := esc.filter(buf[:n])
		if len(data) > 0 {
			select {
			case keys <- data:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		switch {
		case detach:
			return errDetached
		case err != nil:
			return errHungUp
		}
	}
}

// sendKeys ends with ctx; a stream that takes nothing more has ended, of which
// show knows the reason.
func (sh *shell) sendKeys(ctx context.Context, keys <-chan []byte) {
	for {
		select {
		case data := <-keys:
			if sh.viewer.Write(ctx, data) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// show prints what comes until the stream ends.
func (sh *shell) show(ctx context.Context) error {
	for first := true; ; first = false {
		f, err := sh.viewer.Read(ctx)
		if err != nil {
			return err
		}
		// A viewer that comes later may find the beginning gone.
		if f.Missed > 0 && !(first && sh.resumed) {
			fmt.Fprintf(sh.tty.out, "\r\n[%d pieces of output were lost]\r\n", f.Missed)
		}
		if _, err := sh.tty.out.Write(f.Data); err != nil {
			return errHungUp
		}
	}
}

// followSize gives the agent's terminal the size of the user's window, at once
// and whenever that changes.
func (sh *shell) followSize(ctx context.Context) {
	changed := resized(ctx)
	for {
		cols, rows := sh.tty.size()
		if cols > 0 && rows > 0 && (cols != sh.cols || rows != sh.rows) {
			_, err := sh.session.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyResize{
				PtyResize: &agentv1.PtyResizeRequest{PtyId: sh.pty, Cols: cols, Rows: rows},
			}})
			// A failure changes nothing that the user could mend now; the
			// next change tries again.
			if err == nil {
				sh.cols, sh.rows = cols, rows
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/creack/pty"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/stream"
)

const (
	relaySecret stream.Secret = "bench"

	printed  = 32 << 20 // of one terminal
	pieceLen = 32 << 10 // of one frame
	pieces   = 1024
)

// viewerToken and producerToken let everybody in.
func viewerToken(port uint32) (stream.Secret, error) {
	return stream.MintViewer(relaySecret, stream.ViewerClaims{
		WorkspaceID: workspaceID, SessionID: "s", ViewerID: "v", Mode: stream.ModeView,
		Port: port, Exp: time.Now().Add(time.Hour).Unix(),
	})
}

func producerToken() (stream.Secret, error) {
	return stream.MintProducer(relaySecret, stream.ProducerClaims{
		WorkspaceID: workspaceID, AgentID: agentID, Exp: time.Now().Add(time.Hour).Unix(),
	})
}

// terminal opens a terminal and views it.
func (b *bed) terminal(ctx context.Context, argv ...string) (id string, v *stream.Viewer, err error) {
	resp, err := b.session.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyOpen{
		PtyOpen: &agentv1.PtyOpenRequest{Command: argv},
	}})
	if err != nil {
		return "", nil, err
	}
	endpoint, err := b.session.Endpoint(resp.GetPtyOpen().GetChannel())
	if err != nil {
		return "", nil, err
	}
	token, err := viewerToken(session.TerminalPort)
	if err != nil {
		return "", nil, err
	}
	v, err = stream.Dial(ctx, endpoint.URL(), token, nil)
	return resp.GetPtyOpen().GetPtyId(), v, err
}

func (b *bed) closeTerminal(ctx context.Context, id string, v *stream.Viewer) error {
	v.Detach()
	_, err := b.session.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyClose{
		PtyClose: &agentv1.PtyCloseRequest{PtyId: id},
	}})
	return err
}

// terminalThroughput is what a command prints, through agent, relay and
// viewer, against reading its terminal directly.
func (b *bed) terminalThroughput(ctx context.Context) (figure, error) {
	file := filepath.Join(b.root, "printed")
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), printed), 0o644); err != nil {
		return figure{}, err
	}
	far, near, err := inTurns(5,
		func() error {
			_, v, err := b.terminal(ctx, "cat", file)
			if err != nil {
				return err
			}
			defer v.Detach()
			return readViewer(ctx, v, printed)
		},
		func() error { return catLocally(file) })
	rate := func(d []time.Duration) float64 { return printed / quantile(d, 0.5) } // bytes a µs are MB/s
	if err != nil {
		return figure{}, err
	}
	return figure{name: "terminal output", unit: "MB/s", got: rate(far), floor: rate(near), aim: 0.85, least: true}, nil
}

func readViewer(ctx context.Context, v *stream.Viewer, n int) error {
	for n > 0 {
		f, err := v.Read(ctx)
		if err != nil {
			return err
		}
		if f.Missed > 0 {
			return errors.New("frames are missing")
		}
		n -= len(f.Data)
	}
	return nil
}

func catLocally(file string) error {
	cmd := exec.Command("cat", file)
	tty, err := pty.Start(cmd)
	if err != nil {
		return err
	}
	defer tty.Close()
	_, err = io.CopyN(io.Discard, onlyReader{tty}, printed)
	return errors.Join(err, cmd.Wait())
}

// onlyReader hides what would let io.Copy do without reading.
type onlyReader struct{ io.Reader }

// keystroke is a key's way to the machine's terminal and its echo's way back,
// against a local terminal's echo and two websocket echoes: four hops both.
func (b *bed) keystroke(ctx context.Context) (figure, error) {
	// Few enough that no line is full.
	const keys = 1500
	id, v, err := b.terminal(ctx, "cat")
	if err != nil {
		return figure{}, err
	}
	defer b.closeTerminal(ctx, id, v)
	cmd := exec.Command("cat")
	tty, err := pty.Start(cmd)
	if err != nil {
		return figure{}, err
	}
	defer cmd.Wait()
	defer tty.Close()
	echo, err := dialEcho(ctx)
	if err != nil {
		return figure{}, err
	}
	defer echo.close()
	key := []byte("k")
	far, near, err := inTurns(keys,
		func() error {
			if err := v.Write(ctx, key); err != nil {
				return err
			}
			return readViewer(ctx, v, 1)
		},
		func() error {
			if _, err := tty.Write(key); err != nil {
				return err
			}
			var back [1]byte
			if _, err := io.ReadFull(tty, back[:]); err != nil {
				return err
			}
			return errors.Join(echo.once(ctx, key), echo.once(ctx, key))
		})
	if err != nil {
		return figure{}, err
	}
	return figure{name: "keystroke echo p50", unit: "µs", got: quantile(far, 0.5), floor: quantile(near, 0.5), aim: 1.3}, nil
}

// echoSocket is a websocket whose other end only answers.
type echoSocket struct {
	srv *httptest.Server
	ws  *websocket.Conn
}

func dialEcho(ctx context.Context) (*echoSocket, error) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ws, err := websocket.Accept(w, req, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		ws.SetReadLimit(stream.MaxMessage)
		for {
			typ, data, err := ws.Read(req.Context())
			if err != nil || ws.Write(req.Context(), typ, data) != nil {
				return
			}
		}
	}))
	ws, _, err := websocket.Dial(ctx, srv.URL, nil)
	if err != nil {
		srv.Close()
		return nil, err
	}
	ws.SetReadLimit(stream.MaxMessage)
	return &echoSocket{srv, ws}, nil
}

func (e *echoSocket) close() {
	_ = e.ws.CloseNow()
	e.srv.Close()
}

func (e *echoSocket) once(ctx context.Context, data []byte) error {
	if err := e.ws.Write(ctx, websocket.MessageBinary, data); err != nil {
		return err
	}
	_, _, err := e.ws.Read(ctx)
	return err
}

// many sends pieces and reads them back, side by side.
func (e *echoSocket) many(ctx context.Context, data []byte) error {
	sent := make(chan error, 1)
	go func() {
		for range pieces {
			if err := e.ws.Write(ctx, websocket.MessageBinary, data); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for range pieces {
		if _, _, err := e.ws.Read(ctx); err != nil {
			return err
		}
	}
	return <-sent
}

// relayForwarding is frames through the relay, whose two ends do nothing,
// against the same bytes to a websocket that echoes them: two hops both.
func (b *bed) relayForwarding(ctx context.Context) (figure, error) {
	producer, viewer, err := b.bareChannel(ctx)
	if err != nil {
		return figure{}, err
	}
	defer producer.Drop()
	defer viewer.Drop()
	echo, err := dialEcho(ctx)
	if err != nil {
		return figure{}, err
	}
	defer echo.close()
	data, seq := make([]byte, pieceLen), uint64(0)
	relayed, echoed, err := inTurns(8,
		func() error {
			sent := make(chan error, 1)
			go func() {
				for range pieces {
					err := producer.Send(ctx, &agentv1.StreamFrame{Seq: seq, Data: data})
					if err != nil {
						sent <- err
						return
					}
					seq++
				}
				sent <- nil
			}()
			for range pieces {
				if _, err := viewer.Receive(ctx); err != nil {
					return err
				}
			}
			return <-sent
		},
		func() error { return echo.many(ctx, data) })
	if err != nil {
		return figure{}, err
	}
	rate := func(d []time.Duration) float64 { return pieces * pieceLen / quantile(d, 0.5) }
	return figure{name: "relay, frames of 32 KiB", unit: "MB/s", got: rate(relayed), floor: rate(echoed), aim: 0.7, least: true}, nil
}

// bareChannel is a channel at the relay with nothing at its ends.
func (b *bed) bareChannel(ctx context.Context) (producer, viewer *stream.Conn, err error) {
	channel := &agentv1.StreamChannel{
		WorkspaceId: workspaceID, AgentId: agentID, Port: session.TerminalPort, ChannelId: "bare",
	}
	asProducer, err1 := producerToken()
	asViewer, err2 := viewerToken(session.TerminalPort)
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	url := b.relay.URL() + "?" + stream.RouteOf(channel).Query()
	open := &agentv1.StreamOpen{Channel: channel, Token: string(asProducer), Role: stream.RoleAgent}
	if producer, err = stream.Connect(ctx, url, open, nil); err != nil {
		return nil, nil, err
	}
	open = &agentv1.StreamOpen{Channel: channel, Token: string(asViewer), Role: stream.RoleClient}
	if viewer, err = stream.Connect(ctx, url, open, nil); err != nil {
		producer.Drop()
	}
	return producer, viewer, err
}

// manyTerminals opens 200 terminals at once, each seen to print, against as
// many local ones.
func (b *bed) manyTerminals(ctx context.Context) (figure, error) {
	const terminals = 200
	crowd := func(one func() error) func() error {
		return func() error {
			errs := make([]error, terminals)
			var wg sync.WaitGroup
			for i := range terminals {
				wg.Go(func() { errs[i] = one() })
			}
			wg.Wait()
			return errors.Join(errs...)
		}
	}
	far, near, err := inTurns(3,
		crowd(func() error {
			_, v, err := b.terminal(ctx, "echo", "here")
			if err != nil {
				return err
			}
			defer v.Detach()
			return readViewer(ctx, v, len("here\r\n"))
		}),
		crowd(func() error {
			cmd := exec.Command("echo", "here")
			tty, err := pty.Start(cmd)
			if err != nil {
				return fmt.Errorf("open a terminal: %w", err)
			}
			defer tty.Close()
			_, err = io.ReadFull(tty, make([]byte, len("here\r\n")))
			return errors.Join(err, cmd.Wait())
		}))
	if err != nil {
		return figure{}, err
	}
	return figure{name: "200 terminals at once", unit: "ms", got: quantile(far, 0.5) / 1e3, floor: quantile(near, 0.5) / 1e3}, nil
}

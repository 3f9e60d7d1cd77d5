// Package socket is the relay's end of one websocket: it can end in the ways
// that peers take for different things, it bounds what a peer makes us hold,
// and it notices when the peer is gone.
package socket

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const (
	// partTimeout bounds a websocket close handshake.
	partTimeout = 2 * time.Second
	// kernelBuffer bounds what the kernel holds of a connection each way, in
	// bytes.
	kernelBuffer = 256 << 10
)

// Options says how to accept a websocket.
type Options struct {
	// Origins are the patterns of hosts whose pages may connect; none is any.
	Origins []string
	// Large bounds how many messages above CommonMessage are read at once, over
	// all sockets that share it.
	Large chan struct{}
	// OnEnd is called once, from a goroutine of its own, after the socket
	// ended.
	OnEnd func()
}

// Socket is an accepted websocket. One goroutine may read while others write.
type Socket struct {
	ws    *websocket.Conn
	conn  net.Conn // under ws
	large chan struct{}

	ctx    context.Context // ends with the socket
	cancel context.CancelFunc

	// Paused is set while the reader waits for something else, so that the
	// peer's answers to pings go unseen.
	Paused atomic.Bool

	writing atomic.Int64 // unix nanoseconds since a write is on, or 0
	heard   atomic.Int64 // messages that came
	guess   int          // how large the next message may be; the reader's
}

// hijacker keeps hold of the connection under a websocket, which alone can be
// ended without a close frame, or for one direction only.
type hijacker struct {
	http.ResponseWriter
	conn net.Conn
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.conn = conn
	return conn, rw, err
}

// Accept makes a websocket of the request, or answers it and fails.
func Accept(w http.ResponseWriter, req *http.Request, opts Options) (*Socket, error) {
	h := &hijacker{ResponseWriter: w}
	ws, err := websocket.Accept(h, req, &websocket.AcceptOptions{
		OriginPatterns:     opts.Origins,
		InsecureSkipVerify: len(opts.Origins) == 0,
	})
	if err != nil {
		return nil, err
	}
	// Read has a limit of its own: the library would end the socket with a
	// close frame, which tells a producer that its terminal is over.
	ws.SetReadLimit(-1)
	bound(h.conn)
	s := &Socket{ws: ws, conn: h.conn, large: opts.Large, guess: minGuess}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	context.AfterFunc(s.ctx, func() {
		s.disconnect()
		opts.OnEnd()
	})
	return s, nil
}

// bound keeps the kernel from holding megabytes for a peer that does not read.
func bound(conn net.Conn) {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		// Best effort: everything works without.
		_ = t.SetReadBuffer(kernelBuffer)
		_ = t.SetWriteBuffer(kernelBuffer)
	}
}

// Context ends with the socket.
func (s *Socket) Context() context.Context { return s.ctx }

// Ended tells that the socket has ended or is about to.
func (s *Socket) Ended() bool { return s.ctx.Err() != nil }

// Drop ends the socket without a close frame. It does not wait, and may be
// called under any lock.
func (s *Socket) Drop() { s.cancel() }

// Close is Drop, and returns when nothing of the socket is left.
func (s *Socket) Close() {
	s.cancel()
	s.disconnect()
}

func (s *Socket) disconnect() {
	_ = s.conn.Close()
	_ = s.ws.CloseNow()
}

// Part ends the socket with a close frame and waits up to 2 s for the peer's,
// which also makes sure that what was written before arrives. It tells whether
// the peer answered.
func (s *Socket) Part(status websocket.StatusCode, reason string) (answered bool) {
	t := time.AfterFunc(partTimeout, s.Drop)
	defer t.Stop()
	err := s.ws.Close(status, reason)
	s.Drop()
	return err == nil
}

// HalfClose tells the peer, without a close frame, that nothing more comes,
// while what it sent already can still be read.
func (s *Socket) HalfClose() {
	if h, ok := s.conn.(interface{ CloseWrite() error }); ok && h.CloseWrite() == nil {
		return
	}
	s.Drop()
}

// Write sends one binary message. Drop ends it.
func (s *Socket) Write(b []byte) error {
	s.writing.Store(time.Now().UnixNano())
	defer s.writing.Store(0)
	// Not a context that can end: it would cost an allocation a message.
	return s.ws.Write(context.Background(), websocket.MessageBinary, b)
}

// Keepalive pings the peer until the socket ends, which is false, or until the
// peer is gone: it left three pings in a row unanswered, or took nothing for
// the time stall while something was to be written. A peer that nobody reads
// from, or that is busy taking something, cannot answer and is not judged.
func (s *Socket) Keepalive(interval, stall time.Duration) (gone bool) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for missed := 0; missed < 3; {
		select {
		case <-s.ctx.Done():
			return false
		case <-t.C:
		}
		if since := s.writing.Load(); since != 0 {
			if time.Since(time.Unix(0, since)) > stall {
				return true
			}
			continue
		}
		heard := s.heard.Load()
		ctx, cancel := context.WithTimeout(s.ctx, interval)
		err := s.ws.Ping(ctx)
		cancel()
		if err == nil || s.heard.Load() != heard || s.Paused.Load() || s.writing.Load() != 0 {
			missed = 0
		} else {
			missed++
		}
	}
	return true
}

package relay

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"agentproof/stream"
)

// partTimeout bounds a websocket close handshake.
const partTimeout = 2 * time.Second

// minGuess is the least memory that a message is read into.
const minGuess = 512

// peer is one socket: a producer's or a viewer's end of a channel.
type peer struct {
	relay  *Relay
	ws     *websocket.Conn
	socket net.Conn // under ws
	remote string

	ctx    context.Context // ends with the socket
	cancel context.CancelFunc
	done   chan struct{} // closed when the relay is through with it

	// Set by the handshake, before anybody else sees the peer.
	role      stream.Role
	wanted    uint64 // resume_from_seq of the open
	epoch     uint64 // a viewer's lease epoch
	instance  string // a producer's name, if it sends frames again
	returning bool   // it has been connected before
	limit     *rate.Limiter

	channel atomic.Pointer[channel]
	resume  uint64 // first seq that a viewer gets; guarded by the channel's mu
	fresh   bool   // a producer has sent no frame yet; guarded alike

	paused   atomic.Bool  // its reader waits for the other side
	draining atomic.Bool  // it ends when it has everything
	writing  atomic.Int64 // unix nanoseconds since a write is on, or 0
	heard    atomic.Int64 // messages that came
	guess    int          // how large the next message may be; the reader's
}

// hijacker keeps hold of the connection under a websocket, which alone can be
// ended without a close frame, or for one direction only.
type hijacker struct {
	http.ResponseWriter
	socket net.Conn
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.socket = conn
	return conn, rw, err
}

// upgrade makes a websocket of the request, or answers it and fails.
func (r *Relay) upgrade(w http.ResponseWriter, req *http.Request) (*peer, error) {
	if req.Header.Get(stream.ResendHeader) != "" {
		w.Header().Set(stream.ResendHeader, "1")
	}
	h := &hijacker{ResponseWriter: w}
	ws, err := websocket.Accept(h, req, &websocket.AcceptOptions{
		OriginPatterns:     r.cfg.Origins,
		InsecureSkipVerify: len(r.cfg.Origins) == 0,
	})
	if err != nil {
		return nil, err
	}
	// The limits are enforced where messages are read: the library would end
	// a producer's socket with a close frame (relay.bare-end).
	ws.SetReadLimit(-1)
	bound(h.socket)
	p := &peer{
		relay:  r,
		ws:     ws,
		socket: h.socket,
		remote: req.RemoteAddr,
		done:   make(chan struct{}),
		fresh:  true,
		guess:  minGuess,
	}
	p.instance, p.returning = stream.ParseResend(req.Header.Get(stream.ResendHeader))
	p.ctx, p.cancel = context.WithCancel(context.Background())
	context.AfterFunc(p.ctx, p.disconnect)
	limit := rate.Limit(r.cfg.Rate)
	if r.cfg.Rate < 0 {
		limit = rate.Inf
	}
	p.limit = rate.NewLimiter(limit, r.cfg.RateBurst)
	return p, nil
}

// bound keeps the kernel from holding megabytes for a peer that does not read.
func bound(conn net.Conn) {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		// Best effort: the relay works without.
		_ = t.SetReadBuffer(socketBuffer)
		_ = t.SetWriteBuffer(socketBuffer)
	}
}

// drop ends the socket without a close frame. It does not wait, and may be
// called under any lock.
func (p *peer) drop() { p.cancel() }

func (p *peer) ended() bool { return p.ctx.Err() != nil }

// disconnect runs once, when ctx has ended.
func (p *peer) disconnect() {
	_ = p.socket.Close()
	_ = p.ws.CloseNow()
	if c := p.channel.Load(); c != nil {
		c.wake()
	}
}

// part ends the socket with a close frame and waits for the peer's, which also
// makes sure that what was sent before arrives.
func (p *peer) part(status websocket.StatusCode, reason string) {
	t := time.AfterFunc(partTimeout, p.drop)
	defer t.Stop()
	_ = p.ws.Close(status, reason)
	p.drop()
}

// halfClose tells the peer, without a close frame, that nothing more comes,
// while what it sent already can still be read.
func (p *peer) halfClose() {
	if h, ok := p.socket.(interface{ CloseWrite() error }); ok && h.CloseWrite() == nil {
		return
	}
	p.drop()
}

// write sends one message.
func (p *peer) write(b []byte) error {
	p.writing.Store(time.Now().UnixNano())
	defer p.writing.Store(0)
	// A context that can end would cost an allocation a message; drop ends a
	// write as well.
	return p.ws.Write(context.Background(), websocket.MessageBinary, b)
}

// errTooLarge is a message above the limit.
var errTooLarge = errors.New("message too large")

// read waits for the next binary message of at most limit bytes; text messages
// are passed over.
func (p *peer) read(limit int) ([]byte, error) {
	for {
		typ, body, err := p.ws.Reader(context.Background())
		if err != nil {
			return nil, err
		}
		p.heard.Add(1)
		if typ == websocket.MessageBinary {
			return p.readBody(body, limit)
		}
		switch n, err := io.Copy(io.Discard, io.LimitReader(body, int64(limit)+1)); {
		case err != nil:
			return nil, err
		case n > int64(limit):
			return nil, errTooLarge
		}
	}
}

// readBody reads a message into memory of about its size, which nobody knows in
// advance: the one before is a good guess. It reads in big pieces because the
// library takes a socket that ended exactly between two of them for the
// message's end; such a torso is no valid message.
func (p *peer) readBody(body io.Reader, limit int) ([]byte, error) {
	buf := make([]byte, min(p.guess, limit+1))
	for n := 0; ; {
		m, err := io.ReadFull(body, buf[n:])
		n += m
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF: // not wrapped: the message's own end
			p.guess = min(max(minGuess, n+1), commonFrame)
			if n < len(buf)/2 {
				return bytes.Clone(buf[:n]), nil
			}
			return buf[:n], nil
		case err != nil:
			return nil, err
		case n > limit:
			return nil, errTooLarge
		case n >= commonFrame:
			return p.readLarge(buf, body, limit)
		}
		buf = append(buf, make([]byte, min(n, limit+1-n))...)
	}
}

// readLarge reads the rest of a message after its head. Few do so at a time,
// and none takes forever, so that half-sent messages cannot fill the memory.
func (p *peer) readLarge(head []byte, body io.Reader, limit int) ([]byte, error) {
	select {
	case p.relay.largeReads <- struct{}{}:
		defer func() { <-p.relay.largeReads }()
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
	if err := p.socket.SetReadDeadline(time.Now().Add(largeReadTime)); err != nil {
		return nil, err
	}
	whole := io.MultiReader(bytes.NewReader(head), body)
	b, err := io.ReadAll(io.LimitReader(whole, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(b) > limit {
		return nil, errTooLarge
	}
	return b, p.socket.SetReadDeadline(time.Time{})
}

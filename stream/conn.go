package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// DefaultTimeout bounds the dial and the handshake together.
const DefaultTimeout = 10 * time.Second

// A connection's buffer for messages starts at minBuffer and is given up when a
// message made it larger than keepBuffer, in bytes.
const (
	minBuffer  = 4 << 10
	keepBuffer = 512 << 10
)

// closeTimeout bounds the websocket close handshake.
const closeTimeout = 2 * time.Second

// socketBuffer bounds what the kernel holds of what we send, in bytes. What is
// in flight is what a killed relay loses, so it must fit what a producer keeps
// to send again.
const socketBuffer = 256 << 10

// ConnectOptions says how to connect. The zero value and nil are fine.
type ConnectOptions struct {
	// Timeout bounds the dial and the handshake together; 0 is
	// DefaultTimeout.
	Timeout time.Duration
	// TLS is for wss URLs; nil is Go's default.
	TLS *tls.Config
	// Header goes with the upgrade request. Tokens have no business in it.
	Header http.Header
}

// Conn is one connection to a relay that accepted its StreamOpen. One
// goroutine may receive while others send.
//
// A context that ends in the middle of Receive or Send ends the connection,
// because a websocket cannot take a part of a message back.
type Conn struct {
	ws     *websocket.Conn
	ack    *agentv1.StreamOpenAck
	header http.Header
	socket net.Conn     // under ws
	buf    []byte       // for the message being received
	heard  atomic.Int64 // unix nanoseconds of the last sign of life
}

// Connect dials url, sends open and waits for the relay's answer. The errors:
// ctx's, ErrHandshakeTimeout, *StatusError, *RejectedError, *DecodeError for an
// answer that is none, ErrDropped for a socket that ends without one, or what
// the dial met. ctx bounds the handshake only.
func Connect(ctx context.Context, url string, open *agentv1.StreamOpen, opts *ConnectOptions) (*Conn, error) {
	if opts == nil {
		opts = &ConnectOptions{}
	}
	timeout := opts.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	bounded, cancel := context.WithTimeoutCause(ctx, timeout, ErrHandshakeTimeout)
	defer cancel()
	c, err := dial(bounded, url, opts)
	if err == nil {
		err = c.handshake(bounded, open)
	}
	if err == nil {
		return c, nil
	}
	if c != nil {
		c.Drop()
	}
	if bounded.Err() != nil {
		err = context.Cause(bounded)
	}
	return nil, fmt.Errorf("connect to the relay: %w", err)
}

func dial(ctx context.Context, url string, opts *ConnectOptions) (*Conn, error) {
	c := &Conn{}
	c.noteLife()
	// A transport of its own, so that no idle connection outlives the dial.
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialTCP(ctx, network, addr)
			c.socket = conn
			return conn, err
		},
		TLSClientConfig:   opts.TLS,
		DisableKeepAlives: true,
	}
	ws, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport: transport,
			// The URL is dialled as it stands, and the token goes to nobody
			// else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		HTTPHeader: opts.Header,
		OnPingReceived: func(context.Context, []byte) bool {
			c.noteLife()
			return true
		},
	})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return nil, &StatusError{Code: resp.StatusCode}
		}
		return nil, err
	}
	ws.SetReadLimit(MaxMessage)
	c.ws, c.header = ws, resp.Header
	return c, nil
}

func dialTCP(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Best effort: a kernel that refuses only holds more in flight.
		_ = tcp.SetWriteBuffer(socketBuffer)
	}
	return conn, err
}

func (c *Conn) handshake(ctx context.Context, open *agentv1.StreamOpen) error {
	if err := c.Send(ctx, open); err != nil {
		return err
	}
	m, err := c.Receive(ctx)
	if err != nil {
		return err
	}
	ack, ok := m.(*agentv1.StreamOpenAck)
	if !ok {
		tag, _ := tagOf(m)
		return &DecodeError{Tag: tag, Err: errors.New("want a StreamOpenAck")}
	}
	if !ack.GetAccepted() {
		e := ack.GetError()
		return &RejectedError{Code: e.GetCode(), Message: e.GetMessage(), Retryable: e.GetRetryable()}
	}
	c.ack = ack
	return nil
}

// Ack is the relay's answer to the open.
func (c *Conn) Ack() *agentv1.StreamOpenAck { return c.ack }

// Header is the relay's answer to the upgrade.
func (c *Conn) Header() http.Header { return c.header }

// Receive waits for the next message; text messages are passed over. A
// *DecodeError leaves the connection usable; every other error is its end and
// wraps ErrDropped.
func (c *Conn) Receive(ctx context.Context) (proto.Message, error) {
	for {
		typ, body, err := c.ws.Reader(ctx)
		var b []byte
		if err == nil {
			b, err = c.readBody(body)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDropped, err)
		}
		c.noteLife()
		if typ == websocket.MessageBinary {
			return Decode(b)
		}
	}
}

// readBody reads a whole message, into memory that the next one overwrites. It
// reads in big pieces because the library takes a socket that ended exactly
// between two of them for the message's end; Decode refuses such a torso.
func (c *Conn) readBody(body io.Reader) ([]byte, error) {
	if len(c.buf) > keepBuffer {
		c.buf = nil
	}
	for n := 0; ; {
		if n == len(c.buf) {
			c.buf = append(c.buf, make([]byte, max(minBuffer, n))...)
		}
		m, err := io.ReadFull(body, c.buf[n:])
		n += m
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF: // not wrapped: the message's own end
			return c.buf[:n], nil
		default:
			return nil, err
		}
	}
}

// Send sends one message. After an error other than an encoding one the
// connection is over, and the peer did not get this message whole.
func (c *Conn) Send(ctx context.Context, m proto.Message) error {
	b, err := Encode(m)
	if err != nil {
		return err
	}
	return c.SendEncoded(ctx, b)
}

// SendEncoded sends a message that Encode made.
func (c *Conn) SendEncoded(ctx context.Context, b []byte) error {
	if err := c.ws.Write(ctx, websocket.MessageBinary, b); err != nil {
		return fmt.Errorf("%w: %w", ErrDropped, err)
	}
	return nil
}

// Ping waits for the relay's pong. It needs somebody in Receive.
func (c *Conn) Ping(ctx context.Context) error {
	if err := c.ws.Ping(ctx); err != nil {
		return err
	}
	c.noteLife()
	return nil
}

// Idle is the time since anything came from the relay.
func (c *Conn) Idle() time.Duration {
	return time.Since(time.Unix(0, c.heard.Load()))
}

func (c *Conn) noteLife() { c.heard.Store(time.Now().UnixNano()) }

// Close ends the connection with a websocket close handshake, for which the
// relay has 2 s. It does not close the channel: send a StreamClose before for
// that.
func (c *Conn) Close() error {
	t := time.AfterFunc(closeTimeout, func() { _ = c.socket.Close() })
	defer t.Stop()
	return c.ws.Close(websocket.StatusNormalClosure, "")
}

// Drop ends the connection at once, without a word to the relay.
func (c *Conn) Drop() {
	if c.ws != nil {
		_ = c.ws.CloseNow()
	}
}

// CloseStatus is the websocket status in an error of Receive, or -1 when the
// socket ended without a close frame.
func CloseStatus(err error) int { return int(websocket.CloseStatus(err)) }

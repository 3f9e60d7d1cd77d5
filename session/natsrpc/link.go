package natsrpc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/session"
)

const (
	defaultDialTimeout  = 2 * time.Second
	defaultDrainTimeout = 5 * time.Second

	// writeTimeout bounds how long a broker that stopped reading can hold up
	// callers; a full payload takes that long on a link of 13 Mbit/s.
	writeTimeout = 10 * time.Second

	// pingInterval finds a connection that died without a word within a
	// minute; until then its requests time out.
	pingInterval = 20 * time.Second

	// The first reconnects come quickly, for most outages are a broker's
	// restart, and the later ones often enough that nobody waits for long.
	minReconnectDelay = 50 * time.Millisecond
	maxReconnectDelay = time.Second
)

var (
	errNoBroker     = errors.New("no broker is configured")
	errDisconnected = errors.New("not connected to the broker")
	errLost         = errors.New("the connection to the broker ended before the reply came")
)

// link is the connection that all users of a Client share. It is dialed when
// it is needed and missing; after a loss nats.go restores it in the
// background, and when that has given up for good, the next request dials
// again.
type link struct {
	cfg   Config
	waits sync.Pool // *wait

	mu       sync.Mutex    // guards the fields below
	mux      *mux          // the connection, if any, perhaps closed
	dialing  *dial         // the dial under way, if any
	inFlight int           // requests between acquire and release
	closed   chan struct{} // non-nil once close was called; closed when done
	idle     chan struct{} // closed when closing and nothing is in flight
}

// dial is one attempt that any number of callers wait for.
type dial struct {
	done chan struct{}
	mux  *mux // valid once done is closed, as is err
	err  error
}

func newLink(cfg Config) *link {
	cfg.URLs = slices.Clone(cfg.URLs)
	cfg.Options = slices.Clone(cfg.Options)
	if cfg.DialTimeout <= 0 {
		cfg.DialTimeout = defaultDialTimeout
	}
	if cfg.DrainTimeout <= 0 {
		cfg.DrainTimeout = defaultDrainTimeout
	}
	return &link{cfg: cfg, waits: sync.Pool{New: newWait}}
}

// request sends msg, of the given size with its header, and returns the reply.
// A timeout of 0 or less leaves the bound to ctx.
func (l *link) request(ctx context.Context, timeout time.Duration, msg *nats.Msg, size int) (*nats.Msg, error) {
	w := l.waits.Get().(*wait)
	w.begin(timeout)
	defer func() {
		w.end()
		l.waits.Put(w)
	}()
	reply, err := l.attempt(ctx, msg, size, w)
	if errors.Is(err, nats.ErrConnectionClosed) { // and not sent
		reply, err = l.attempt(ctx, msg, size, w)
	}
	return reply, err
}

// attempt finds out whether the connection is usable by using it: nats.Conn
// answers such questions under a lock that it holds while it writes to the
// network, so that each would cost a busy caller a wait.
func (l *link) attempt(ctx context.Context, msg *nats.Msg, size int, w *wait) (*nats.Msg, error) {
	m, err := l.acquire(ctx, w)
	if err != nil {
		return nil, err
	}
	defer l.release()
	reply, err := m.request(ctx, msg, w)
	switch {
	case errors.Is(err, nats.ErrConnectionClosed):
		l.discard(m)
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		err = errDisconnected
	case errors.Is(err, nats.ErrMaxPayload):
		err = &payloadError{size: int64(size), limit: m.nc.MaxPayload()}
	}
	return reply, err
}

// acquire returns the connection, dialing if there is none. The caller
// releases it when it returned no error.
func (l *link) acquire(ctx context.Context, w *wait) (*mux, error) {
	l.mu.Lock()
	if l.closed != nil {
		l.mu.Unlock()
		return nil, session.ErrClosed
	}
	l.inFlight++
	if l.mux != nil {
		m := l.mux
		l.mu.Unlock()
		return m, nil
	}
	d := l.dialing
	if d == nil {
		d = &dial{done: make(chan struct{})}
		l.dialing = d
		go l.dial(d) // ends with the dial's timeout; close waits for it
	}
	l.mu.Unlock()
	err := context.DeadlineExceeded
	select {
	case <-d.done:
		if d.err == nil {
			return d.mux, nil
		}
		err = d.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-w.expired:
	}
	l.release()
	return nil, err
}

// discard makes the next request dial, for m is closed.
func (l *link) discard(m *mux) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mux == m {
		l.mux = nil
	}
}

func (l *link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	if l.inFlight == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
}

// dial tries the URLs once. Its failure goes to those who waited for it and
// to nobody after them.
func (l *link) dial(d *dial) {
	d.mux, d.err = l.connect()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mux, l.dialing = d.mux, nil
	close(d.done)
}

func (l *link) connect() (*mux, error) {
	if len(l.cfg.URLs) == 0 {
		return nil, errNoBroker // nats.go would try its default URL
	}
	opts := nats.GetDefaultOptions()
	opts.Servers = l.cfg.URLs
	opts.NoRandomize = true
	opts.Name = l.cfg.Name
	opts.User, opts.Password, opts.Token = l.cfg.User, l.cfg.Password, l.cfg.Token
	opts.Timeout = l.cfg.DialTimeout
	opts.DrainTimeout = l.cfg.DrainTimeout
	opts.FlusherTimeout = writeTimeout
	opts.PingInterval = pingInterval
	opts.MaxReconnect = -1
	opts.CustomReconnectDelayCB = reconnectDelay
	opts.AsyncErrorCB = func(*nats.Conn, *nats.Subscription, error) {} // not to stderr: callers are told
	for _, opt := range l.cfg.Options {
		if opt == nil {
			continue
		}
		if err := opt(&opts); err != nil {
			return nil, fmt.Errorf("configure the broker connection: %w", err)
		}
	}
	// Without a buffer a request is refused while there is no connection. With
	// one it would run long after its caller was told that it had failed.
	opts.ReconnectBufSize = -1
	nc, err := opts.Connect()
	if parse, ok := errors.AsType[*url.Error](err); ok {
		err = parse.Err // it quotes the URL, which may hold a password
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	m, err := newMux(nc, l.cfg.Stray)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("subscribe to replies: %w", err)
	}
	return m, nil
}

// reconnectDelay grows with each round of failed attempts, half of it random
// so that a broker's clients do not return all at once.
func reconnectDelay(attempts int) time.Duration {
	d := min(minReconnectDelay<<min(attempts-1, 10), maxReconnectDelay)
	return d/2 + rand.N(d/2)
}

func (l *link) close() error {
	l.mu.Lock()
	if done := l.closed; done != nil {
		l.mu.Unlock()
		<-done
		return nil
	}
	done := make(chan struct{})
	l.closed = done
	defer close(done)
	var idle chan struct{}
	if l.inFlight > 0 {
		idle = make(chan struct{})
		l.idle = idle
	}
	d := l.dialing
	l.mu.Unlock()

	if idle != nil {
		select {
		case <-idle:
		case <-time.After(l.cfg.DrainTimeout):
		}
	}
	if d != nil {
		<-d.done
	}
	l.mu.Lock()
	m := l.mux
	l.mu.Unlock()
	if m == nil {
		return nil
	}
	return drain(m.nc, l.cfg.DrainTimeout)
}

// drain returns when nc is closed, orderly within the timeout or else at once.
func drain(nc *nats.Conn, timeout time.Duration) error {
	closed := nc.StatusChanged(nats.CLOSED)
	defer nc.RemoveStatusListener(closed)
	switch err := nc.Drain(); {
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionReconnecting):
		return nil // closed, with nothing to drain
	case err != nil:
		nc.Close()
		return fmt.Errorf("drain the broker connection: %w", err)
	}
	select {
	case <-closed:
		return nil
	case <-time.After(timeout):
		nc.Close()
		return fmt.Errorf("drain the broker connection: not done after %v", timeout)
	}
}

package relay

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"agentproof/stream"
)

const (
	// headerTimeout bounds the time for a request's header: a client that
	// sends it byte by byte gets no further.
	headerTimeout = 10 * time.Second
	keepIdle      = 60 * time.Second
	maxHeader     = 16 << 10
)

// Serve accepts connections on ln until ctx ends, then shuts the relay down
// within ShutdownGrace and returns nil. It returns early when the relay is
// closed, and with an error when ln fails. Either way the relay is closed
// afterwards, and ln too.
func (r *Relay) Serve(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{
		Handler:           r,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       keepIdle,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	var failure error
	select {
	case err := <-served:
		failure = fmt.Errorf("serve the relay: %w", err)
		served <- err
	case <-r.stop:
	case <-ctx.Done():
	}
	// The listener first: who is told to come back must not come back to this
	// relay. Websockets are not the server's any more.
	srv.Close()
	<-served
	if failure == nil {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.ShutdownGrace)
		defer cancel()
		if err := r.Shutdown(grace); err != nil {
			r.log.Warn("not everything was delivered", "cause", err)
		}
	}
	r.Close()
	return failure
}

// Server is a relay with a listener of its own.
type Server struct {
	relay  *Relay
	addr   net.Addr
	cancel context.CancelFunc
	done   chan struct{}
	err    error // of Serve; set before done is closed
}

// Start runs a relay on cfg.Listen and returns when it accepts connections.
func Start(cfg Config) (*Server, error) {
	r, err := New(cfg)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", r.cfg.Listen)
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("start the relay: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{relay: r, addr: ln.Addr(), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = r.Serve(ctx, ln)
	}()
	return s, nil
}

// Addr is where the relay listens.
func (s *Server) Addr() net.Addr { return s.addr }

// URL is the relay URL for agents, `ws://host:port/stream`. A relay that
// listens on every address is named by its loopback one.
func (s *Server) URL() string {
	addr := s.addr.String()
	if t, ok := s.addr.(*net.TCPAddr); ok && t.IP.IsUnspecified() {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(t.Port))
	}
	return "ws://" + addr + stream.Path
}

// Close shuts the relay down as Serve does at the end of its ctx, and returns
// when it has ended. It may be called more than once.
func (s *Server) Close() error {
	s.cancel()
	<-s.done
	return s.err
}

// Kill ends the relay at once, as a crash would.
func (s *Server) Kill() {
	s.relay.Close()
	_ = s.Close()
}

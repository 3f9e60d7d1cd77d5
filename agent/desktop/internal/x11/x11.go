// Package x11 is the way to a screen through the X protocol, without cgo: one
// connection that is kept, shared memory for the pixels, XTEST for the input
// and DAMAGE to know when to look.
package x11

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/internal/xconn"
)

// answerTimeout bounds the wait for a server, which answers within
// milliseconds unless it was stopped.
const answerTimeout = 5 * time.Second

var (
	errSilent = fmt.Errorf("the X server has not answered for %v", answerTimeout)
	errClosed = errors.New("the desktop is shutting down")
)

// Backend implements backend.Backend.
type Backend struct {
	options xconn.Options
	log     *slog.Logger
	grabber grabber

	mu      sync.Mutex // guards what follows; held while dialling, so that it is done once
	current *session
	closed  bool
}

// New returns a backend for the display that environ names in DISPLAY and
// XAUTHORITY. It connects when it is first used.
func New(environ []string, log *slog.Logger) *Backend {
	return &Backend{options: xconn.OptionsFrom(environ), log: log}
}

// Probe implements backend.Backend.
func (b *Backend) Probe(ctx context.Context) (backend.Display, error) {
	var d backend.Display
	err := b.with(ctx, func(s *session) error {
		width, height, err := s.size()
		d = backend.Display{ID: b.options.Display, Width: width, Height: height, Virtual: s.virtual}
		return err
	})
	return d, err
}

// Close implements backend.Backend.
func (b *Backend) Close() error {
	b.mu.Lock()
	s := b.current
	b.current, b.closed = nil, true
	b.mu.Unlock()
	b.grabber.free()
	if s == nil {
		return nil
	}
	err := s.releaseAll()
	s.conn.Close()
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("let go of the keyboard: %w", err)
	}
	return nil
}

// with runs do on the session, and once more on a new one if the server turns
// out to have gone: a server that was restarted is no failure.
func (b *Backend) with(ctx context.Context, do func(*session) error) error {
	for attempt := 1; ; attempt++ {
		s, err := b.session(ctx)
		if err != nil {
			return err
		}
		err = do(s)
		if !errors.Is(err, io.EOF) {
			return err
		}
		b.drop(s)
		if attempt == 2 {
			return &backend.Unavailable{Reason: "the X server goes away as soon as it is used", Err: err}
		}
	}
}

// session is the connection that there is, or a new one.
func (b *Backend) session(ctx context.Context) (*session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errClosed
	}
	if b.current != nil {
		if b.current.alive() {
			return b.current, nil
		}
		b.log.Info("the X server has gone", "display", b.options.Display)
		b.current.conn.Close()
		b.current = nil
	}
	s, err := dial(ctx, b.options, b.log)
	switch {
	case errors.Is(err, xconn.ErrNoDisplay):
		return nil, &backend.Unavailable{
			Reason: "there is no display: DISPLAY is not set; start the agent in a graphical session, or give it a virtual display",
			Err:    err,
		}
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &backend.Unavailable{Reason: "the display cannot be used: " + err.Error(), Err: err}
	}
	b.log.Info("connected to the X server", "display", b.options.Display,
		"shared_memory", s.canShare, "damage", s.damage != 0)
	b.current = s
	return s, nil
}

// drop ends a session whose connection failed, unless it was replaced already.
func (b *Backend) drop(s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current == s {
		s.conn.Close()
		b.current = nil
	}
}

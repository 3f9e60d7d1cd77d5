// Package desktop serves the desktop operations of the agent: it sees the
// machine's screen, moves its pointer and types on its keyboard
// (docs/spec/agent.md, Desktop).
//
// On Unix systems other than macOS it speaks the X protocol itself. On macOS
// and Windows, and with the build tag robotgo on Linux, it goes through native
// libraries, which needs cgo; without cgo there is no desktop on those.
package desktop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"agentproof/agent/desktop/internal/backend"
	"agentproof/agent/desktop/screenpng"
	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream/producer"
)

// replyOverhead is what a reply holds beside its picture, in bytes: the
// envelope, and a request id of a generous length.
const replyOverhead = 4 << 10

// Config is what a desktop needs of the agent. The zero value is a desktop
// without a relay, and without consent.
type Config struct {
	WorkspaceID string
	AgentID     string
	// Environ names the display; nil means os.Environ().
	Environ []string
	// ScreenControl is the owner's consent to input that comes with a stream
	// (stream.desktop-input-consent). Who calls Input has checked it already.
	ScreenControl bool
	// Relay is how the desktop's channel is opened; its Channel is filled in.
	// Without a RelayURL there is no channel.
	Relay producer.Config
	// MaxPayload gives the size of the largest reply in bytes, to which
	// screenshots are fitted (desktop.screenshot-fits); nil and 0 are no limit.
	MaxPayload func() int
	// Logger hears of displays and channels that come and go; nil is silent.
	Logger *slog.Logger
}

// A Desktop is the screen of this machine. It needs none to be made: displays
// may come and go. Its methods are safe for concurrent use.
type Desktop struct {
	cfg     Config
	log     *slog.Logger
	backend backend.Backend

	input  lock // for injecting: one event after the other
	screen lock // for capturing, and for the encoder
	png    screenpng.Encoder

	opening lock // for opening a channel, so that callers share it
	mu      sync.Mutex
	channel *channel // guarded by mu; nil before the first
	closed  bool     // guarded by mu
}

// New returns the desktop of the display that cfg.Environ names.
func New(cfg Config) *Desktop {
	if cfg.Environ == nil {
		cfg.Environ = os.Environ()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Desktop{
		cfg:     cfg,
		log:     cfg.Logger,
		backend: openBackend(cfg.Environ, cfg.Logger),
		input:   newLock(),
		screen:  newLock(),
		opening: newLock(),
	}
}

// Status tells the display, nil if there is none, and then why and what to do.
func (d *Desktop) Status(ctx context.Context) (display *agentv1.Display, unavailable string) {
	display, err := d.probe(ctx)
	if err != nil {
		return nil, err.Error()
	}
	return display, ""
}

func (d *Desktop) probe(ctx context.Context) (*agentv1.Display, error) {
	p, err := d.backend.Probe(ctx)
	if err != nil {
		return nil, typed("look for a display", err)
	}
	return &agentv1.Display{Id: p.ID, Width: uint32(p.Width), Height: uint32(p.Height), Virtual: p.Virtual}, nil
}

// Screenshot shows the whole screen, smaller if it would not fit into a reply
// (desktop.screenshot, desktop.screenshot-fits). It is UNSUPPORTED without a
// display (desktop.none).
func (d *Desktop) Screenshot(ctx context.Context, _ *agentv1.DesktopScreenshotRequest) (*agentv1.DesktopScreenshotResponse, error) {
	limit := 0
	if d.cfg.MaxPayload != nil {
		limit = d.cfg.MaxPayload()
	}
	if limit > 0 {
		limit = max(1, limit-replyOverhead)
	}
	picture, width, height, err := d.picture(ctx, limit)
	if err != nil {
		return nil, typed("take a screenshot", err)
	}
	resp := &agentv1.DesktopScreenshotResponse{
		Png: picture.PNG, Width: uint32(picture.Width), Height: uint32(picture.Height),
	}
	if picture.Width != width || picture.Height != height {
		resp.NativeWidth, resp.NativeHeight = uint32(width), uint32(height)
	}
	return resp, nil
}

// picture captures the screen into at most limit bytes, and tells its real
// size.
func (d *Desktop) picture(ctx context.Context, limit int) (p screenpng.Picture, width, height int, err error) {
	if err := d.screen.acquire(ctx); err != nil {
		return p, 0, 0, err
	}
	defer d.screen.release()
	err = d.backend.Capture(ctx, func(img screenpng.Image) (err error) {
		width, height = img.Width, img.Height
		p, err = d.png.EncodeWithin(img, limit)
		return err
	})
	return p, width, height, err
}

// Input acts on the screen (desktop.input.pointer, .scroll, .text, .key). What
// the event does not say rightly is PROTOCOL; a missing display is UNSUPPORTED.
func (d *Desktop) Input(ctx context.Context, req *agentv1.DesktopInputRequest) (*agentv1.DesktopInputResponse, error) {
	in, err := inputOf(req.GetPointer(), req.GetKey(), req.GetScroll())
	if err != nil {
		return nil, err
	}
	if err := d.inject(ctx, in); err != nil {
		return nil, typed("act on the screen", err)
	}
	return &agentv1.DesktopInputResponse{}, nil
}

func (d *Desktop) inject(ctx context.Context, in backend.Input) error {
	if err := d.input.acquire(ctx); err != nil {
		return err
	}
	defer d.input.release()
	return d.backend.Inject(ctx, in)
}

// Shutdown ends the channel, lets go of all keys and buttons, and of the
// display. It waits for what is being done, but not longer than ctx lives. No
// other method may be called afterwards; shutting down twice is harmless.
func (d *Desktop) Shutdown(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	c := d.channel
	d.mu.Unlock()
	if c != nil {
		c.end(ctx)
	}
	for _, l := range []lock{d.input, d.screen} {
		if err := l.acquire(ctx); err != nil {
			return fmt.Errorf("wait for the desktop: %w", err)
		}
		defer l.release()
	}
	return d.backend.Close()
}

// typed gives an error its code: UNSUPPORTED for a missing display, and OS for
// what failed on one.
func typed(attempt string, err error) error {
	if _, ok := errors.AsType[*operr.Error](err); ok || errors.Is(err, context.Canceled) {
		return err
	}
	if u, ok := errors.AsType[*backend.Unavailable](err); ok {
		e := operr.New(agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED, "%s", u.Reason)
		e.Err = err
		return e
	}
	e := operr.New(agentv1.ErrorCode_ERROR_CODE_OS, "%s: %v", attempt, err)
	e.Err = err
	return e
}

// A lock is a mutex whose waiters have a context.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

func (l lock) acquire(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l lock) release() { <-l }

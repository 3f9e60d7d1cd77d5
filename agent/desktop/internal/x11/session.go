package x11

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/shm"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"

	"agentproof/internal/xconn"
)

// session is one connection and what belongs to it.
type session struct {
	conn    *xconn.Conn
	root    xproto.Window
	format  pixelFormat
	virtual bool

	// canShare is false once shared memory has failed; Capture's caller's alone.
	canShare bool

	// Changes.
	damage  damage.Damage // 0 without the extension
	notify  byte          // its event's number
	changed atomic.Bool

	// Input; Inject's caller's alone.
	fakes    []xtest.FakeInputCookie
	buttons  map[byte]bool // held
	held     map[heldKey][]xproto.Keycode
	borrowed map[xproto.Keycode][]xproto.Keysym // what was on them
	pinger   pinger
}

// dial connects and finds out what the server can do. Only XTEST is needed.
func dial(ctx context.Context, o xconn.Options, log *slog.Logger) (*session, error) {
	s := &session{
		buttons:  make(map[byte]bool),
		held:     make(map[heldKey][]xproto.Keycode),
		borrowed: make(map[xproto.Keycode][]xproto.Keysym),
	}
	ready := make(chan struct{})
	o.Event = func(e xgb.Event) { <-ready; s.handle(e) }
	o.Error = func(err xgb.Error) { log.Warn("the X server refused a request", "error", err) }
	var err error
	if s.conn, err = xconn.Dial(ctx, o); err != nil {
		return nil, err
	}
	s.root = s.conn.Screen.Root
	err = s.bounded(s.prepare)
	close(ready)
	if err != nil {
		s.conn.Close()
		return nil, err
	}
	return s, nil
}

// bounded runs what waits for the server's answers.
func (s *session) bounded(do func() error) error {
	inTime := s.conn.Limit(answerTimeout)
	err := do()
	if !inTime() {
		return errSilent
	}
	return err
}

func (s *session) prepare() error {
	var err error
	if s.format, err = formatOf(s.conn); err != nil {
		return err
	}
	_, ok, err := s.conn.Extension("XTEST")
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("the X server has no XTEST extension, so nothing can be typed or clicked")
	}
	if s.canShare, err = s.prepareSharing(); err != nil {
		return err
	}
	if err := s.prepareDamage(); err != nil {
		return err
	}
	if err := s.pinger.prepare(s.conn); err != nil {
		return err
	}
	s.virtual, err = s.conn.Virtual()
	return err
}

func (s *session) prepareSharing() (bool, error) {
	_, ok, err := s.conn.Extension("MIT-SHM")
	if !ok || err != nil || !sharingSupported {
		return false, err
	}
	_, err = shm.QueryVersion(s.conn.Conn).Reply()
	return err == nil, err
}

// prepareDamage asks to be told of the first change after each look. Without
// the extension every look may find one.
func (s *session) prepareDamage() error {
	s.changed.Store(true)
	if _, ok, err := s.conn.Extension("XFIXES"); !ok || err != nil {
		return err
	}
	if _, err := xfixes.QueryVersion(s.conn.Conn, 5, 0).Reply(); err != nil {
		return fmt.Errorf("start XFIXES: %w", err)
	}
	ext, ok, err := s.conn.Extension("DAMAGE")
	if !ok || err != nil {
		return err
	}
	if _, err := damage.QueryVersion(s.conn.Conn, 1, 1).Reply(); err != nil {
		return fmt.Errorf("start DAMAGE: %w", err)
	}
	id, err := damage.NewDamageId(s.conn.Conn)
	if err != nil {
		return err
	}
	err = damage.CreateChecked(s.conn.Conn, id, xproto.Drawable(s.root), damage.ReportLevelNonEmpty).Check()
	if err != nil {
		return fmt.Errorf("watch the screen: %w", err)
	}
	s.damage, s.notify = id, ext.FirstEvent
	return nil
}

// handle is called with each event.
func (s *session) handle(event xgb.Event) {
	switch e := event.(type) {
	case xconn.RawEvent:
		if s.damage != 0 && e.Number() == s.notify {
			s.changed.Store(true)
		}
	case xproto.ClientMessageEvent:
		s.pinger.hear(e)
	}
}

// size asks each time: what the server said at first is out of date once
// somebody plugs in another screen.
func (s *session) size() (width, height int, err error) {
	err = s.bounded(func() error {
		g, err := xproto.GetGeometry(s.conn.Conn, xproto.Drawable(s.root)).Reply()
		if err != nil {
			return fmt.Errorf("ask for the screen's size: %w", err)
		}
		width, height = int(g.Width), int(g.Height)
		return nil
	})
	return width, height, err
}

func (s *session) alive() bool {
	select {
	case <-s.conn.Done():
		return false
	default:
		return true
	}
}

package x11

import (
	"context"
	"fmt"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"agentproof/internal/xconn"
)

const (
	// settleTime is how long a client that cannot be asked is given to look up
	// the meaning of keys.
	settleTime = 150 * time.Millisecond
	// pongTimeout is how long a client that can be asked may take: it is busy,
	// and wrong characters are worse than late ones.
	pongTimeout = 3 * time.Second
	// maxAncestors bounds the way from the focus up to a program's window.
	maxAncestors = 16
)

// A pinger asks clients whether they have come as far as now, as window
// managers do: most programs answer, in the order of their events.
type pinger struct {
	protocols, ping xproto.Atom
	pongs           chan uint32
	last            uint32 // the newest ping
}

func (p *pinger) prepare(c *xconn.Conn) error {
	p.pongs = make(chan uint32, 1)
	for name, atom := range map[string]*xproto.Atom{"WM_PROTOCOLS": &p.protocols, "_NET_WM_PING": &p.ping} {
		reply, err := xproto.InternAtom(c.Conn, false, uint16(len(name)), name).Reply()
		if err != nil {
			return fmt.Errorf("name the atom %s: %w", name, err)
		}
		*atom = reply.Atom
	}
	return nil
}

// hear takes a pong, which is the ping sent on to the root window.
func (p *pinger) hear(e xproto.ClientMessageEvent) {
	if e.Type != p.protocols || len(e.Data.Data32) < 2 || xproto.Atom(e.Data.Data32[0]) != p.ping {
		return
	}
	select {
	case p.pongs <- e.Data.Data32[1]:
	default: // an old one is there still; whoever waits throws it away
	}
}

// settle waits until the program with the focus has taken the keys that were
// sent, as far as that can be known.
func (s *session) settle(ctx context.Context) error {
	var window xproto.Window
	err := s.bounded(func() (err error) {
		window, err = s.pingable()
		return err
	})
	if err != nil {
		return err
	}
	if window == 0 {
		return s.pause(ctx, settleTime, nil)
	}
	s.pinger.last++
	// Only who selects the root's events hears pongs.
	s.selectRoot(xproto.EventMaskSubstructureNotify)
	defer s.selectRoot(xproto.EventMaskNoEvent)
	ping := xproto.ClientMessageEvent{
		Format: 32, Window: window, Type: s.pinger.protocols,
		Data: xproto.ClientMessageDataUnionData32New([]uint32{
			uint32(s.pinger.ping), s.pinger.last, uint32(window), 0, 0,
		}),
	}
	xproto.SendEvent(s.conn.Conn, false, window, xproto.EventMaskNoEvent, string(ping.Bytes()))
	return s.pause(ctx, pongTimeout, func(pong uint32) bool { return pong == s.pinger.last })
}

func (s *session) selectRoot(mask uint32) {
	xproto.ChangeWindowAttributes(s.conn.Conn, s.root, xproto.CwEventMask, []uint32{mask})
}

// pause waits for d, or for the right pong.
func (s *session) pause(ctx context.Context, d time.Duration, right func(pong uint32) bool) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return nil
		case pong := <-s.pinger.pongs:
			if right != nil && right(pong) {
				return nil
			}
		case <-s.conn.Done():
			return nil // nobody is left to misunderstand; the next request tells
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pingable is the window of the program that has the focus, if it answers
// pings, else 0.
func (s *session) pingable() (xproto.Window, error) {
	focus, err := xproto.GetInputFocus(s.conn.Conn).Reply()
	if err != nil {
		return 0, fmt.Errorf("ask for the focus: %w", err)
	}
	window := focus.Focus
	for range maxAncestors {
		if window <= xproto.InputFocusPointerRoot || window == s.root {
			return 0, nil
		}
		if s.answersPings(window) {
			return window, nil
		}
		tree, err := xproto.QueryTree(s.conn.Conn, window).Reply()
		if err != nil {
			return 0, nil // the window went away meanwhile
		}
		window = tree.Parent
	}
	return 0, nil
}

func (s *session) answersPings(window xproto.Window) bool {
	reply, err := xproto.GetProperty(s.conn.Conn, false, window, s.pinger.protocols, xproto.AtomAtom, 0, 64).Reply()
	if err != nil || reply.Format != 32 {
		return false
	}
	for atoms := reply.Value; len(atoms) >= 4; atoms = atoms[4:] {
		if xproto.Atom(xgb.Get32(atoms)) == s.pinger.ping {
			return true
		}
	}
	return false
}

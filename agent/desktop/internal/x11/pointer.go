package x11

import (
	"context"
	"fmt"

	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"

	"agentproof/agent/desktop/internal/backend"
)

// The wheels are buttons.
const (
	wheelUp    = 4
	wheelDown  = 5
	wheelLeft  = 6
	wheelRight = 7
)

// Inject implements backend.Backend.
func (b *Backend) Inject(ctx context.Context, in backend.Input) error {
	return b.with(ctx, func(s *session) error {
		switch in := in.(type) {
		case backend.Pointer:
			return s.point(in)
		case backend.Scroll:
			return s.scroll(in)
		case backend.Key:
			return s.key(in)
		case backend.Text:
			return s.text(ctx, string(in))
		default:
			return fmt.Errorf("inject a %T: not a kind of input", in)
		}
	})
}

func (s *session) point(p backend.Pointer) error {
	if err := s.move(p.X, p.Y); err != nil {
		return err
	}
	button := buttonNumber(p.Button)
	presses := 0
	switch p.Action {
	case backend.Press:
		presses = 1
	case backend.DoublePress:
		presses = 2
	case backend.Down:
		s.press(button)
		s.buttons[button] = true
	case backend.Up:
		s.release(button)
		delete(s.buttons, button)
	}
	s.click(button, presses)
	return s.flush()
}

func buttonNumber(b backend.Button) byte {
	switch b {
	case backend.Middle:
		return xproto.ButtonIndex2
	case backend.Right:
		return xproto.ButtonIndex3
	default:
		return xproto.ButtonIndex1
	}
}

func (s *session) scroll(in backend.Scroll) error {
	if err := s.move(in.X, in.Y); err != nil {
		return err
	}
	s.turn(in.DY, wheelUp, wheelDown)
	s.turn(in.DX, wheelLeft, wheelRight)
	return s.flush()
}

func (s *session) turn(steps int, back, forth byte) {
	wheel := forth
	if steps < 0 {
		wheel = back
		steps = -max(steps, -backend.MaxScroll)
	}
	s.click(wheel, min(steps, backend.MaxScroll))
}

func (s *session) click(button byte, times int) {
	for range times {
		s.press(button)
		s.release(button)
	}
}

// move goes to the nearest point of the screen.
func (s *session) move(x, y int) error {
	width, height, err := s.size()
	if err != nil {
		return err
	}
	x, y = backend.Clamp(x, y, width, height)
	s.fake(xproto.MotionNotify, 0, int16(x), int16(y))
	return nil
}

func (s *session) press(button byte)   { s.fake(xproto.ButtonPress, button, 0, 0) }
func (s *session) release(button byte) { s.fake(xproto.ButtonRelease, button, 0, 0) }

// fake sends one event; flush tells whether the server took it.
func (s *session) fake(kind, detail byte, x, y int16) {
	s.fakes = append(s.fakes, xtest.FakeInputChecked(s.conn.Conn, kind, detail, xproto.TimeCurrentTime, s.root, x, y, 0))
}

// flush waits until the server has taken every event that was sent.
func (s *session) flush() error {
	fakes := s.fakes
	s.fakes = s.fakes[:0]
	return s.bounded(func() error {
		for _, cookie := range fakes {
			if err := cookie.Check(); err != nil {
				return fmt.Errorf("inject an event: %w", err)
			}
		}
		return nil
	})
}

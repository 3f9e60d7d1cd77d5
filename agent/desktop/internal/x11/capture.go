package x11

import (
	"context"
	"errors"
	"fmt"

	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/shm"
	"github.com/jezek/xgb/xproto"

	"agentproof/agent/desktop/screenpng"
)

const allPlanes = ^uint32(0)

// Capture implements backend.Backend.
func (b *Backend) Capture(ctx context.Context, use func(screenpng.Image) error) error {
	var img screenpng.Image
	err := b.with(ctx, func(s *session) (err error) {
		img, err = b.grabber.capture(s)
		return err
	})
	if err != nil {
		return err
	}
	return use(img)
}

// Changed implements backend.Backend.
func (b *Backend) Changed(ctx context.Context) (bool, error) {
	changed := true
	err := b.with(ctx, func(s *session) error {
		if s.damage == 0 {
			return nil
		}
		if changed = s.changed.Swap(false); !changed {
			return nil
		}
		// Before the look, so that what changes during it is told again.
		return s.bounded(damage.SubtractChecked(s.conn.Conn, s.damage, 0, 0).Check)
	})
	return changed, err
}

// A grabber owns the memory of pictures. It is Capture's caller's alone, so that
// a picture outlives the session that it came from.
type grabber struct {
	of      *session // whose server knows the segment
	segment *segment
	scratch []byte
}

// segment is memory that the X server writes to.
type segment struct {
	id     shm.Seg
	memory []byte
}

// capture asks again when the screen changed its size under it.
func (g *grabber) capture(s *session) (screenpng.Image, error) {
	if g.of != s {
		g.free()
		g.of = s
	}
	for attempt := 1; ; attempt++ {
		width, height, err := s.size()
		if err != nil {
			return screenpng.Image{}, err
		}
		var pixels []byte
		err = s.bounded(func() (err error) {
			pixels, err = g.grab(s, width, height)
			return err
		})
		if err == nil {
			img := screenpng.Image{Pix: pixels, Stride: s.format.stride(width), Width: width, Height: height}
			return s.format.convert(img, &g.scratch), nil
		}
		if _, resized := errors.AsType[xproto.MatchError](err); !resized || attempt == 3 {
			return screenpng.Image{}, fmt.Errorf("capture the screen: %w", err)
		}
	}
}

// grab reads the pixels, through shared memory if that works.
func (g *grabber) grab(s *session, width, height int) ([]byte, error) {
	size := s.format.stride(width) * height
	if s.canShare {
		if err := g.share(s, size); err != nil {
			return nil, err
		}
	}
	if s.canShare {
		_, err := shm.GetImage(s.conn.Conn, xproto.Drawable(s.root), 0, 0, uint16(width), uint16(height),
			allPlanes, xproto.ImageFormatZPixmap, g.segment.id, 0).Reply()
		return g.segment.memory[:size], err
	}
	reply, err := xproto.GetImage(s.conn.Conn, xproto.ImageFormatZPixmap, xproto.Drawable(s.root), 0, 0,
		uint16(width), uint16(height), allPlanes).Reply()
	if err != nil {
		return nil, err
	}
	return reply.Data, nil
}

// share makes sure of a segment of that size. A server that lives in another
// container or on another machine refuses it, once and for all.
func (g *grabber) share(s *session, size int) error {
	if g.segment != nil && len(g.segment.memory) >= size {
		return nil
	}
	if g.segment != nil {
		shm.Detach(s.conn.Conn, g.segment.id)
		g.free()
	}
	id, err := shm.NewSegId(s.conn.Conn)
	if err != nil {
		return err
	}
	key, memory, err := allocate(size)
	if err != nil {
		s.canShare = false
		return nil
	}
	err = shm.AttachChecked(s.conn.Conn, id, key, false).Check()
	remove(key)
	if err == nil {
		g.segment = &segment{id, memory}
		return nil
	}
	detach(memory)
	if _, refused := errors.AsType[xproto.AccessError](err); refused {
		s.canShare = false
		return nil
	}
	return fmt.Errorf("share memory with the X server: %w", err)
}

func (g *grabber) free() {
	if g.segment != nil {
		detach(g.segment.memory)
		g.segment = nil
	}
}

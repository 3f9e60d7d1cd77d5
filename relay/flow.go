package relay

import (
	"bytes"

	"github.com/coder/websocket"

	"agentproof/relay/internal/ring"
	"agentproof/relay/internal/socket"
)

// awaitViewer blocks the producer's reader while the viewer has enough to
// read, so that what is not read waits at the producer (relay.no-loss).
func (c *channel) awaitViewer(p *peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.producer == p && !p.Ended() && c.outFull() {
		p.Paused.Store(true)
		c.room.Wait()
	}
	p.Paused.Store(false)
}

func (c *channel) outFull() bool {
	switch {
	case c.closing != nil || c.desktop():
		return false
	case c.attended():
		return full(c.out.End()-c.cursor, c.waiting, c.memory)
	case c.holding():
		return c.out.Len() >= ring.MaxFrames || c.out.Bytes() >= c.memory.Share()
	}
	return false
}

// full tells that so much waits for a peer that no more should come. One frame
// may wait in any case.
func full(frames uint64, bytes int, m *ring.Memory) bool {
	return frames >= backlogFrames || frames > 0 && (bytes >= min(backlogBytes, m.Share()) || !m.HasRoom(0))
}

// pushOut takes a frame from the producer p, who is to write it to direct if
// that is not nil. It tells whether somebody waits for the frame, so that the
// rate limit applies.
func (c *channel) pushOut(p *peer, f ring.Frame) (direct *peer, awaited bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.producer != p || c.closing != nil {
		return nil, false
	}
	// A plain producer that begins at 0 again is another one, unless it sends
	// the very same frame; whatever else comes a second time was sent again.
	if p.fresh && p.instance == "" && f.Seq == 0 && c.next > 0 && !c.holds(f) {
		c.restart()
	}
	p.fresh = false
	if f.Seq < c.next {
		return nil, false
	}
	c.next = f.Seq + 1
	if f.Cost() > socket.CommonMessage && !c.memory.HasRoom(f.Cost()) {
		c.drops(1)
		return nil, false
	}
	if c.out.Push(f); c.lendViewer(f) {
		direct = c.viewer
	} else {
		c.waiting += f.Cost()
		c.outReady.Broadcast()
	}
	c.trimOut()
	return direct, c.attended() || c.holding()
}

// lendViewer moves the cursor over the frame that was pushed last, if whoever
// pushed it may write it to the viewer.
func (c *channel) lendViewer(f ring.Frame) bool {
	v := c.viewer
	if v == nil || c.desktop() || c.cursor+1 != c.out.End() || f.Seq < v.resume || !v.lend(f) {
		return false
	}
	c.cursor++
	c.seen = max(c.seen, c.cursor)
	return true
}

// holds tells whether the very same frame is in the ring. The caller holds mu.
func (c *channel) holds(f ring.Frame) bool {
	pos := c.out.Find(f.Seq)
	return pos < c.out.End() && bytes.Equal(c.out.At(pos).Message, f.Message)
}

// trimOut brings the ring within its bounds. The caller holds mu.
func (c *channel) trimOut() {
	kept := c.out.First() // nothing from here on may go
	switch {
	case c.attended() && !c.desktop():
		kept = c.cursor
	case !c.holding():
		kept = c.out.End() - min(1, uint64(c.out.Len()))
	}
	for c.out.Over() && c.out.First() < kept {
		pos := c.out.First()
		f := c.out.Pop()
		if pos >= c.seen {
			c.drops(1)
		}
		if pos >= c.cursor {
			c.cursor, c.waiting = pos+1, c.waiting-f.Cost()
		}
	}
}

// trimIn is trimOut for the other way: what a producer is there to take stays.
func (c *channel) trimIn() {
	for !c.served() && c.in.Over() && c.in.Len() > 1 {
		c.in.Pop()
		c.drops(1)
	}
}

// trim applies a share of memory that has become smaller.
func (c *channel) trim() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trimOut()
	c.trimIn()
}

// farewell is the last thing a peer hears.
type farewell struct {
	message []byte // a StreamClose, or nil
	status  websocket.StatusCode
	reason  string
}

// takeOut waits for what the viewer p gets next: frames, appended to batch, or
// a farewell after the last one. It gives neither when p does not sit here any
// more. skipped counts pictures that a newer one replaced.
func (c *channel) takeOut(p *peer, batch []ring.Frame) (_ []ring.Frame, bye *farewell, skipped int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.viewer == p && !p.Ended() {
		if p.lent {
			p.wait(c, &c.outReady)
			continue
		}
		if c.desktop() && c.out.End() > c.cursor+1 {
			skipped = int(c.out.End() - 1 - c.cursor)
			c.seek(c.out.End() - 1)
		}
		if c.cursor < c.out.End() {
			batch = c.advance(p.resume, batch)
			c.trimOut()
			c.room.Broadcast()
			if len(batch) > 0 {
				return batch, nil, skipped
			}
		}
		if c.closer == p {
			break
		}
		if c.closing != nil {
			return nil, &farewell{message: c.closing, status: websocket.StatusNormalClosure}, 0
		}
		if p.draining.Load() {
			return nil, &farewell{status: websocket.StatusServiceRestart, reason: "the relay stops"}, 0
		}
		p.wait(c, &c.outReady)
	}
	return nil, nil, 0
}

// advance moves the cursor over some frames and appends those that the viewer
// wants. The caller holds mu.
func (c *channel) advance(resume uint64, batch []ring.Frame) []ring.Frame {
	for size := 0; c.cursor < c.out.End() && len(batch) < batchFrames && size < socket.CommonMessage; c.cursor++ {
		f := c.out.At(c.cursor)
		c.waiting -= f.Cost()
		if f.Seq >= resume {
			batch = append(batch, f)
			size += f.Cost()
		}
	}
	c.seen = max(c.seen, c.cursor)
	return batch
}

// awaitProducer blocks the viewer's reader while a producer has enough to take.
func (c *channel) awaitProducer(p *peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.viewer == p && !p.Ended() && c.closing == nil && c.served() &&
		full(uint64(c.in.Len()), c.in.Bytes(), c.memory) {
		p.Paused.Store(true)
		c.room.Wait()
	}
	p.Paused.Store(false)
}

// pushIn takes a frame or an event from the viewer p, who is to write it to
// direct if that is not nil. It is false when p does not sit here any more.
func (c *channel) pushIn(p *peer, f ring.Frame) (direct *peer, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.viewer != p {
		return nil, false
	}
	if c.closing != nil {
		return nil, true
	}
	if c.producer != nil && c.in.Len() == 0 && c.producer.lend(f) {
		return c.producer, true
	}
	if f.Cost() > socket.CommonMessage && !c.memory.HasRoom(f.Cost()) {
		c.drops(1)
		return nil, true
	}
	c.in.Push(f)
	c.trimIn()
	c.inReady.Broadcast()
	return nil, true
}

// takeIn waits for what the producer p gets next, one message or a farewell.
// What it gives is gone from here, whatever becomes of it (relay.input-once).
func (c *channel) takeIn(p *peer) (f ring.Frame, bye *farewell, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.producer == p && !p.Ended() {
		if p.lent {
			p.wait(c, &c.inReady)
			continue
		}
		if c.in.Len() > 0 {
			f = c.in.Pop()
			c.room.Broadcast()
			return f, nil, true
		}
		if c.closer == p {
			break
		}
		if c.closing != nil {
			return ring.Frame{}, &farewell{message: c.closing, status: websocket.StatusNormalClosure}, true
		}
		p.wait(c, &c.inReady)
	}
	return ring.Frame{}, nil, false
}

// shut ends the channel for both sides, after what is on its way. It is false
// when p does not sit here any more.
func (c *channel) shut(p *peer, message []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.producer != p && c.viewer != p {
		return false
	}
	if c.closing == nil {
		c.closing, c.closer = message, p
		c.changed()
	}
	return true
}

// heard notes that p has the StreamClose that the other side sent.
func (c *channel) heard(p *peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closer != nil && c.closer.role != p.role {
		c.told = true
	}
}

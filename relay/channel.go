package relay

import (
	"bytes"
	"sync"
	"time"

	"github.com/coder/websocket"

	"agentproof/stream"
)

// channel is a pair of rings between a producer and a viewer, of whom one or
// both may be away.
type channel struct {
	route  stream.Route // with the channel id: the key (relay.route.key)
	memory *memory
	drops  func(n int) // counts frames that no viewer or producer will see

	mu sync.Mutex // guards everything below; taken after Relay.mu
	// changed is signalled whenever somebody who waits should look again.
	changed  sync.Cond
	producer *peer
	viewer   *peer
	order    uint64    // of the producer's coming, to find the newest
	since    time.Time // of the last coming or going
	floor    uint64    // the highest lease epoch seen (relay.token.epoch)
	viewed   bool      // a viewer was here
	// forgotten channels are in no book; the last peer to leave one releases
	// it.
	forgotten, released bool

	out     ring   // producer → viewer; kept after it was taken
	next    uint64 // the seq after the newest in out
	cursor  uint64 // position in out of what the viewer gets next
	waiting int    // cost of out from cursor on
	seen    uint64 // frames of out below this position went to some viewer
	// instance names a producer that sends frames again after a reconnect;
	// until holdUntil its viewer may still come back for them.
	instance  string
	holdUntil time.Time

	in ring // viewer → producer; taken frames are gone (relay.input-once)

	closing []byte      // the StreamClose as it came; nil while open
	closer  stream.Role // who sent it
	told    bool        // the other side has it
}

func newChannel(route stream.Route, m *memory, drops func(int), now time.Time) *channel {
	c := &channel{route: route, memory: m, drops: drops, since: now, out: ring{memory: m}, in: ring{memory: m}}
	c.changed.L = &c.mu
	m.rings.Add(2)
	return c
}

// leave frees the seat of p, if it still has one. It tells whether the channel
// has nothing left to do.
func (c *channel) leave(p *peer, now time.Time) (over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch p {
	case c.producer:
		c.producer, c.since = nil, now
	case c.viewer:
		c.viewer, c.since = nil, now
	}
	c.trimOut()
	c.trimIn()
	c.changed.Broadcast()
	c.releaseUnused()
	return c.told && c.producer == nil && c.viewer == nil
}

// releaseUnused gives the memory of a forgotten channel back when nobody sits
// there any more. The caller holds mu.
func (c *channel) releaseUnused() {
	if !c.forgotten || c.released || c.producer != nil || c.viewer != nil {
		return
	}
	c.released = true
	c.out.clear()
	c.in.clear()
	c.memory.rings.Add(-2)
}

// desktop tells a channel whose frames are pictures, of which the newest wins.
// The kind is not inspected; the port is part of the key.
func (c *channel) desktop() bool { return c.route.Port == stream.DesktopPort }

// holding tells that the producer waits for a viewer that is to come back.
func (c *channel) holding() bool {
	return c.viewer == nil && !c.holdUntil.IsZero() && time.Now().Before(c.holdUntil)
}

// over tells that the channel ended for whoever comes now in this role: a new
// one has to take its place.
func (c *channel) over(role stream.Role) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing != nil && (c.closer == role && role == stream.RoleAgent || c.told && c.closer == stream.RoleClient)
}

// seatProducer puts p in the producer's place and returns who sat there. The
// caller holds Relay.mu and mu.
func (c *channel) seatProducer(p *peer, now time.Time, order uint64, grace time.Duration) *peer {
	old := c.producer
	c.producer, c.since, c.order = p, now, order
	p.channel.Store(c)
	if p.instance != c.instance && p.instance != "" && c.next > 0 {
		c.restart()
	}
	c.instance = p.instance
	if p.returning && c.viewer == nil {
		c.holdUntil = time.Now().Add(grace)
		time.AfterFunc(grace, c.wake)
	}
	c.changed.Broadcast()
	return old
}

// seatViewer puts p in the viewer's place and returns who sat there. The
// caller holds Relay.mu and mu.
func (c *channel) seatViewer(p *peer, now time.Time) *peer {
	old := c.viewer
	c.viewer, c.since, c.holdUntil = p, now, time.Time{}
	p.channel.Store(c)
	c.floor = max(c.floor, p.epoch)
	c.seek(c.out.find(p.resume))
	c.changed.Broadcast()
	return old
}

// wake makes everybody who waits look again.
func (c *channel) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed.Broadcast()
}

// seek moves the viewer's cursor. The caller holds mu.
func (c *channel) seek(pos uint64) {
	c.cursor, c.waiting = pos, 0
	for ; pos < c.out.end(); pos++ {
		c.waiting += c.out.at(pos).cost()
	}
}

// restart forgets the stream of another producer. The caller holds mu.
func (c *channel) restart() {
	c.out.clear()
	c.next, c.seen = 0, c.out.end()
	c.seek(c.out.end())
	if c.viewer != nil {
		c.viewer.resume = 0
	}
}

// awaitViewer blocks the producer's reader while the viewer has enough to
// read, so that what is not read waits at the producer (relay.no-loss).
func (c *channel) awaitViewer(p *peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.producer == p && !p.ended() && c.outFull() {
		p.paused.Store(true)
		c.changed.Wait()
	}
	p.paused.Store(false)
}

func (c *channel) outFull() bool {
	switch {
	case c.closing != nil || c.desktop():
		return false
	case c.viewer != nil:
		return full(c.out.end()-c.cursor, c.waiting, c.memory)
	case c.holding():
		return c.out.len() >= ringFrames || c.out.bytes >= c.memory.share()
	}
	return false
}

// full tells that so much waits for a peer that no more should come. One frame
// may wait in any case.
func full(frames uint64, bytes int, m *memory) bool {
	return frames >= backlogFrames || frames > 0 && (bytes >= min(backlogBytes, m.share()) || !m.hasRoom(0))
}

// pushOut takes a frame from the producer p. It tells whether somebody waits
// for it, so that the rate limit applies.
func (c *channel) pushOut(p *peer, f frame) (awaited bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.producer != p || c.closing != nil {
		return false
	}
	// A plain producer that begins at 0 again is another one, unless it sends
	// the very same frame; whatever else comes a second time was sent again.
	if p.fresh && p.instance == "" && f.seq == 0 && c.next > 0 && !c.holds(f) {
		c.restart()
	}
	p.fresh = false
	if f.seq < c.next {
		return false
	}
	c.next = f.seq + 1
	if f.cost() > commonFrame && !c.memory.hasRoom(f.cost()) {
		c.drops(1)
		return false
	}
	c.out.push(f)
	c.waiting += f.cost()
	c.trimOut()
	c.changed.Broadcast()
	return c.viewer != nil || c.holding()
}

// holds tells whether the very same frame is in the ring. The caller holds mu.
func (c *channel) holds(f frame) bool {
	pos := c.out.find(f.seq)
	return pos < c.out.end() && bytes.Equal(c.out.at(pos).msg, f.msg)
}

// trimOut brings the ring within its bounds. The caller holds mu.
func (c *channel) trimOut() {
	kept := c.out.first // nothing from here on may go
	switch {
	case c.viewer != nil && !c.desktop():
		kept = c.cursor
	case !c.holding():
		kept = c.out.end() - min(1, uint64(c.out.len()))
	}
	for c.out.over() && c.out.first < kept {
		pos := c.out.first
		f := c.out.pop()
		if pos >= c.seen {
			c.drops(1)
		}
		if pos >= c.cursor {
			c.cursor, c.waiting = pos+1, c.waiting-f.cost()
		}
	}
}

// trimIn is trimOut for the other way: what a producer is there to take stays.
func (c *channel) trimIn() {
	for c.producer == nil && c.in.over() && c.in.len() > 1 {
		c.in.pop()
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
func (c *channel) takeOut(p *peer, batch []frame) (_ []frame, bye *farewell, skipped int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.viewer == p && !p.ended() {
		if c.desktop() && c.out.end() > c.cursor+1 {
			skipped = int(c.out.end() - 1 - c.cursor)
			c.seek(c.out.end() - 1)
		}
		if c.cursor < c.out.end() {
			batch = c.advance(p.resume, batch)
			c.trimOut()
			c.changed.Broadcast()
			if len(batch) > 0 {
				return batch, nil, skipped
			}
		}
		if c.closing != nil {
			c.told = c.told || c.closer == stream.RoleAgent
			return nil, &farewell{message: c.closing, status: websocket.StatusNormalClosure}, 0
		}
		if p.draining.Load() {
			return nil, &farewell{status: websocket.StatusServiceRestart, reason: "the relay stops"}, 0
		}
		c.changed.Wait()
	}
	return nil, nil, 0
}

// advance moves the cursor over some frames and appends those that the viewer
// wants. The caller holds mu.
func (c *channel) advance(resume uint64, batch []frame) []frame {
	for size := 0; c.cursor < c.out.end() && len(batch) < batchFrames && size < commonFrame; c.cursor++ {
		f := c.out.at(c.cursor)
		c.waiting -= f.cost()
		if f.seq >= resume {
			batch = append(batch, f)
			size += f.cost()
		}
	}
	c.seen = max(c.seen, c.cursor)
	return batch
}

// awaitProducer blocks the viewer's reader while a producer has enough to take.
func (c *channel) awaitProducer(p *peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.viewer == p && !p.ended() && c.closing == nil && c.producer != nil &&
		full(uint64(c.in.len()), c.in.bytes, c.memory) {
		p.paused.Store(true)
		c.changed.Wait()
	}
	p.paused.Store(false)
}

// pushIn takes a frame or an event from the viewer p. It is false when p does
// not sit here any more.
func (c *channel) pushIn(p *peer, f frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.viewer != p {
		return false
	}
	if c.closing != nil {
		return true
	}
	if f.cost() > commonFrame && !c.memory.hasRoom(f.cost()) {
		c.drops(1)
		return true
	}
	c.in.push(f)
	c.trimIn()
	c.changed.Broadcast()
	return true
}

// takeIn waits for what the producer p gets next, one message or a farewell.
// What it gives is gone from here, whatever becomes of it (relay.input-once).
func (c *channel) takeIn(p *peer) (f frame, bye *farewell, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.producer == p && !p.ended() {
		if c.in.len() > 0 {
			f = c.in.pop()
			c.changed.Broadcast()
			return f, nil, true
		}
		if c.closing != nil {
			c.told = c.told || c.closer == stream.RoleClient
			return frame{}, &farewell{message: c.closing, status: websocket.StatusNormalClosure}, true
		}
		c.changed.Wait()
	}
	return frame{}, nil, false
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
		c.closing, c.closer = message, p.role
		c.changed.Broadcast()
	}
	return true
}

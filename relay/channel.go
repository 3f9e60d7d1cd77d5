package relay

import (
	"sync"
	"time"

	"agentproof/relay/internal/ring"
	"agentproof/stream"
)

// channel is a pair of rings between a producer and a viewer, of whom one or
// both may be away.
type channel struct {
	route  stream.Route // with the channel id: the key (relay.route.key)
	memory *ring.Memory
	drops  func(n int) // counts frames that no viewer or producer will see

	mu sync.Mutex // guards everything below; taken after Relay.mu
	// Who waits is woken by what concerns it alone, for a needless wake costs a
	// keystroke its time: the viewer's writer by outReady, the producer's by
	// inReady, and their readers by room. changed wakes all.
	outReady, inReady, room sync.Cond

	producer *peer
	viewer   *peer
	order    uint64    // of the producer's coming, to find the newest
	since    time.Time // of the last coming or going
	floor    uint64    // the highest lease epoch seen (relay.token.epoch)
	viewed   bool      // a viewer was here
	// forgotten channels are in no book; the last peer to leave one releases
	// it.
	forgotten, released bool

	out     ring.Ring // producer → viewer; kept after it was taken
	next    uint64    // the seq after the newest in out
	cursor  uint64    // position in out of what the viewer gets next
	waiting int       // cost of out from cursor on
	seen    uint64    // frames of out below this position went to some viewer
	// instance names a producer that sends frames again after a reconnect;
	// until holdUntil its viewer may still come back for them.
	instance  string
	holdUntil time.Time

	in ring.Ring // viewer → producer; taken frames are gone (relay.input-once)

	closing []byte // the StreamClose as it came; nil while open
	closer  *peer  // who sent it
	told    bool   // the other side has it
}

func newChannel(route stream.Route, m *ring.Memory, drops func(int), now time.Time) *channel {
	c := &channel{route: route, memory: m, drops: drops, since: now, out: ring.New(m), in: ring.New(m)}
	c.outReady.L, c.inReady.L, c.room.L = &c.mu, &c.mu, &c.mu
	m.Join(2)
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
	c.changed()
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
	c.out.Clear()
	c.in.Clear()
	c.memory.Leave(2)
}

// desktop tells a channel whose frames are pictures, of which the newest wins.
// The kind is not inspected; the port is part of the key.
func (c *channel) desktop() bool { return c.route.Port == stream.DesktopPort }

// attended tells that there is a viewer, who may well have stopped reading, but
// not one whose socket ended: that one's seat is free when what it sent before
// is through, and a producer that takes nothing can hold that up.
func (c *channel) attended() bool { return c.viewer != nil && !c.viewer.Ended() }

// served is attended for the other side.
func (c *channel) served() bool { return c.producer != nil && !c.producer.Ended() }

// holding tells that the producer waits for a viewer that is to come back.
func (c *channel) holding() bool {
	return c.viewer == nil && !c.holdUntil.IsZero() && time.Now().Before(c.holdUntil)
}

// over tells that the channel ended for whoever comes now in this role: a new
// one has to take its place.
func (c *channel) over(role stream.Role) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing == nil {
		return false
	}
	if c.closer.role == stream.RoleAgent {
		return role == stream.RoleAgent // a late viewer still gets the end
	}
	return c.told
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
	c.changed()
	return old
}

// seatViewer puts p in the viewer's place and returns who sat there. The
// caller holds Relay.mu and mu.
func (c *channel) seatViewer(p *peer, now time.Time) *peer {
	old := c.viewer
	c.viewer, c.since, c.holdUntil = p, now, time.Time{}
	p.channel.Store(c)
	p.idle = false // until its writer waits here
	c.floor = max(c.floor, p.epoch)
	c.seek(c.out.Find(p.resume))
	c.changed()
	return old
}

// wake makes everybody who waits look again.
func (c *channel) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed()
}

// changed makes everybody who waits look again. The caller holds mu.
func (c *channel) changed() {
	c.outReady.Broadcast()
	c.inReady.Broadcast()
	c.room.Broadcast()
}

// seek moves the viewer's cursor. The caller holds mu.
func (c *channel) seek(pos uint64) {
	c.cursor, c.waiting = pos, 0
	for ; pos < c.out.End(); pos++ {
		c.waiting += c.out.At(pos).Cost()
	}
}

// restart forgets the stream of another producer. The caller holds mu.
func (c *channel) restart() {
	c.out.Clear()
	c.next, c.seen = 0, c.out.End()
	c.seek(c.out.End())
	if c.viewer != nil {
		c.viewer.resume = 0
	}
}

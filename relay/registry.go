package relay

import (
	"errors"
	"time"

	"agentproof/stream"
)

var (
	errEpoch    = errors.New("the lease epoch is below the channel's")
	errChannels = errors.New("the relay has too many channels")
	errStopping = errors.New("the relay stops")
)

// attach seats a peer whose token was accepted in the channel of route, and
// displaces who sat there (relay.displace).
func (r *Relay) attach(p *peer, route stream.Route) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return errStopping
	}
	if p.role == stream.RoleAgent {
		return r.attachProducer(p, route)
	}
	if route.ChannelID == "" {
		if c := r.newest(route); c != nil {
			route = c.route
		}
	}
	return r.attachViewer(p, route)
}

func (r *Relay) attachProducer(p *peer, route stream.Route) error {
	c, err := r.open(route, p.role)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.order++
	if c.order > 0 {
		r.metrics.reconnects.Inc()
	}
	if old := c.seatProducer(p, r.cfg.Now(), r.order, r.cfg.ResendGrace); old != nil {
		old.log().Info("displaced by a newer producer")
		old.Drop()
	}
	r.fetchWaiting(c)
	return nil
}

// fetchWaiting moves the viewer that waits for whichever channel comes first
// into c, with what it typed. The caller holds mu and c's.
func (r *Relay) fetchWaiting(c *channel) {
	route := c.route
	route.ChannelID = ""
	waiting := r.channels[route]
	if waiting == nil || waiting == c || c.viewer != nil {
		return
	}
	waiting.mu.Lock()
	defer waiting.mu.Unlock()
	v := waiting.viewer
	if v == nil || waiting.producer != nil || waiting.closing != nil || v.epoch < c.floor {
		return
	}
	waiting.viewer = nil
	c.in.Clear()
	for waiting.in.Len() > 0 {
		c.in.Push(waiting.in.Pop())
	}
	c.seatViewer(v, r.cfg.Now())
	waiting.changed()
}

func (r *Relay) attachViewer(p *peer, route stream.Route) error {
	c, err := r.open(route, p.role)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.epoch < c.floor {
		return errEpoch
	}
	if c.viewed {
		r.metrics.reconnects.Inc()
	}
	c.viewed = true
	c.in.Clear()
	if old := c.seatViewer(p, r.cfg.Now()); old != nil {
		old.log().Info("displaced by a newer viewer")
		r.tasks.Go(func() { old.Part(stream.StatusDisplaced, "displaced by a newer viewer") })
	}
	return nil
}

// newest is the channel of the producer that came last to route, whatever its
// channel id, or nil. The caller holds mu.
func (r *Relay) newest(route stream.Route) *channel {
	var newest *channel
	for c := range r.streams[route] {
		c.mu.Lock()
		if c.served() && (newest == nil || c.order > newest.order) {
			newest = c
		}
		c.mu.Unlock()
	}
	return newest
}

// open returns the channel of route for somebody who comes in role, and makes
// it if there is none or the one there has ended. The caller holds mu.
func (r *Relay) open(route stream.Route, role stream.Role) (*channel, error) {
	old := r.channels[route]
	if old != nil && !old.over(role) {
		return old, nil
	}
	if old == nil && len(r.channels) >= r.cfg.MaxChannels {
		return nil, errChannels
	}
	c := newChannel(route, r.memory, func(n int) { r.metrics.bufferDrops.Add(float64(n)) }, r.cfg.Now())
	if old != nil {
		old.mu.Lock()
		c.floor = old.floor
		old.mu.Unlock()
		r.forget(old)
	}
	r.channels[route] = c
	route.ChannelID = ""
	if r.streams[route] == nil {
		r.streams[route] = make(map[*channel]struct{})
	}
	r.streams[route][c] = struct{}{}
	if !r.memory.HasRoom(2 * r.memory.Share()) {
		for _, other := range r.channels {
			other.trim()
		}
	}
	return c, nil
}

// forget takes a channel out of the books. Peers that still sit in it finish
// there; the last one to go releases its memory. The caller holds mu.
func (r *Relay) forget(c *channel) {
	if r.channels[c.route] == c {
		delete(r.channels, c.route)
	}
	route := c.route
	route.ChannelID = ""
	delete(r.streams[route], c)
	if len(r.streams[route]) == 0 {
		delete(r.streams, route)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgotten = true
	c.releaseUnused()
}

// detach frees the seat of a peer whose socket ended.
func (r *Relay) detach(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := p.channel.Load()
	if c != nil && c.leave(p, r.cfg.Now()) {
		r.forget(c)
	}
}

// sweep ends viewers that wait in vain and forgets channels that both sides
// left (relay.viewer-gone, relay.producer-gone).
func (r *Relay) sweep(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.channels {
		c.mu.Lock()
		idle := c.producer == nil && now.Sub(c.since) >= r.cfg.IdleTimeout
		viewer := c.viewer
		if idle {
			c.since = now // once is enough for the viewer
		}
		c.mu.Unlock()
		switch {
		case idle && viewer == nil:
			r.forget(c)
		case idle:
			r.tasks.Go(func() { viewer.Part(stream.StatusNoProducer, "no producer came") })
		}
	}
}

package relay

import (
	"sync"

	"agentproof/relay/internal/ring"
	"agentproof/stream"
)

// directSize is up to which size, in bytes, a message that nothing waits before
// is written by the goroutine that read it. To wake the one that writes
// otherwise would cost a keystroke more than the writing does.
const directSize = 1 << 10

// loan is the state of a peer's writing side, guarded by the mu of the channel
// where the peer sits.
type loan struct {
	idle   bool // the peer's own writer waits
	lent   bool // the one who read a message writes it
	missed bool // the writer was woken meanwhile
}

// wait is how a peer's own writer waits for ready in c, from where it may be
// moved.
func (p *peer) wait(c *channel, ready *sync.Cond) {
	p.idle, p.missed = true, p.lent
	ready.Wait()
	if p.channel.Load() == c {
		p.idle = false
	}
}

// lend tells whether the caller may write to p, and then must. The caller holds
// the channel's mu.
func (p *peer) lend(f ring.Frame) bool {
	if !p.idle || p.lent || len(f.Message) > directSize || p.Ended() {
		return false
	}
	p.lent = true
	return true
}

// writeTo writes what p read to a peer that was lent to it.
func (p *peer) writeTo(other *peer, f ring.Frame) {
	p.Paused.Store(true)
	other.hand(f)
	p.Paused.Store(false)
	other.inChannel(func(c *channel) bool { return c.takeBack(other) })
}

// takeBack ends a loan. It is false when p does not sit here any more.
func (c *channel) takeBack(p *peer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.channel.Load() != c {
		return false
	}
	p.lent = false
	if p.missed {
		c.changed()
	}
	return true
}

// hand writes a frame, and tells whether it went out.
func (p *peer) hand(f ring.Frame) bool {
	if err := p.Write(f.Message); err != nil {
		p.lostWrite(err)
		return false
	}
	handed := p.relay.metrics.agentToViewer
	if p.role == stream.RoleAgent {
		handed = p.relay.metrics.viewerToAgent
	}
	handed.Add(float64(f.Size))
	p.relay.metrics.spliced.Inc()
	return true
}

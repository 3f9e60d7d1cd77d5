package relay

import (
	"time"

	"agentproof/relay/internal/ring"
	"agentproof/stream"
)

// batchFrames is how many frames are taken from a ring at once.
const batchFrames = 32

// readProducer takes what a producer sends until its socket or the channel
// ends. closed tells that it sent a StreamClose.
func (p *peer) readProducer(c *channel) (closed bool, err error) {
	for {
		c.awaitViewer(p)
		b, err := p.Read(stream.MaxMessage)
		if err != nil {
			return false, err
		}
		if info, err := stream.InspectFrame(b); err == nil {
			f := ring.Frame{Seq: info.Seq, Size: info.Size, Message: b}
			direct, awaited := c.pushOut(p, f)
			if direct != nil {
				p.writeTo(direct, f)
			}
			if awaited && !c.desktop() {
				p.pace(info.Size)
			}
			continue
		}
		if p.isClose(b) {
			c.shut(p, b)
			return true, nil
		}
	}
}

// readViewer is readProducer for a viewer, which may be moved to the channel
// of the producer that it waits for.
func (p *peer) readViewer() (closed bool, err error) {
	for {
		p.channel.Load().awaitProducer(p)
		b, err := p.Read(stream.MaxMessage)
		if err != nil {
			return false, err
		}
		f := ring.Frame{Message: b}
		info, err := stream.InspectFrame(b)
		switch {
		case err == nil:
			f.Seq, f.Size = info.Seq, info.Size
		case len(b) > 0 && stream.Tag(b[0]) == stream.TagDesktopInput:
			if _, err := stream.Decode(b); err != nil {
				p.ignore(err)
				continue
			}
		case p.isClose(b):
			p.inChannel(func(c *channel) bool { return c.shut(p, b) })
			return true, nil
		default:
			continue
		}
		var direct *peer
		if p.inChannel(func(c *channel) (ok bool) { direct, ok = c.pushIn(p, f); return ok }) {
			if direct != nil {
				p.writeTo(direct, f)
			}
			p.pace(f.Size)
		}
	}
}

// inChannel does something in the channel where p sits, also when p is being
// moved, and tells whether it could.
func (p *peer) inChannel(do func(*channel) bool) bool {
	for {
		c := p.channel.Load()
		if do(c) {
			return true
		}
		if p.channel.Load() == c {
			return false
		}
	}
}

// isClose tells a StreamClose from what has no place after the handshake.
func (p *peer) isClose(b []byte) bool {
	if len(b) > 0 && stream.Tag(b[0]) == stream.TagClose {
		_, err := stream.Decode(b)
		if err == nil {
			return true
		}
		p.ignore(err)
		return false
	}
	if _, err := stream.Decode(b); err != nil {
		p.ignore(err)
	} else {
		p.log().Warn("ignoring a message of the wrong kind", "tag", stream.Tag(b[0]).String())
	}
	return false
}

func (p *peer) ignore(err error) { p.log().Warn("ignoring a message", "cause", err) }

// pace waits until the connection is within its rate again.
func (p *peer) pace(size int) {
	p.Paused.Store(true)
	defer p.Paused.Store(false)
	for burst := p.limit.Burst(); size > 0; size -= burst {
		if p.limit.WaitN(p.Context(), min(size, burst)) != nil {
			return
		}
	}
}

// writeProducer hands over what viewers send.
func (p *peer) writeProducer(c *channel) {
	for {
		f, bye, ok := c.takeIn(p)
		if !ok {
			return
		}
		if bye != nil {
			p.leave(bye)
			return
		}
		if !p.hand(f) {
			return
		}
	}
}

// writeViewer hands over what the producer sends, in the channel where p sits.
func (p *peer) writeViewer() {
	batch := make([]ring.Frame, 0, batchFrames)
	limited := false
	for {
		c := p.channel.Load()
		frames, bye, skipped := c.takeOut(p, batch[:0])
		switch {
		case bye != nil:
			p.leave(bye)
			return
		case len(frames) == 0 && p.channel.Load() == c:
			return
		}
		p.countSkipped(skipped, limited)
		for _, f := range frames {
			if !p.hand(f) {
				return
			}
			if c.desktop() {
				start := time.Now()
				p.pace(f.Size)
				limited = time.Since(start) > time.Millisecond
			}
		}
		clear(frames)
	}
}

func (p *peer) countSkipped(n int, limited bool) {
	switch {
	case n == 0:
	case limited:
		p.relay.metrics.rateDrops.Add(float64(n))
	default:
		p.relay.metrics.bufferDrops.Add(float64(n))
	}
}

// lostWrite ends a socket that takes nothing any more, unless what it sent
// before is still to be read.
func (p *peer) lostWrite(err error) {
	p.log().Debug("a write failed", "cause", err)
	if !p.draining.Load() {
		p.Drop()
	}
}

// leave says goodbye and ends the socket.
func (p *peer) leave(bye *farewell) {
	if bye.message != nil {
		p.closing.Store(true)
		if p.Write(bye.message) != nil {
			p.Drop()
			return
		}
	}
	if p.Part(bye.status, bye.reason) {
		p.answeredClose()
	}
}

// answeredClose notes that the peer answered the relay's close frame, or sent
// one of its own: if it was told that the channel closed, it knows.
func (p *peer) answeredClose() {
	if p.closing.Load() {
		p.channel.Load().heard(p)
	}
}

package relay

import (
	"context"
	"log/slog"
	"time"

	"agentproof/stream"
)

// batchFrames is how many frames are taken from a ring at once.
const batchFrames = 32

// readProducer takes what a producer sends until its socket or the channel
// ends. closed tells that it sent a StreamClose.
func (p *peer) readProducer(c *channel) (closed bool, err error) {
	for {
		c.awaitViewer(p)
		b, err := p.read(stream.MaxMessage)
		if err != nil {
			return false, err
		}
		if info, err := stream.InspectFrame(b); err == nil {
			awaited := c.pushOut(p, frame{seq: info.Seq, size: info.Size, msg: b})
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
		b, err := p.read(stream.MaxMessage)
		if err != nil {
			return false, err
		}
		f := frame{msg: b}
		info, err := stream.InspectFrame(b)
		switch {
		case err == nil:
			f.seq, f.size = info.Seq, info.Size
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
		if p.inChannel(func(c *channel) bool { return c.pushIn(p, f) }) {
			p.pace(f.size)
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
	p.paused.Store(true)
	defer p.paused.Store(false)
	for burst := p.limit.Burst(); size > 0; size -= burst {
		if p.limit.WaitN(p.ctx, min(size, burst)) != nil {
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
		if err := p.write(f.msg); err != nil {
			p.lostWrite(err)
			return
		}
		p.relay.metrics.viewerToAgent.Add(float64(f.size))
		p.relay.metrics.spliced.Inc()
	}
}

// writeViewer hands over what the producer sends, in the channel where p sits.
func (p *peer) writeViewer() {
	batch := make([]frame, 0, batchFrames)
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
			if err := p.write(f.msg); err != nil {
				p.lostWrite(err)
				return
			}
			p.relay.metrics.agentToViewer.Add(float64(f.size))
			p.relay.metrics.spliced.Inc()
			if c.desktop() {
				start := time.Now()
				p.pace(f.size)
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
		p.drop()
	}
}

// leave says goodbye and ends the socket.
func (p *peer) leave(bye *farewell) {
	if bye.message != nil && p.write(bye.message) != nil {
		p.drop()
		return
	}
	p.part(bye.status, bye.reason)
}

// keepalive pings the peer, and drops it when it is gone. A peer that we do not
// read from, or that is busy taking something, cannot answer and is not judged.
func (p *peer) keepalive() {
	interval := p.relay.cfg.PingInterval
	t := time.NewTicker(interval)
	defer t.Stop()
	for missed := 0; missed < 3; {
		select {
		case <-p.ctx.Done():
			return
		case <-t.C:
		}
		if since := p.writing.Load(); since != 0 {
			if time.Since(time.Unix(0, since)) > p.relay.cfg.StallTimeout {
				break
			}
			continue
		}
		heard := p.heard.Load()
		ctx, cancel := context.WithTimeout(p.ctx, interval)
		err := p.ws.Ping(ctx)
		cancel()
		if err == nil || p.heard.Load() != heard || p.paused.Load() || p.writing.Load() != 0 {
			missed = 0
		} else {
			missed++
		}
	}
	p.log().Info("the peer does not answer")
	p.drop()
}

func (p *peer) log() *slog.Logger {
	return p.relay.log.With("remote", p.remote, "role", roleName(p.role))
}

func roleName(r stream.Role) string {
	switch r {
	case stream.RoleAgent:
		return "agent"
	case stream.RoleClient:
		return "client"
	}
	return "unknown"
}

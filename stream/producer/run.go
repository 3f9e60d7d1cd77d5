package producer

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

const (
	// silence is how long a relay may say nothing, though it pings every 30 s,
	// before we ping it; a second time that long without an answer is a drop.
	silence = 75 * time.Second
	// goodbye is how long the relay has to answer the StreamClose.
	goodbye = 5 * time.Second
)

// run owns the connection: it serves one after the other until the channel is
// over.
func (p *Producer) run(conn *stream.Conn) {
	defer close(p.done)
	defer close(p.inputs)
	defer p.wakeAll()
	for {
		if err := p.serve(conn); err != nil {
			p.cancel(err)
		}
		if p.ctx.Err() != nil {
			return
		}
		p.log.Info("the relay's socket ended; reconnecting", "resume_from", p.cursor.Next())
		if conn = p.reconnect(); conn == nil {
			return
		}
		p.log.Info("the relay is back")
	}
}

// reconnect tries until it succeeds or the channel is over, which gives nil.
// It goes on after a rejection: the terminal still runs, and a relay that was
// started with the wrong secret may be put right.
func (p *Producer) reconnect() *stream.Conn {
	for attempt := 0; ; attempt++ {
		if p.cfg.Backoff.Sleep(p.ctx, attempt) != nil {
			return nil
		}
		conn, err := p.connect(p.ctx)
		switch {
		case err == nil:
			return conn
		case errors.Is(err, stream.ErrRejected):
			p.log.Warn("the relay rejects the channel", "cause", err, "attempt", attempt+1)
		default:
			p.log.Debug("the relay is not back", "cause", err, "attempt", attempt+1)
		}
	}
}

// link is one connection while it is served.
type link struct {
	*stream.Conn
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	// resends tells that the relay wants sent frames again.
	resends bool
	// blocked tells that nobody reads, because an input waits for the agent.
	blocked atomic.Bool
}

// serve pumps both ways until conn ends (nil) or the channel does (why).
func (p *Producer) serve(conn *stream.Conn) error {
	l := &link{Conn: conn, resends: conn.Header().Get(stream.ResendHeader) != ""}
	l.ctx, l.cancel = context.WithCancel(p.ctx)
	defer l.cancel()
	stop := context.AfterFunc(l.ctx, func() {
		conn.Drop()
		p.wakeAll()
	})
	defer stop()
	if l.resends {
		p.mu.Lock()
		p.box.rewind()
		p.mu.Unlock()
	}

	received := make(chan error, 1)
	go func() {
		defer l.cancel()
		received <- p.receive(l)
	}()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		l.watch()
	}()

	finished, sendErr := p.send(l)
	if finished {
		t := time.AfterFunc(goodbye, l.cancel)
		defer t.Stop()
	} else {
		l.cancel()
	}
	receiveErr := <-received
	<-watched
	if ce := (*stream.CloseError)(nil); errors.As(receiveErr, &ce) {
		return ce
	}
	// A relay that asks for frames again answers a StreamClose with a close
	// frame; without it, it died before it read everything.
	if finished && (!l.resends || stream.CloseStatus(receiveErr) != -1) {
		return stream.ErrClosed
	}
	return sendErr
}

// send sends what is queued until the connection ends, or until everything is
// out and the StreamClose after it.
func (p *Producer) send(l *link) (finished bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.link = l
	defer func() { p.link = nil }()
	for {
		for p.sending || p.box.empty() && p.end == nil && l.ctx.Err() == nil {
			p.wake.Wait()
		}
		if l.ctx.Err() != nil {
			return false, nil
		}
		if p.box.empty() {
			end := p.end
			p.mu.Unlock()
			err := l.Send(context.Background(), end)
			p.mu.Lock()
			return err == nil, nil
		}
		if sent, err := p.sendNext(); !sent {
			return false, err
		}
	}
}

// sendNext sends the next frame, which the box has. The caller holds mu, which
// is free meanwhile.
func (p *Producer) sendNext() (sent bool, err error) {
	full := p.box.full()
	message, err := p.box.next()
	if err != nil {
		return false, err
	}
	if full {
		p.wake.Broadcast() // there is room in the queue now
	}
	l := p.link
	p.sending = true
	p.mu.Unlock()
	// Not the link's context: it would cost an allocation a frame, and its end
	// drops the socket anyway.
	err = l.SendEncoded(context.Background(), message)
	p.mu.Lock()
	p.sending = false
	if err == nil {
		p.box.markSent(l.resends)
	}
	return err == nil, nil
}

// receive hands over what comes until the connection or the channel ends.
func (p *Producer) receive(l *link) error {
	for {
		if p.carry != nil {
			if !p.hand(l) {
				return stream.ErrDropped
			}
			p.carry = nil
		}
		m, err := l.Receive(context.Background())
		if de := (*stream.DecodeError)(nil); errors.As(err, &de) {
			p.log.Warn("ignoring a message from the relay", "cause", err)
			continue
		}
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *agentv1.StreamFrame:
			// Any seq is good: every viewer starts at 0 (stream.input.any-seq).
			p.cursor = stream.NewCursor(m.GetSeq() + 1)
			p.carry = &Input{Data: m.GetData()}
		case *agentv1.DesktopInput:
			p.carry = &Input{Event: m}
		case *agentv1.StreamClose:
			_ = l.Close() // tells the relay that we know
			return &stream.CloseError{Reason: m.GetReason(), Message: m.GetMessage()}
		}
	}
}

// hand gives the agent what p carries, and tells whether it is off our hands. It
// offers it on this goroutine first, since a keystroke would wait for another
// one to wake.
func (p *Producer) hand(l *link) bool {
	if try := p.try.Load(); try != nil && p.queued.Load() == 0 {
		rest, done := (*try)(*p.carry)
		if done {
			return true
		}
		p.carry = &rest
	}
	l.blocked.Store(true)
	defer l.blocked.Store(false)
	p.queued.Add(1)
	select {
	case p.inputs <- *p.carry:
		return true
	case <-p.closing:
		return true
	case <-l.ctx.Done():
		p.queued.Add(-1)
		return false
	}
}

// watch drops a connection that died without saying so.
func (l *link) watch() {
	t := time.NewTicker(silence / 3)
	defer t.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-t.C:
		}
		if l.Idle() < silence || l.blocked.Load() {
			continue
		}
		ctx, cancel := context.WithTimeout(l.ctx, silence)
		err := l.Ping(ctx)
		cancel()
		if err != nil && l.Idle() >= 2*silence && !l.blocked.Load() {
			l.cancel()
			return
		}
	}
}

package stream

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/coder/websocket"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func routeOfURL(raw string) (Route, error) {
	if err := checkURL(raw); err != nil {
		return Route{}, fmt.Errorf("%w: %w", ErrBadQuery, err)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Route{}, fmt.Errorf("%w: it does not parse", ErrBadQuery)
	}
	return ParseRoute(u.RawQuery)
}

// run owns the connection: it reads until the socket ends, and brings it back
// if the viewer is to.
func (v *Viewer) run(conn *Conn, cursor Cursor) {
	defer close(v.frames)
	defer close(v.done)
	for {
		err := v.receive(conn, &cursor)
		if ce := (*CloseError)(nil); errors.As(err, &ce) {
			_ = conn.Close() // tells the relay that we know
		}
		v.lose(conn)
		if v.ctx.Err() != nil {
			err = context.Cause(v.ctx)
		} else if v.opts.Reconnect && errors.Is(err, ErrDropped) {
			v.log.Info("the relay's socket ended; reconnecting", "cause", err, "resume_from", cursor.Next())
			conn, err = v.reconnect(cursor.Next())
		}
		if err != nil {
			v.mu.Lock()
			v.err = err
			v.mu.Unlock()
			v.cancel(err)
			return
		}
		v.setConn(conn)
		if v.ctx.Err() != nil {
			// end looks for a connection only once.
			conn.Drop()
		}
	}
}

// receive delivers frames until conn or the stream ends.
func (v *Viewer) receive(conn *Conn, cursor *Cursor) error {
	for {
		// Not the viewer's context: its end would cut a close handshake short.
		m, err := conn.Receive(context.Background())
		if de := (*DecodeError)(nil); errors.As(err, &de) {
			v.log.Warn("ignoring a message from the relay", "cause", err)
			continue
		}
		if err != nil {
			return v.endOf(err)
		}
		switch m := m.(type) {
		case *agentv1.StreamFrame:
			if err := v.deliver(m, cursor); err != nil {
				return err
			}
		case *agentv1.StreamClose:
			return &CloseError{Reason: m.GetReason(), Message: m.GetMessage()}
		}
	}
}

// endOf names the ends that this project's relay explains.
func (v *Viewer) endOf(err error) error {
	switch CloseStatus(err) {
	case int(websocket.StatusNormalClosure):
		if v.closing.Load() {
			return ErrClosed
		}
	case StatusDisplaced:
		return ErrDisplaced
	case StatusNoProducer:
		return ErrNoProducer
	}
	return err
}

func (v *Viewer) deliver(m *agentv1.StreamFrame, cursor *Cursor) error {
	missed, fresh := cursor.Admit(m.GetSeq())
	if !fresh {
		return nil
	}
	v.pin(m.GetChannelId())
	f := Frame{Seq: m.GetSeq(), Data: m.GetData(), Missed: missed}
	if ms := m.GetProducedAtMs(); ms != 0 {
		f.ProducedAt = time.UnixMilli(ms)
	}
	select {
	case v.frames <- f:
		return nil
	case <-v.ctx.Done():
		return context.Cause(v.ctx)
	}
}

// pin makes a viewer that asked for whichever channel stay with the one that
// it got, since a cursor means nothing in another one.
func (v *Viewer) pin(channel string) {
	if v.route.ChannelID != "" || channel == "" {
		return
	}
	v.route.ChannelID = channel
	v.mu.Lock()
	v.channel = channel
	v.mu.Unlock()
}

// reconnect tries until the relay accepts or rejects the viewer, or the viewer
// ends.
func (v *Viewer) reconnect(resume uint64) (*Conn, error) {
	for attempt := 0; ; attempt++ {
		if v.opts.Backoff.Sleep(v.ctx, attempt) != nil {
			return nil, context.Cause(v.ctx)
		}
		if v.opts.Refresh != nil {
			token, err := v.opts.Refresh(v.ctx)
			if err != nil {
				return nil, fmt.Errorf("refresh the viewer's token: %w", err)
			}
			v.token = token
		}
		conn, err := v.connect(v.ctx, resume)
		switch {
		case err == nil:
			return conn, nil
		case v.ctx.Err() != nil:
			return nil, context.Cause(v.ctx)
		case errors.Is(err, ErrRejected):
			return nil, err
		}
		v.log.Debug("the relay is not back", "cause", err, "attempt", attempt+1)
	}
}

package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// dialTimeout bounds one attempt, the handshake included, and so what an
	// attempt can delay a stop.
	dialTimeout = 3 * time.Second

	// maxPause keeps an agent within reach of a broker that comes back:
	// lifecycle.reconnect allows 15 s.
	maxPause = 2 * time.Second
	minPause = 100 * time.Millisecond

	// maxPendingBytes bounds the requests that have arrived and are not looked
	// at yet; some of the largest kind fit even while the machine is busy.
	maxPendingBytes = 256 << 20

	// A peer that vanished without a word is noticed by two pings unanswered.
	pingInterval        = 10 * time.Second
	maxPingsOutstanding = 2
)

// link is one connection from its start to its end.
type link struct {
	nc   *nats.Conn
	sub  *nats.Subscription
	gone chan struct{} // closed when the connection has ended
	quit chan struct{} // closed when the subscription's last callback returned
	seq  uint64        // of the last heartbeat
}

// connect tries the URLs in turn, for ever, until one takes the agent's
// subscription. Its error is that of ctx.
//
// The client library's own reconnect is off: it cannot mix websocket with
// other URLs, gives up when a server refuses the same token twice, and would
// make the Hello trail behind the service. A fresh connection has no backlog
// and cannot be subscribed twice (lifecycle.no-backlog, subject.single-responder).
func (a *Agent) connect(ctx, ops context.Context, pace *backoff) (*link, error) {
	var last string
	for {
		if err := pace.wait(ctx); err != nil {
			return nil, err
		}
		for _, raw := range a.cfg.URLs {
			l, err := a.dial(ops, raw)
			if err == nil {
				return l, nil
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			// The same failure is told once, not every second.
			log := a.log.Debug
			if text := err.Error(); text != last {
				log, last = a.log.Warn, text
			}
			log("broker not reached", "url", redacted(raw), "error", err)
		}
		pace.failed()
	}
}

// dial makes one connection that serves requests: when it returns, a Hello may
// be sent (lifecycle.hello-after-subscribe).
func (a *Agent) dial(ops context.Context, raw string) (*link, error) {
	l := &link{gone: make(chan struct{}), quit: make(chan struct{})}
	nc, err := nats.Connect(raw, a.options(l)...)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	l.nc = nc
	a.conn.Store(nc) // before the first request can arrive and want its reply
	if err := a.subscribe(ops, l); err != nil {
		nc.Close()
		<-l.gone
		return nil, err
	}
	return l, nil
}

func (a *Agent) options(l *link) []nats.Option {
	opts := []nats.Option{
		nats.Name("agentproof agent " + a.cfg.AgentID),
		nats.NoReconnect(),
		nats.IgnoreDiscoveredServers(),
		nats.Timeout(dialTimeout),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(maxPingsOutstanding),
		nats.ClosedHandler(func(*nats.Conn) { close(l.gone) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			a.log.Error("broker reports an error", "error", err)
		}),
	}
	if a.cfg.Token != "" {
		opts = append(opts, nats.Token(a.cfg.Token))
	}
	return append(opts, a.cfg.NATSOptions...)
}

// subscribe starts to serve requests and makes sure that the broker has taken
// the subscription: it refuses one without a direct answer.
func (a *Agent) subscribe(ops context.Context, l *link) error {
	receive := nats.MsgHandler(func(msg *nats.Msg) { a.receive(ops, msg) })
	if a.cfg.Wire.In != nil {
		receive = a.cfg.Wire.In(receive)
	}
	sub, err := l.nc.Subscribe(a.subject("rpc"), receive)
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	sub.SetClosedHandler(func(string) { close(l.quit) })
	// The library drops what exceeds its limits, and that would be silence.
	if err := sub.SetPendingLimits(nats.DefaultSubPendingMsgsLimit, maxPendingBytes); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	l.sub = sub
	if err := l.nc.FlushTimeout(dialTimeout); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if err := l.nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

// subject is one of the agent's own (subject.scope).
func (a *Agent) subject(what string) string {
	return "agent." + a.cfg.WorkspaceID + "." + a.cfg.AgentID + "." + what
}

// send publishes on the newest connection. While there is none it fails:
// nothing is kept for later.
func (a *Agent) send(subject string, data []byte) error {
	nc := a.conn.Load()
	if nc == nil {
		return nats.ErrConnectionClosed
	}
	return nc.Publish(subject, data)
}

// backoff paces the attempts to connect, with jitter so that a broker that
// comes back is not met by all its agents at once.
type backoff struct{ pause time.Duration }

// wait returns at once before the very first attempt.
func (b *backoff) wait(ctx context.Context) error {
	if b.pause == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(b.pause/2 + rand.N(b.pause/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// failed is called when no URL could be reached.
func (b *backoff) failed() { b.pause = min(max(2*b.pause, minPause), maxPause) }

// lasted is called when a connection was lost. One that held for a while ends
// the bad times.
func (b *backoff) lasted(d time.Duration) {
	if d > 2*maxPause {
		b.pause = minPause
		return
	}
	b.failed()
}

func redacted(raw string) string {
	u, err := parseURL(raw)
	if err != nil {
		return "malformed URL"
	}
	u.User = nil
	return u.String()
}

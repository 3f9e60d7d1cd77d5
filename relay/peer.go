package relay

import (
	"log/slog"
	"net/http"
	"sync/atomic"

	"golang.org/x/time/rate"

	"agentproof/relay/internal/socket"
	"agentproof/stream"
)

// peer is a producer's or a viewer's end of a channel.
type peer struct {
	*socket.Socket
	relay  *Relay
	remote string
	done   chan struct{} // closed when the relay is through with it

	// Set by the handshake, before anybody else sees the peer.
	role      stream.Role
	wanted    uint64 // resume_from_seq of the open
	epoch     uint64 // a viewer's lease epoch
	instance  string // a producer's name, if it sends frames again
	returning bool   // it has been connected before
	limit     *rate.Limiter

	channel  atomic.Pointer[channel]
	draining atomic.Bool // it ends when it has everything
	closing  atomic.Bool // it is told that the channel closed
	resume   uint64      // first seq that a viewer gets; guarded by the channel's mu
	fresh    bool        // a producer has sent no frame yet; guarded alike
	loan
}

// upgrade makes a websocket of the request, or answers it and fails.
func (r *Relay) upgrade(w http.ResponseWriter, req *http.Request) (*peer, error) {
	limit := rate.Limit(r.cfg.Rate)
	if r.cfg.Rate < 0 {
		limit = rate.Inf
	}
	p := &peer{
		relay:  r,
		remote: req.RemoteAddr,
		done:   make(chan struct{}),
		limit:  rate.NewLimiter(limit, r.cfg.RateBurst),
		fresh:  true,
	}
	if header := req.Header.Get(stream.ResendHeader); header != "" {
		p.instance, p.returning = stream.ParseResend(header)
		w.Header().Set(stream.ResendHeader, "1")
	}
	var err error
	p.Socket, err = socket.Accept(w, req, socket.Options{
		Origins: r.cfg.Origins,
		Large:   r.largeReads,
		OnEnd: func() {
			if c := p.channel.Load(); c != nil {
				c.wake()
			}
		},
	})
	return p, err
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

package relay

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay/internal/socket"
	"agentproof/stream"
)

// rejectTime is how long a rejected peer has to take the answer.
const rejectTime = 2 * time.Second

// serveStream upgrades, does the handshake, and serves one peer until its
// socket has ended.
func (r *Relay) serveStream(w http.ResponseWriter, req *http.Request) {
	query, err := stream.ParseRoute(req.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case r.handshakes <- struct{}{}:
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many handshakes are open", http.StatusServiceUnavailable)
		return
	}
	release := sync.OnceFunc(func() { <-r.handshakes })
	defer release()
	p, err := r.upgrade(w, req)
	if err != nil {
		return
	}
	defer p.Close()
	if !r.track(p) {
		return
	}
	defer r.untrack(p)
	timer := time.AfterFunc(r.cfg.HandshakeTimeout, p.Drop)
	err = r.handshake(p, query)
	timer.Stop()
	if err != nil {
		r.metrics.rejected.Inc()
		p.log().Info("an open was rejected", "cause", err)
		p.reject(err)
		return
	}
	release()
	r.metrics.accepted.Inc()
	defer r.detach(p)
	p.serve()
}

// Failed checks; the texts go to the peer.
var (
	errNoOpen    = errors.New("the first message is no StreamOpen")
	errNoChannel = errors.New("the open names no channel")
	errMismatch  = errors.New("the channel is not the one of the URL")
	errRole      = errors.New("the role is neither agent nor client")
	errScope     = errors.New("the token is for another stream")
)

// handshake receives the StreamOpen and makes the checks, in the contract's
// order; the first one that fails wins.
func (r *Relay) handshake(p *peer, query stream.Route) error {
	b, err := p.Read(stream.MaxOpen)
	if errors.Is(err, socket.ErrTooLarge) {
		return errNoOpen
	}
	if err != nil {
		return fmt.Errorf("no open came: %w", err)
	}
	m, err := stream.Decode(b)
	open, ok := m.(*agentv1.StreamOpen)
	if err != nil || !ok {
		return errNoOpen
	}
	if open.GetChannel() == nil {
		return errNoChannel
	}
	route := stream.RouteOf(open.GetChannel())
	if query.ChannelID == "" {
		query.ChannelID = route.ChannelID
	}
	if route != query {
		return errMismatch
	}
	p.role, p.wanted, p.resume = open.GetRole(), open.GetResumeFromSeq(), open.GetResumeFromSeq()
	if err := r.authorize(p, open); err != nil {
		return err
	}
	return r.attach(p, route)
}

func (r *Relay) authorize(p *peer, open *agentv1.StreamOpen) error {
	switch p.role {
	case stream.RoleAgent:
		claims, err := r.verifier.Producer(open.GetToken())
		if err != nil {
			return err
		}
		if !claims.Allow(open.GetChannel()) {
			return errScope
		}
	case stream.RoleClient:
		claims, err := r.verifier.Viewer(open.GetToken())
		if err != nil {
			return err
		}
		if !claims.Allow(open.GetChannel()) {
			return errScope
		}
		p.epoch = claims.LeaseEpoch
	default:
		return errRole
	}
	return nil
}

// reject tells a peer why it cannot come in. None of the reasons holds any part
// of its token (relay.token.silence).
func (p *peer) reject(reason error) {
	if p.Ended() {
		return
	}
	timer := time.AfterFunc(rejectTime, p.Drop)
	defer timer.Stop()
	b, err := stream.Encode(&agentv1.StreamOpenAck{Error: &agentv1.AgentError{
		Code: agentv1.ErrorCode_ERROR_CODE_STREAM, Message: reason.Error(),
	}})
	if err == nil && p.Write(b) == nil {
		p.Part(websocket.StatusPolicyViolation, "rejected")
	}
}

// serve pumps both ways until the socket has ended and its goroutines with it.
func (p *peer) serve() {
	ack, err := stream.Encode(&agentv1.StreamOpenAck{Accepted: true, ResumeFromSeq: p.wanted})
	if err != nil || p.Write(ack) != nil {
		return
	}
	c := p.channel.Load()
	p.log().Info("opened", "workspace", c.route.WorkspaceID, "agent", c.route.AgentID,
		"port", c.route.Port, "channel", c.route.ChannelID)
	writer := make(chan struct{})
	go func() {
		defer close(writer)
		if p.role == stream.RoleAgent {
			p.writeProducer(c)
		} else {
			p.writeViewer()
		}
	}()
	pinger := make(chan struct{})
	go func() {
		defer close(pinger)
		if p.Keepalive(p.relay.cfg.PingInterval, p.relay.cfg.StallTimeout) {
			p.log().Info("the peer is gone")
			p.Drop()
		}
	}()
	var closed bool
	if p.role == stream.RoleAgent {
		closed, err = p.readProducer(c)
	} else {
		closed, err = p.readViewer()
	}
	if websocket.CloseStatus(err) != -1 {
		p.answeredClose()
	}
	if closed {
		p.Part(websocket.StatusNormalClosure, "")
	}
	p.Drop()
	<-writer
	<-pinger
	p.log().Info("ended", "closed", closed, "cause", err)
}

package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/session"
	"agentproof/stream"
)

// Relay is the relay of one instance: the reference relay, on a port that it
// keeps over a restart, and the secrets that its tokens are made with. It is
// safe for concurrent use.
type Relay struct {
	workspace, agent string
	viewers          stream.Secret
	producers        stream.Secret

	mu   sync.Mutex // guards the fields below
	srv  *relay.Server
	addr string // fixed by the first start
}

func startRelay(workspace, agent string) (*Relay, error) {
	r := &Relay{
		workspace: workspace, agent: agent,
		viewers: stream.Secret(rand.Text()), producers: stream.Secret(rand.Text()),
		addr: "127.0.0.1:0",
	}
	return r, r.Restart()
}

// Restart starts the relay again after Kill or Shutdown.
func (r *Relay) Restart() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.srv != nil {
		return nil
	}
	// Tests move more than a person types; the rate is a clause of the relay.
	srv, err := relay.Start(relay.Config{Listen: r.addr, ViewerSecret: r.viewers, ProducerSecret: r.producers, Rate: -1})
	if err != nil {
		return fmt.Errorf("start a relay: %w", err)
	}
	r.srv, r.addr = srv, srv.Addr().String()
	return nil
}

// Kill ends the relay as a crash would.
func (r *Relay) Kill() { r.take(func(s *relay.Server) { s.Kill() }) }

// Shutdown ends the relay as its operator would.
func (r *Relay) Shutdown() { r.take(func(s *relay.Server) { _ = s.Close() }) }

func (r *Relay) take(end func(*relay.Server)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.srv != nil {
		end(r.srv)
		r.srv = nil
	}
}

// URL is what an agent is told.
func (r *Relay) URL() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return "ws://" + r.addr + stream.Path
}

// hostPort is what a control plane is told.
func (r *Relay) hostPort() session.Relay {
	r.mu.Lock()
	defer r.mu.Unlock()
	addr := netip.MustParseAddrPort(r.addr)
	return session.Relay{Host: addr.Addr().String(), Port: int(addr.Port()), NoTLS: true}
}

// producerToken lets the agent register channels.
func (r *Relay) producerToken() (string, error) {
	token, err := stream.MintProducer(r.producers, stream.ProducerClaims{
		WorkspaceID: r.workspace, AgentID: r.agent, Exp: time.Now().Add(stream.ProducerTokenLife).Unix(),
	})
	return string(token), err
}

// ViewerToken lets a viewer attach to a port of the agent's workspace.
func (r *Relay) ViewerToken(port uint32) (stream.Secret, error) {
	return stream.MintViewer(r.viewers, stream.ViewerClaims{
		WorkspaceID: r.workspace, SessionID: "session", ViewerID: "viewer-" + rand.Text()[:8],
		LeaseEpoch: 1, Mode: stream.ModeView, Port: port, Exp: time.Now().Add(stream.ViewerTokenLife).Unix(),
	})
}

// RelayEndpoint is the session's view of the instance's relay.
func (t *T) RelayEndpoint() session.Relay {
	t.needRelay()
	return t.inst.Relay.hostPort()
}

func (t *T) needRelay() {
	if t.inst.Relay == nil {
		t.Untestable("the suite does not know the agent's relay: leave out --attach and give the agent's command after --")
	}
}

// View attaches a viewer to a channel, as a person's browser would, until the
// case ends. opts may be nil.
func (t *T) View(ctx context.Context, ch *agentv1.StreamChannel, opts *stream.DialOptions) *stream.Viewer {
	t.needRelay()
	url := t.inst.Relay.URL() + "?" + stream.RouteOf(ch).Query()
	return t.ViewURL(ctx, url, ch.GetPort(), opts)
}

// ViewURL is View for a URL, such as that of a session's endpoint.
func (t *T) ViewURL(ctx context.Context, url string, port uint32, opts *stream.DialOptions) *stream.Viewer {
	t.needRelay()
	token, err := t.inst.Relay.ViewerToken(port)
	if err != nil {
		t.Harness(fmt.Errorf("mint a viewer's token: %w", err))
	}
	v, err := stream.Dial(ctx, url, token, opts)
	switch {
	case errors.Is(err, stream.ErrRejected):
		t.Harness(fmt.Errorf("the relay rejected a viewer: %w", err))
	case err != nil:
		t.Harness(fmt.Errorf("attach a viewer: %w", err))
	}
	t.Cleanup(func(context.Context) { v.Detach() })
	return v
}

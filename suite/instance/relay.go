package instance

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"agentproof/internal/steadyport"
	"agentproof/internal/streamtap"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/stream"
)

// Relay is the relay of one instance: the reference relay or a vendor's behind a
// proxy, on a port that it keeps over a restart, and the secrets that its tokens
// are made with. It is safe for concurrent use.
type Relay struct {
	workspace, agent string
	vendor           *VendorRelay // nil for the reference relay
	viewers          stream.Secret
	producers        stream.Secret

	mu    sync.Mutex // guards the fields below
	relay serves
	http  *http.Server
	done  chan struct{}  // closed when http has ended
	addr  string         // fixed by the first start
	dials []string       // request URIs, in order
	live  map[string]int // open sockets, by channel
	opens []*agentv1.StreamOpen
	// frames are kept for an agent that was told a RelayPath, whose cases are
	// about a few of them.
	frames []*agentv1.StreamFrame
}

// startRelay starts the reference relay, or a proxy where vendor is not nil.
func startRelay(workspace, agent string, vendor *VendorRelay) (*Relay, error) {
	r := &Relay{
		workspace: workspace, agent: agent, vendor: vendor,
		viewers: stream.Secret(rand.Text()), producers: stream.Secret(rand.Text()),
		live: make(map[string]int),
	}
	if vendor != nil {
		r.viewers, r.producers = vendor.ViewerSecret, vendor.ProducerSecret
	}
	ln, err := steadyport.Listen()
	if err != nil {
		return nil, fmt.Errorf("start a relay: %w", err)
	}
	r.addr = ln.Addr().String()
	return r, r.serve(ln)
}

// Restart starts the relay again after Kill or Shutdown.
func (r *Relay) Restart() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.relay != nil {
		return nil
	}
	ln, err := steadyport.Reclaim(r.addr)
	if err != nil {
		return fmt.Errorf("start a relay: %w", err)
	}
	return r.serve(ln)
}

// serve starts the relay at a listener. It is called with the lock held, or
// before anybody else knows the relay.
func (r *Relay) serve(ln net.Listener) error {
	rel, err := r.server()
	if err != nil {
		_ = ln.Close()
		return fmt.Errorf("start a relay: %w", err)
	}
	srv := &http.Server{Handler: r.recorded(rel), ReadHeaderTimeout: relay.DefaultHandshakeTimeout}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	r.relay, r.http, r.done = rel, srv, done
	return nil
}

func (r *Relay) server() (serves, error) {
	if r.vendor != nil {
		return newProxy(r.vendor)
	}
	// Cases move more than a person types; the rate is a clause of the relay.
	return relay.New(relay.Config{ViewerSecret: r.viewers, ProducerSecret: r.producers, Rate: -1})
}

// recorded notes every request before the relay sees it.
func (r *Relay) recorded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.dials = append(r.dials, req.RequestURI)
		addr := r.addr
		r.mu.Unlock()
		defer r.opened(req)()
		before, after, _ := strings.Cut(req.RequestURI, stream.Path)
		if before == "" || !strings.HasSuffix(req.URL.Path, stream.Path) {
			next.ServeHTTP(w, req)
			return
		}
		tap := streamtap.Tap{
			Relay: "ws://" + addr,
			Dial:  func(string) string { return stream.Path + after },
			Open:  func() streamtap.Edits { return streamtap.Edits{ToRelay: r.note} },
		}
		tap.ServeHTTP(w, req)
	})
}

// opened counts a socket as open until the returned function is called.
func (r *Relay) opened(req *http.Request) (closed func()) {
	route, err := stream.ParseRoute(req.URL.RawQuery)
	if err != nil {
		return func() {} // the relay refuses it
	}
	count := func(n int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.live[route.ChannelID] += n; r.live[route.ChannelID] == 0 {
			delete(r.live, route.ChannelID)
		}
	}
	count(1)
	return func() { count(-1) }
}

// Sockets is how many ends of a channel are open.
func (r *Relay) Sockets(channel string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live[channel]
}

// note keeps the StreamOpens and StreamFrames that pass.
func (r *Relay) note(message []byte) [][]byte {
	m, err := stream.Decode(message)
	if err != nil {
		return [][]byte{message}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch m := m.(type) {
	case *agentv1.StreamOpen:
		r.opens = append(r.opens, m)
	case *agentv1.StreamFrame:
		r.frames = append(r.frames, m)
	}
	return [][]byte{message}
}

// Frames are the StreamFrames of the agent so far, in order. They are kept for an
// agent that was told a RelayPath.
func (r *Relay) Frames() []*agentv1.StreamFrame {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.frames)
}

// Opens are the StreamOpens of the agent so far, in order. They are noted for
// an agent that was told a RelayPath.
func (r *Relay) Opens() []*agentv1.StreamOpen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.opens)
}

// behind is the URL of the relay behind a proxy at a path.
func (r *Relay) behind(path string) string {
	base, _ := strings.CutSuffix(r.URL(), stream.Path)
	return base + path + stream.Path
}

// Dials are the URIs that were requested so far, in order.
func (r *Relay) Dials() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.dials)
}

// Vendors reports whether the relay is a vendor's: then Kill, Shutdown and
// Restart take it away and bring it back for the instance alone, and what was on
// its way at a Shutdown is lost.
func (r *Relay) Vendors() bool { return r.vendor != nil }

// Kill ends the relay as a crash would.
func (r *Relay) Kill() { r.end(serves.Close) }

// Shutdown ends the relay as its operator would.
func (r *Relay) Shutdown(ctx context.Context) {
	r.end(func(rel serves) { _ = rel.Shutdown(ctx) })
}

func (r *Relay) end(end func(serves)) {
	r.mu.Lock()
	rel, srv, done := r.relay, r.http, r.done
	r.relay = nil
	r.mu.Unlock()
	if rel == nil {
		return
	}
	end(rel)
	_ = srv.Close()
	rel.Close()
	<-done
}

// LiveChannels is how many channels the relay has, as its metrics say; of a
// vendor's those that somebody is connected to.
func (r *Relay) LiveChannels(ctx context.Context) (int, error) {
	r.mu.Lock()
	if r.vendor != nil {
		defer r.mu.Unlock()
		return len(r.live), nil
	}
	url := "http://" + r.addr + "/metrics"
	r.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask the relay for its metrics: %w", err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), "opengeni_relay_live_channels "); ok {
			return strconv.Atoi(v)
		}
	}
	return 0, errors.New("the relay's metrics do not tell its live channels")
}

// URL is what an agent is told.
func (r *Relay) URL() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return "ws://" + r.addr + stream.Path
}

// Addr is where the relay listens, or will again.
func (r *Relay) Addr() netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return netip.MustParseAddrPort(r.addr)
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

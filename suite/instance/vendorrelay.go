package instance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"agentproof/internal/streamtap"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

// VendorRelay is a relay that the suite did not start. Agents and viewers reach
// it through a proxy, which sees what they dial and can be taken away from them
// as the suite's own relay can.
type VendorRelay struct {
	// URL is what an agent would be told: ws://host:port/stream.
	URL string
	// The secrets that the relay verifies tokens with.
	ViewerSecret   stream.Secret
	ProducerSecret stream.Secret
}

// checkLimit bounds the wait for a relay that does not answer.
const checkLimit = 10 * time.Second

// Check reports whether the relay takes both ends of a channel. Without it, a
// wrong secret would be every terminal's failure.
func (v *VendorRelay) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	r := &Relay{workspace: "ws-" + rand.Text()[:8], agent: "agent-" + rand.Text()[:8], viewers: v.ViewerSecret, producers: v.ProducerSecret}
	ch := &agentv1.StreamChannel{
		WorkspaceId: r.workspace, AgentId: r.agent, Port: stream.TerminalPort, ChannelId: "check-" + rand.Text()[:8],
		Kind: agentv1.StreamKind_STREAM_KIND_PTY,
	}
	producer, err := r.producerToken()
	if err != nil {
		return err
	}
	viewer, err := r.ViewerToken(stream.TerminalPort)
	if err != nil {
		return err
	}
	at, err := stream.ProducerURL(v.URL, stream.RouteOf(ch))
	if err != nil {
		return err
	}
	for _, end := range []struct {
		name, secret string
		open         *agentv1.StreamOpen
	}{
		{"an agent", "producers'", &agentv1.StreamOpen{Channel: ch, Role: stream.RoleAgent, Token: producer}},
		{"a viewer", "viewers'", &agentv1.StreamOpen{Channel: ch, Role: stream.RoleClient, Token: string(viewer)}},
	} {
		conn, err := stream.Connect(ctx, at, end.open, nil)
		switch {
		case errors.Is(err, stream.ErrRejected):
			return fmt.Errorf("the relay refuses %s: %w: give the %s secret that it verifies tokens with", end.name, err, end.secret)
		case err != nil:
			return fmt.Errorf("connect %s to the relay: %w: start the relay, or correct its URL", end.name, err)
		}
		defer conn.Close()
	}
	return nil
}

// serves is what answers at a Relay's address.
type serves interface {
	http.Handler
	Shutdown(ctx context.Context) error
	Close()
}

// proxy passes connections on to a vendor's relay until it is closed.
type proxy struct {
	to     *url.URL
	cancel context.CancelFunc
	ended  context.Context
	served sync.WaitGroup
}

func newProxy(v *VendorRelay) (*proxy, error) {
	to, err := url.Parse(v.URL)
	if err != nil {
		return nil, errors.New("the relay's URL does not parse")
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &proxy{to: to, cancel: cancel, ended: ctx}, nil
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	p.served.Add(1)
	defer p.served.Done()
	tap := streamtap.Tap{Relay: p.to.Scheme + "://" + p.to.Host, Dial: p.uri}
	tap.Serve(p.ended, w, req)
}

// uri is the relay's own path and query, followed by the query of a request.
func (p *proxy) uri(requested string) string {
	_, query, _ := strings.Cut(requested, "?")
	if p.to.RawQuery != "" {
		query = p.to.RawQuery + "&" + query
	}
	return p.to.EscapedPath() + "?" + query
}

// Close cuts all connections.
func (p *proxy) Close() {
	p.cancel()
	p.served.Wait()
}

// Shutdown is Close: the proxy has nothing on its way that it could deliver.
func (p *proxy) Shutdown(context.Context) error {
	p.Close()
	return nil
}

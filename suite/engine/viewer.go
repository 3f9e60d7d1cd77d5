package engine

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/stream"
	"agentproof/suite/transcript"
)

// RelayEndpoint is the session's view of the instance's relay.
func (t *T) RelayEndpoint() session.Relay {
	t.needRelay()
	addr := t.inst.Relay.Addr()
	return session.Relay{Host: addr.Addr().String(), Port: int(addr.Port()), NoTLS: true}
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
	t.rec.Streamed(transcript.ToAgent, channelOf(url), "a viewer", 0)
	switch {
	case errors.Is(err, stream.ErrRejected):
		t.Harness(fmt.Errorf("the relay rejected a viewer: %w", err))
	case err != nil:
		t.Harness(fmt.Errorf("attach a viewer: %w", err))
	}
	t.Cleanup(func(context.Context) { v.Detach() })
	return v
}

// channelOf is the channel that a stream's URL names; empty for the newest one.
func channelOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Query().Get("channel")
}

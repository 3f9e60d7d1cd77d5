package stream

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Route is what the query of a stream URL names. ChannelID may be empty: for a
// viewer that is the newest producer of the other three.
type Route struct {
	WorkspaceID string
	AgentID     string
	Port        uint32
	ChannelID   string
}

// RouteOf is the route to ch.
func RouteOf(ch *agentv1.StreamChannel) Route {
	return Route{
		WorkspaceID: ch.GetWorkspaceId(),
		AgentID:     ch.GetAgentId(),
		Port:        ch.GetPort(),
		ChannelID:   ch.GetChannelId(),
	}
}

// Query is the route as a URL's query, without the question mark. The channel
// is left out when it is empty.
func (r Route) Query() string {
	q := "ws=" + escape(r.WorkspaceID) + "&agent=" + escape(r.AgentID) +
		"&port=" + strconv.FormatUint(uint64(r.Port), 10)
	if r.ChannelID != "" {
		q += "&channel=" + escape(r.ChannelID)
	}
	return q
}

// ErrBadQuery is a URL that does not name a route.
var ErrBadQuery = errors.New("the query does not name a stream")

// ParseRoute reads a query (form-decoded; unknown names are ignored). ws,
// agent and port must each be there once, channel at most once; the error
// wraps ErrBadQuery and holds no values, because people put tokens in URLs.
func ParseRoute(rawQuery string) (Route, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return Route{}, fmt.Errorf("%w: it does not decode", ErrBadQuery)
	}
	for _, name := range []string{"ws", "agent", "port", "channel"} {
		if len(values[name]) > 1 {
			return Route{}, fmt.Errorf("%w: %s is repeated", ErrBadQuery, name)
		}
		if name != "channel" && values.Get(name) == "" {
			return Route{}, fmt.Errorf("%w: %s is missing", ErrBadQuery, name)
		}
	}
	port, err := strconv.ParseUint(values.Get("port"), 10, 32)
	if err != nil {
		return Route{}, fmt.Errorf("%w: port is no unsigned 32-bit number", ErrBadQuery)
	}
	return Route{
		WorkspaceID: values.Get("ws"),
		AgentID:     values.Get("agent"),
		Port:        uint32(port),
		ChannelID:   values.Get("channel"),
	}, nil
}

// ProducerURL is what an agent dials: relayURL exactly as it stands, followed
// by the route (stream.dial.producer). It fails on a URL that no websocket can
// be dialled at.
func ProducerURL(relayURL string, r Route) (string, error) {
	if err := checkURL(relayURL); err != nil {
		return "", fmt.Errorf("relay URL: %w", err)
	}
	separator := "?"
	if strings.Contains(relayURL, "?") {
		separator = "&"
	}
	return relayURL + separator + r.Query(), nil
}

func checkURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("it does not parse")
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
	default:
		return fmt.Errorf("scheme %q is neither ws nor wss", u.Scheme)
	}
	if u.Host == "" {
		return errors.New("it has no host")
	}
	if strings.Contains(raw, "#") {
		return errors.New("a websocket URL has no fragment")
	}
	return nil
}

// Endpoint is where a viewer finds a stream.
type Endpoint struct {
	Host  string // a name, an IPv4 or an IPv6 address, bracketed or not
	Port  int    // 0 is the scheme's default
	TLS   bool
	Path  string // empty is Path
	Route Route
}

// URL is what a viewer dials. The port is left out when it is the scheme's
// default, and a bare IPv6 address is bracketed.
func (e Endpoint) URL() string {
	scheme, standard := "ws", 80
	if e.TLS {
		scheme, standard = "wss", 443
	}
	host := e.Host
	if ip := net.ParseIP(host); ip != nil && strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if e.Port != 0 && e.Port != standard {
		host += ":" + strconv.Itoa(e.Port)
	}
	path := e.Path
	if path == "" {
		path = Path
	}
	return scheme + "://" + host + path + "?" + e.Route.Query()
}

// escape is JavaScript's encodeURIComponent, which web viewers build the same
// URLs with; net/url's escapers differ from it in a few characters.
func escape(s string) string {
	const plain = "-_.!~*'()"
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(plain, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

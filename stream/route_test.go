package stream_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"agentproof/stream"
)

func TestAProducerDialsTheRelayURLAsItStands(t *testing.T) {
	t.Parallel()
	route := stream.Route{WorkspaceID: "w 1", AgentID: "a", Port: 7681, ChannelID: "c/1"}
	const query = "ws=w%201&agent=a&port=7681&channel=c%2F1"
	tests := map[string]struct{ relay, want string }{
		"a plain one":           {"ws://127.0.0.1:9/stream", "ws://127.0.0.1:9/stream?" + query},
		"a path of its own":     {"wss://relay.example/eu/%2F/stream", "wss://relay.example/eu/%2F/stream?" + query},
		"a slash at the end":    {"wss://relay.example/stream/", "wss://relay.example/stream/?" + query},
		"a default port":        {"wss://relay.example:443/stream", "wss://relay.example:443/stream?" + query},
		"a query of its own":    {"wss://relay.example/stream?zone=a%20b", "wss://relay.example/stream?zone=a%20b&" + query},
		"no scheme":             {"relay.example/stream", ""},
		"a scheme for files":    {"file:///stream", ""},
		"no host":               {"ws:///stream", ""},
		"a fragment":            {"ws://relay.example/stream#x", ""},
		"an escape that is cut": {"ws://relay.example/%2", ""},
	}
	for name, tc := range tests {
		got, err := stream.ProducerURL(tc.relay, route)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tc.want)
		}
	}
	plain, err := stream.ProducerURL("ws://h/stream", stream.Route{WorkspaceID: "w", AgentID: "a", Port: 1})
	if err != nil || plain != "ws://h/stream?ws=w&agent=a&port=1" {
		t.Errorf("without a channel: %q, %v", plain, err)
	}
}

func TestAViewersURLNamesNoDefaultPort(t *testing.T) {
	t.Parallel()
	route := stream.Route{WorkspaceID: "w", AgentID: "a", Port: 7681, ChannelID: "c"}
	const query = "?ws=w&agent=a&port=7681&channel=c"
	tests := map[string]struct {
		endpoint stream.Endpoint
		want     string
	}{
		"TLS on its port":            {stream.Endpoint{Host: "h", Port: 443, TLS: true, Route: route}, "wss://h/stream" + query},
		"TLS on no port":             {stream.Endpoint{Host: "h", TLS: true, Route: route}, "wss://h/stream" + query},
		"TLS on the plain port":      {stream.Endpoint{Host: "h", Port: 80, TLS: true, Route: route}, "wss://h:80/stream" + query},
		"plain on its port":          {stream.Endpoint{Host: "h", Port: 80, Route: route}, "ws://h/stream" + query},
		"plain on TLS's port":        {stream.Endpoint{Host: "h", Port: 443, Route: route}, "ws://h:443/stream" + query},
		"plain elsewhere":            {stream.Endpoint{Host: "127.0.0.1", Port: 8080, Route: route}, "ws://127.0.0.1:8080/stream" + query},
		"a bare IPv6 host":           {stream.Endpoint{Host: "::1", Port: 8080, Route: route}, "ws://[::1]:8080/stream" + query},
		"an IPv6 host in brackets":   {stream.Endpoint{Host: "[::1]", Port: 80, Route: route}, "ws://[::1]/stream" + query},
		"a path that was configured": {stream.Endpoint{Host: "h", Path: "/r/stream", Route: route}, "ws://h/r/stream" + query},
	}
	for name, tc := range tests {
		if got := tc.endpoint.URL(); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestAQueryMustNameARouteOnce(t *testing.T) {
	t.Parallel()
	full := stream.Route{WorkspaceID: "w", AgentID: "a", Port: 7681, ChannelID: "c"}
	bare := stream.Route{WorkspaceID: "w", AgentID: "a", Port: 7681}
	tests := map[string]struct {
		query string
		want  *stream.Route
	}{
		"all four":               {"ws=w&agent=a&port=7681&channel=c", &full},
		"in another order":       {"channel=c&port=7681&agent=a&ws=w", &full},
		"no channel":             {"ws=w&agent=a&port=7681", &bare},
		"an empty channel":       {"ws=w&agent=a&port=7681&channel=", &bare},
		"others beside it":       {"ws=w&agent=a&port=7681&token=t&token=t", &bare},
		"form encoding":          {"ws=w+1%2B&agent=%C3%A4&port=7681", &stream.Route{WorkspaceID: "w 1+", AgentID: "ä", Port: 7681}},
		"the largest port":       {"ws=w&agent=a&port=4294967295", &stream.Route{WorkspaceID: "w", AgentID: "a", Port: 4294967295}},
		"nothing":                {"", nil},
		"no workspace":           {"agent=a&port=7681", nil},
		"an empty workspace":     {"ws=&agent=a&port=7681", nil},
		"no agent":               {"ws=w&port=7681", nil},
		"no port":                {"ws=w&agent=a", nil},
		"a port above 32 bits":   {"ws=w&agent=a&port=4294967296", nil},
		"a negative port":        {"ws=w&agent=a&port=-1", nil},
		"a port with a sign":     {"ws=w&agent=a&port=%2B1", nil},
		"a port that is a word":  {"ws=w&agent=a&port=http", nil},
		"the workspace twice":    {"ws=w&ws=w&agent=a&port=7681", nil},
		"the agent twice":        {"ws=w&agent=a&agent=b&port=7681", nil},
		"the port twice":         {"ws=w&agent=a&port=7681&port=7681", nil},
		"the channel twice":      {"ws=w&agent=a&port=7681&channel=c&channel=d", nil},
		"an escape cut short":    {"ws=w&agent=a&port=7681&x=%2", nil},
		"a semicolon in between": {"ws=w;agent=a&port=7681", nil},
	}
	for name, tc := range tests {
		got, err := stream.ParseRoute(tc.query)
		switch {
		case tc.want == nil && !errors.Is(err, stream.ErrBadQuery):
			t.Errorf("%s: %+v, %v; want %v", name, got, err, stream.ErrBadQuery)
		case tc.want != nil && (err != nil || got != *tc.want):
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, *tc.want)
		}
	}
}

func FuzzRoute(f *testing.F) {
	f.Add("w", "a", "c", uint32(7681))
	f.Add("w&x=1", "ä+ %", "#?;", uint32(0))
	f.Fuzz(func(t *testing.T, ws, agent, ch string, port uint32) {
		route := stream.Route{WorkspaceID: ws, AgentID: agent, Port: port, ChannelID: ch}
		query := route.Query()
		if strings.ContainsAny(query, " +#\"<>") {
			t.Fatalf("%q needs more escaping", query)
		}
		if _, err := url.Parse("ws://h/stream?" + query); err != nil {
			t.Fatal(err)
		}
		got, err := stream.ParseRoute(query)
		if ws == "" || agent == "" {
			if err == nil {
				t.Fatalf("%q was read as %+v", query, got)
			}
			return
		}
		if err != nil || got != route {
			t.Fatalf("%q was read as %+v, %v; want %+v", query, got, err, route)
		}
	})
}

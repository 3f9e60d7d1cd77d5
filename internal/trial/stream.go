package trial

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/streamtap"
	"agentproof/stream"
)

// Tapped puts a tap with the given behaviour between the agent and its relay,
// until the test ends. To the relay, the agent with the tap is one agent.
func Tapped(tb testing.TB, tap streamtap.Tap) func(*agent.Config) {
	return func(cfg *agent.Config) {
		relay, err := url.Parse(cfg.RelayURL)
		if err != nil || relay.Host == "" {
			tb.Errorf("no relay to tap: %v", err)
			return
		}
		tap := tap
		tap.Relay = relay.Scheme + "://" + relay.Host
		server := httptest.NewServer(&tap)
		tb.Cleanup(server.Close)
		relay.Host = strings.TrimPrefix(server.URL, "http://")
		cfg.RelayURL = relay.String()
	}
}

// Messages makes an edit of one that sees decoded messages. What it returns in
// a message's place may be that message, changed.
func Messages(edit func(proto.Message) []proto.Message) streamtap.Edit {
	return func(b []byte) [][]byte {
		m, err := stream.Decode(b)
		if err != nil {
			return [][]byte{b}
		}
		var out [][]byte
		for _, m := range edit(m) {
			if b, err := stream.Encode(m); err == nil {
				out = append(out, b)
			}
		}
		return out
	}
}

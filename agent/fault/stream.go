package fault

import (
	"fmt"
	"net"
	"net/http"
	"net/url"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/internal/streamtap"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

// Tapped puts a tap between the agent and its relay. To the relay, the agent
// with the tap is one agent.
func Tapped(tap streamtap.Tap) func(*agent.Config) (stop func(), err error) {
	return func(cfg *agent.Config) (stop func(), err error) {
		if cfg.RelayURL == "" {
			return func() {}, nil
		}
		relay, err := url.Parse(cfg.RelayURL)
		if err != nil {
			return nil, fmt.Errorf("tap the relay: %w", err)
		}
		tap := tap
		tap.Relay = relay.Scheme + "://" + relay.Host
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("tap the relay: %w", err)
		}
		relay.Host = ln.Addr().String()
		cfg.RelayURL = relay.String()
		srv := &http.Server{Handler: &tap}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = srv.Serve(ln)
		}()
		return func() {
			_ = srv.Close()
			<-done
		}, nil
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
		return Encoded(edit(m)...)
	}
}

// Encoded is what a tap passes on for messages.
func Encoded(messages ...proto.Message) [][]byte {
	var out [][]byte
	for _, m := range messages {
		if b, err := stream.Encode(m); err == nil {
			out = append(out, b)
		}
	}
	return out
}

// Output changes what terminals show, as bytes: frames are numbered without a
// gap afterwards, so that the loss of some does not show in their seq. It makes
// the edits of one connection, each with an edit of its own.
func Output(open func() func(data []byte) []byte) func() streamtap.Edits {
	return func() streamtap.Edits {
		edit, dropped := open(), uint64(0)
		return streamtap.Edits{ToRelay: Messages(func(m proto.Message) []proto.Message {
			f, ok := m.(*agentv1.StreamFrame)
			if !ok {
				return []proto.Message{m}
			}
			if f.Data = edit(f.GetData()); len(f.Data) == 0 {
				dropped++
				return nil
			}
			f.Seq -= dropped
			return []proto.Message{f}
		})}
	}
}

package fault

import (
	"strings"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Around puts w around what cfg's agent takes and sends already: w is the first
// to see a request and the last to see a reply.
func Around(cfg *agent.Config, w agent.Wire) {
	if in := cfg.Wire.In; in != nil && w.In != nil {
		outer := w.In
		w.In = func(next nats.MsgHandler) nats.MsgHandler { return outer(in(next)) }
	} else if w.In == nil {
		w.In = in
	}
	if out := cfg.Wire.Out; out != nil && w.Out != nil {
		outer := w.Out
		w.Out = func(next agent.PublishFunc) agent.PublishFunc { return out(outer(next)) }
	} else if w.Out == nil {
		w.Out = out
	}
	cfg.Wire = w
}

// Received changes raw requests before the agent decodes them.
func Received(edit func(*nats.Msg)) func(*agent.Config) {
	return func(cfg *agent.Config) {
		cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
			return func(msg *nats.Msg) {
				edit(msg)
				next(msg)
			}
		}
	}
}

// Replies changes replies when all else of the agent has seen them. What edit
// returns is sent in a reply's place.
func Replies(edit func(*agentv1.ControlResponse) []*agentv1.ControlResponse) func(*agent.Config) {
	return Published(func(to string) bool { return strings.HasPrefix(to, nats.InboxPrefix) }, edit)
}

// Published changes the messages that the agent sends on subjects which match,
// where they decode.
func Published[M any, P interface {
	*M
	proto.Message
}](match func(subject string) bool, edit func(P) []P) func(*agent.Config) {
	return func(cfg *agent.Config) {
		cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
			return func(to string, data []byte) error {
				m := P(new(M))
				if !match(to) || proto.Unmarshal(data, m) != nil {
					return next(to, data)
				}
				for _, m := range edit(m) {
					data, err := proto.Marshal(m)
					if err == nil {
						err = next(to, data)
					}
					if err != nil {
						return err
					}
				}
				return nil
			}
		}
	}
}

// Package envelope holds agents that get wrong what all operations have in
// common: whose reply it is, what a request is, what fits in a message, and
// what waits for what.
package envelope

import (
	"slices"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// soon is the scale for what shows in nothing coming.
const soon = 0.2

const (
	protocol = agentv1.ErrorCode_ERROR_CODE_PROTOCOL
	tooLarge = agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE
)

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant {
	return slices.Concat(ids(), outcomes(), garbage(), without(), strict(), headers(), text(), oversize(), retryable(), waiting(), crowds())
}

// replies changes replies when all else of the agent has seen them.
func replies(edit func(*agentv1.ControlResponse)) func(*agent.Config) {
	return fault.Replies(func(resp *agentv1.ControlResponse) []*agentv1.ControlResponse {
		edit(resp)
		return []*agentv1.ControlResponse{resp}
	})
}

// errorsOf changes the errors of one code.
func errorsOf(code agentv1.ErrorCode, edit func(*agentv1.AgentError)) func(*agent.Config) {
	return replies(func(resp *agentv1.ControlResponse) {
		if e := resp.GetError(); e.GetCode() == code && e != nil {
			edit(e)
		}
	})
}

// results changes responses of requests that match.
func results(match func(*agentv1.ControlRequest) bool, edit func(*agentv1.ControlResponse)) agent.Middleware {
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if match(req) {
			edit(resp)
		}
	})
}

func decodes(data []byte) bool { return proto.Unmarshal(data, &agentv1.ControlRequest{}) == nil }

// aPing is the request that stands in for what is none.
func aPing() []byte { return []byte{10<<3 | 2, 0} }

// instead takes a ping for what matches.
func instead(match func(*nats.Msg) bool) func(*agent.Config) {
	return fault.Received(func(msg *nats.Msg) {
		if match(msg) {
			msg.Data = aPing()
		}
	})
}

package engine

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Attempt is an operation that a case tries among others, and the words that
// name it in a failure.
type Attempt struct {
	What string
	Op   proto.Message
}

// RefusedAll tries every operation, each of which the agent must refuse with
// the code, and goes on after one that it does not. The errors are in the
// order of the attempts, nil for what was not refused so.
func (t *T) RefusedAll(ctx context.Context, code agentv1.ErrorCode, attempts ...Attempt) []*agentv1.AgentError {
	return t.RefusedAs(ctx, []agentv1.ErrorCode{code}, attempts...)
}

// RefusedAs is RefusedAll where any of several codes is right.
func (t *T) RefusedAs(ctx context.Context, codes []agentv1.ErrorCode, attempts ...Attempt) []*agentv1.AgentError {
	var names []string
	for _, code := range codes {
		names = append(names, codeName(code))
	}
	refusals := make([]*agentv1.AgentError, len(attempts))
	for i, a := range attempts {
		resp := t.Call(ctx, a.Op)
		if e := resp.GetError(); e != nil && slices.Contains(codes, e.GetCode()) {
			refusals[i] = e
			continue
		}
		t.Errorf("the error "+strings.Join(names, " or ")+" for "+a.What, "%s", Outcome(resp))
	}
	return refusals
}

// Outcome is what a response says, in a few words.
func Outcome(resp *agentv1.ControlResponse) string {
	if e := resp.GetError(); e != nil {
		return "the error " + codeName(e.GetCode()) + ": " + quote(e.GetMessage())
	}
	name, _ := resultOf(resp)
	return "a result of " + name
}

package script

import (
	"slices"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// actions is what a rule does with a call, in the order of the fields.
type actions struct {
	delayRequest span
	upset        upset
	outcome      outcome
	err          *agentv1.AgentError // with fail
	delayReply   span
	duplicate    bool
}

// outcome is what becomes of the operation and its reply.
type outcome int

const (
	pass        outcome = iota // both are the agent's own
	fail                       // refused in place of the agent
	dropRequest                // not run, and not answered
	dropReply                  // run, and not answered
	oversize                   // run, and answered with more than the broker takes
)

// The kinds of upset.
const (
	disconnect = "disconnect"
	drain      = "drain"
	offline    = "offline"
)

// upset is what happens to the whole agent.
type upset struct {
	kind   string // empty for none
	in     span   // from the call on; none is at once
	length span   // none is for ever
	drain  span   // before it goes offline
	reason agentv1.GoingOfflineReason
}

// spans are all durations of a.
func (a *actions) spans() []*span {
	return []*span{&a.delayRequest, &a.upset.in, &a.upset.drain, &a.upset.length, &a.delayReply}
}

// random tells whether any duration is left to chance.
func (a *actions) random() bool {
	return slices.ContainsFunc(a.spans(), func(s *span) bool { return s.random() })
}

// String is the actions in the words of the language, in the order in which
// they happen.
func (a *actions) String() string {
	var words []string
	if !a.delayRequest.none() {
		words = append(words, "delay the request "+a.delayRequest.String())
	}
	if a.upset.kind != "" {
		words = append(words, a.upset.String())
	}
	switch a.outcome {
	case fail:
		words = append(words, "error "+codeName(a.err.GetCode()))
	case dropRequest:
		words = append(words, "drop the request")
	case dropReply:
		words = append(words, "drop the reply")
	case oversize:
		words = append(words, "oversize")
	}
	if !a.delayReply.none() {
		words = append(words, "delay the reply "+a.delayReply.String())
	}
	if a.duplicate {
		words = append(words, "duplicate")
	}
	return strings.Join(words, ", ")
}

func (u upset) String() string {
	text := u.kind
	if !u.drain.none() {
		text += " after a drain of " + u.drain.String()
	}
	if !u.length.none() {
		text += " for " + u.length.String()
	}
	if u.reason != agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_UNSPECIFIED {
		text += " with the reason " + reasonName(u.reason)
	}
	if !u.in.none() {
		text += " in " + u.in.String()
	}
	return text
}

// codeName is an error code as scripts write it.
func codeName(c agentv1.ErrorCode) string { return strings.TrimPrefix(c.String(), "ERROR_CODE_") }

// reasonName is a reason to go offline as scripts write it.
func reasonName(r agentv1.GoingOfflineReason) string {
	return strings.TrimPrefix(r.String(), "GOING_OFFLINE_REASON_")
}

package envelope

import (
	"bytes"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// unknown tells whether an operation's message holds fields of no revision.
func unknown(op proto.Message) bool { return len(op.ProtoReflect().GetUnknown()) > 0 }

// strict are agents that fields of a later revision mislead.
func strict() []fault.Mutant {
	const fields = "envelope.unknown-fields/"
	refuse := func(resp *agentv1.ControlResponse) {
		resp.Result, resp.Error = nil, &agentv1.AgentError{Code: protocol}
	}
	return []fault.Mutant{
		{Name: "refuses fields that it does not know", Case: fields + "every-wire-type", Says: "PROTOCOL",
			Fault: results(func(req *agentv1.ControlRequest) bool { return unknown(req.GetPing()) }, refuse)},
		{Name: "loses a field beside one that it does not know", Case: fields + "every-wire-type", Says: "the nonce beside an unknown field",
			Fault: results(func(req *agentv1.ControlRequest) bool { return unknown(req.GetPing()) },
				func(resp *agentv1.ControlResponse) { resp.GetPing().Nonce = 0 })},
		{Name: "refuses such fields of one operation", Case: fields + "every-operation", Says: "PROTOCOL",
			Fault: results(func(req *agentv1.ControlRequest) bool { return unknown(req.GetFsRemove()) }, refuse)},
		{Name: "loses an offset beside them", Case: fields + "every-operation", Says: "the content from offset 3",
			Fault: fault.Before(func(req *agentv1.ControlRequest) {
				if unknown(req.GetFsRead()) {
					req.GetFsRead().Offset = 0
				}
			})},
		{Name: "loses an exit code beside them", Case: fields + "every-operation", Says: "the exit code",
			Fault: results(func(req *agentv1.ControlRequest) bool { return unknown(req.GetExec()) },
				func(resp *agentv1.ControlResponse) { resp.GetExec().ExitCode = 0 })},
	}
}

// headers are agents that read the headers of a message.
func headers() []fault.Mutant {
	const without, with = "envelope.headers-ignored/without-headers", "envelope.headers-ignored/any-header"
	// Readiness is asked for without an id and without headers.
	asked := func(msg *nats.Msg) bool { return !bytes.Equal(msg.Data, aPing()) }
	refuse := func(match func(nats.Header) bool) func(*agent.Config) {
		return fault.Received(func(msg *nats.Msg) {
			if match(msg.Header) && asked(msg) {
				msg.Data = nil
			}
		})
	}
	return []fault.Mutant{
		{Name: "wants a header", Case: without, Says: "PROTOCOL", Config: refuse(func(h nats.Header) bool { return len(h) == 0 })},
		{Name: "takes a request without headers for a probe", Case: without, Says: "the nonce 5; got 0",
			Config: instead(func(msg *nats.Msg) bool { return len(msg.Header) == 0 && asked(msg) })},
		{Name: "reads a status header", Case: with, Says: "PROTOCOL", Config: refuse(func(h nats.Header) bool { return h.Get("Status") != "" })},
		{Name: "reads a content type", Case: with, Says: "PROTOCOL",
			Config: refuse(func(h nats.Header) bool { return h.Get("Content-Type") == "application/json" })},
		{Name: "writes twice what is traced", Case: with, Says: "what one request wrote",
			Config: fault.Received(func(msg *nats.Msg) {
				req := &agentv1.ControlRequest{}
				if msg.Header.Get("Traceparent") == "" || proto.Unmarshal(msg.Data, req) != nil || req.GetFsWrite() == nil {
					return
				}
				req.GetFsWrite().Content = bytes.Repeat(req.GetFsWrite().GetContent(), 2)
				msg.Data, _ = proto.Marshal(req)
			})},
	}
}

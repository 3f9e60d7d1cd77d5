package envelope

import (
	"bytes"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// garbage are agents that make something of bytes that are no request.
func garbage() []fault.Mutant {
	const undecodable = "envelope.undecodable/"
	all := []string{undecodable + "*"}
	anonymous := func(resp *agentv1.ControlResponse) bool {
		return resp.GetError().GetCode() == protocol && resp.GetRequestId() == ""
	}
	mended := func(msg *nats.Msg) {
		for _, b := range []string{"\xff", "\xc3"} {
			msg.Data = bytes.ReplaceAll(msg.Data, []byte(b), []byte("?"))
		}
	}
	return []fault.Mutant{
		{Name: "takes garbage for a ping", Case: undecodable + "garbage", Says: "a result of ping", Also: all,
			Config: instead(func(msg *nats.Msg) bool { return !decodes(msg.Data) })},
		{Name: "keeps silent about garbage", Case: undecodable + "garbage", Says: "a reply; got silence", Scale: soon, Also: all,
			Config: fault.Replies(func(resp *agentv1.ControlResponse) []*agentv1.ControlResponse {
				if anonymous(resp) {
					return nil
				}
				return []*agentv1.ControlResponse{resp}
			})},
		{Name: "answers garbage with garbage", Case: undecodable + "garbage", Says: "a reply that decodes", Also: all, Config: garbled(anonymous)},
		{Name: "calls garbage worth another try", Case: undecodable + "garbage", Says: "retryable false", Also: all,
			Config: errorsOf(protocol, func(e *agentv1.AgentError) { e.Retryable = true })},
		{Name: "takes long garbage for a ping", Case: undecodable + "random", Says: "a result of ping",
			Config: instead(func(msg *nats.Msg) bool { return len(msg.Data) > 1000 && !decodes(msg.Data) })},
		{Name: "answers what is left of a request", Case: undecodable + "truncated", Says: "the request_id", Also: all,
			Config: fault.Received(func(msg *nats.Msg) {
				for !decodes(msg.Data) {
					msg.Data = msg.Data[:len(msg.Data)-1]
				}
			})},
		{Name: "runs what a cut request wanted", Case: undecodable + "truncated", Says: "nothing executed from a request that was cut", Config: completing},
		{Name: "mends ids", Case: undecodable + "malformed-id", Says: "a result of ping", Also: all, Config: fault.Received(mended)},
		{Name: "mends arguments", Case: undecodable + "malformed-argument", Says: "NOT_FOUND", Also: all, Config: fault.Received(mended)},
		{Name: "loses its wits over garbage", Case: undecodable + "agent-serves-on", Says: "the nonce of a ping", Also: all, Config: losing},
	}
}

// garbled sends what does not decode in the place of replies that match.
func garbled(match func(*agentv1.ControlResponse) bool) func(*agent.Config) {
	return func(cfg *agent.Config) {
		cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
			return func(to string, data []byte) error {
				resp := &agentv1.ControlResponse{}
				if proto.Unmarshal(data, resp) == nil && match(resp) {
					data = []byte{0xff}
				}
				return next(to, data)
			}
		}
	}
}

// completing makes a whole write of one that was cut, runs it, and refuses the
// cut one all the same.
func completing(cfg *agent.Config) {
	const longest = 64
	cfg.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
		return func(msg *nats.Msg) {
			whole := bytes.Clone(msg.Data)
			for i := 0; i < longest && !decodes(whole); i++ {
				whole = append(whole, 'x')
			}
			req := &agentv1.ControlRequest{}
			if len(whole) > len(msg.Data) && proto.Unmarshal(whole, req) == nil && strings.HasSuffix(req.GetFsWrite().GetPath(), "/cut") {
				next(&nats.Msg{Subject: msg.Subject, Reply: nats.NewInbox(), Data: whole})
			}
			next(msg)
		}
	}
}

// losing takes every request for a ping after the first garbage.
func losing(cfg *agent.Config) {
	var hurt atomic.Bool
	fault.Received(func(msg *nats.Msg) {
		if !decodes(msg.Data) {
			hurt.Store(true)
		} else if hurt.Load() {
			req := &agentv1.ControlRequest{}
			_ = proto.Unmarshal(msg.Data, req)
			req.Op = &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{}}
			msg.Data, _ = proto.Marshal(req)
		}
	})(cfg)
}

// without are agents that make something of a request without an op of theirs.
func without() []fault.Mutant {
	const noOp, initiated = "envelope.no-op/", "envelope.agent-initiated/"
	opless := func(req *agentv1.ControlRequest) bool { return req.GetOp() == nil }
	answers := func(op string, answer *agentv1.ControlResponse, is func(*agentv1.ControlRequest) bool) fault.Mutant {
		return fault.Mutant{Name: "answers a request for " + op, Case: initiated + op, Says: "a result of",
			Fault: results(is, func(resp *agentv1.ControlResponse) { resp.Error, resp.Result = nil, answer.GetResult() })}
	}
	return []fault.Mutant{
		{Name: "takes nothing for a ping", Case: noOp + "empty-payload", Says: "a result of ping",
			Config: instead(func(msg *nats.Msg) bool { return len(msg.Data) == 0 })},
		{Name: "has no id without an op", Case: noOp + "id-alone", Says: "the request_id", Also: []string{noOp + "unknown-op"},
			Fault: results(opless, func(resp *agentv1.ControlResponse) { resp.RequestId = "" })},
		{Name: "calls an unknown op unsupported", Case: noOp + "unknown-op", Says: "got UNSUPPORTED", Also: []string{noOp + "*"},
			Fault: results(opless, func(resp *agentv1.ControlResponse) { resp.Error.Code = agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED })},
		answers("hello", &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Hello{Hello: &agentv1.HelloAck{}}},
			func(req *agentv1.ControlRequest) bool { return req.GetHello() != nil }),
		answers("resume", &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Resume{Resume: &agentv1.ResumeResponse{}}},
			func(req *agentv1.ControlRequest) bool { return req.GetResume() != nil }),
		answers("update-may-proceed", &agentv1.ControlResponse{Result: &agentv1.ControlResponse_UpdateMayProceed{UpdateMayProceed: &agentv1.UpdateMayProceedResponse{}}},
			func(req *agentv1.ControlRequest) bool { return req.GetUpdateMayProceed() != nil }),
	}
}

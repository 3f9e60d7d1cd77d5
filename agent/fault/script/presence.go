package script

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// presence is one agent of a run, from its Hello to its goodbye.
type presence struct {
	run   *run
	agent *agent.Agent // set before it runs
	leave context.CancelCauseFunc
	later sync.WaitGroup // upsets that are still to come
}

// handle does what the script says about a call up to its response.
func (p *presence) handle(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		a := actOf(ctx)
		if a == nil {
			return next(ctx, req)
		}
		p.run.log.Info("script: "+a.do.String(), "rule", a.rule.place, "act", a.nth,
			"op", a.op, "request", req.GetRequestId())
		if !pause(ctx, a.do.delayRequest.low) {
			return next(ctx, req) // an agent that stops says so itself
		}
		p.upset(ctx, a)
		resp := p.operate(ctx, next, req, a)
		pause(ctx, a.do.delayReply.low)
		return resp
	}
}

// operate gives a call its outcome.
func (p *presence) operate(ctx context.Context, next agent.Handler, req *agentv1.ControlRequest, a *act) *agentv1.ControlResponse {
	switch a.do.outcome {
	case fail:
		refusal, _ := proto.Clone(a.do.err).(*agentv1.AgentError)
		return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: refusal}
	case dropRequest:
		return &agentv1.ControlResponse{RequestId: req.GetRequestId()} // which reply drops
	case oversize:
		resp := next(ctx, req)
		inflate(resp, p.agent.MaxPayload())
		return resp
	default:
		return next(ctx, req)
	}
}

// reply sends a response as often as the script says.
func (p *presence) reply(next agent.ReplyFunc) agent.ReplyFunc {
	return func(ctx context.Context, to string, resp *agentv1.ControlResponse) {
		a := actOf(ctx)
		if a != nil && (a.do.outcome == dropRequest || a.do.outcome == dropReply) {
			return
		}
		next(ctx, to, resp)
		if a != nil && a.do.duplicate {
			next(ctx, to, resp)
		}
	}
}

// upset disturbs the agent now, or later while the operation runs.
func (p *presence) upset(ctx context.Context, a *act) {
	u := a.do.upset
	if u.kind == "" {
		return
	}
	p.soon(ctx, u.in.low, func() {
		switch u.kind {
		case disconnect:
			p.run.gate.cut(u.length.low)
		case drain:
			p.agent.Drain()
		case offline:
			// Before the operation, which is then refused for certain.
			p.agent.Drain()
			p.soon(ctx, u.drain.low, func() {
				p.leave(&leaving{&agent.Goodbye{Reason: u.reason}, u.length.low})
			})
		}
	})
}

// soon calls f after d, at once if that is nothing, and never once ctx, which
// ends with the agent, is over.
func (p *presence) soon(ctx context.Context, d time.Duration, f func()) {
	if d <= 0 {
		f()
		return
	}
	p.later.Go(func() {
		if pause(ctx, d) {
			f()
		}
	})
}

// inflate makes a result larger than limit: its first bytes field, as that of
// a file's content, or else a field that no revision of the protocol has.
func inflate(resp *agentv1.ControlResponse, limit int) {
	r := resp.ProtoReflect()
	field := r.WhichOneof(r.Descriptor().Oneofs().ByName("result"))
	if field == nil {
		return // an error is as small as it is
	}
	result := r.Mutable(field).Message()
	padding := make([]byte, limit+1)
	if f := firstBytes(result.Descriptor()); f != nil {
		result.Set(f, protoreflect.ValueOfBytes(append(result.Get(f).Bytes(), padding...)))
		return
	}
	const unknown = 1999
	data := protowire.AppendTag(result.GetUnknown(), unknown, protowire.BytesType)
	result.SetUnknown(protowire.AppendBytes(data, padding))
}

func firstBytes(m protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	for i := range m.Fields().Len() {
		if f := m.Fields().Get(i); f.Kind() == protoreflect.BytesKind && !f.IsList() {
			return f
		}
	}
	return nil
}

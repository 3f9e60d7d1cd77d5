package fault

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Requests changes requests for one operation before they are served, as in
// Requests(func(q *agentv1.FsReadRequest) { q.Offset = 0 }).
func Requests[Q proto.Message](edit func(q Q)) agent.Middleware {
	return Before(func(req *agentv1.ControlRequest) {
		if q, ok := member(req, "op").(Q); ok {
			edit(q)
		}
	})
}

// Results changes the results of one operation before they are sent.
func Results[Q, R proto.Message](edit func(q Q, r R)) agent.Middleware {
	return After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		q, asked := member(req, "op").(Q)
		if r, ok := member(resp, "result").(R); ok && asked {
			edit(q, r)
		}
	})
}

// Instead serves one operation in another way; nil leaves a request to the
// agent. do is the agent without the fault, for the same epoch.
func Instead[Q proto.Message](serve func(do Operate, q Q) *agentv1.ControlResponse) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			q, ok := member(req, "op").(Q)
			if !ok {
				return next(ctx, req)
			}
			resp := serve(func(op proto.Message) *agentv1.ControlResponse {
				return next(ctx, request(op, req.GetEpoch()))
			}, q)
			if resp == nil {
				return next(ctx, req)
			}
			resp.RequestId = req.GetRequestId()
			return resp
		}
	}
}

// Operate runs an operation, such as an *agentv1.ExecRequest.
type Operate func(op proto.Message) *agentv1.ControlResponse

// Failure is a response with an error of a code.
func Failure(code agentv1.ErrorCode) *agentv1.ControlResponse {
	return &agentv1.ControlResponse{Error: &agentv1.AgentError{Code: code, Message: "as a mutant does"}}
}

// Result is a response with the result of an operation, such as an
// *agentv1.ExecResponse.
func Result(r proto.Message) *agentv1.ControlResponse {
	resp := &agentv1.ControlResponse{}
	setMember(resp, "result", r)
	return resp
}

func request(op proto.Message, epoch uint32) *agentv1.ControlRequest {
	req := &agentv1.ControlRequest{Epoch: epoch}
	setMember(req, "op", op)
	return req
}

// member is what a oneof of a request or a response holds.
func member(m proto.Message, oneof protoreflect.Name) proto.Message {
	r := m.ProtoReflect()
	if f := r.WhichOneof(r.Descriptor().Oneofs().ByName(oneof)); f != nil {
		return r.Get(f).Message().Interface()
	}
	return nil
}

func setMember(m proto.Message, oneof protoreflect.Name, value proto.Message) {
	r := m.ProtoReflect()
	fields := r.Descriptor().Oneofs().ByName(oneof).Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.Message().FullName() == value.ProtoReflect().Descriptor().FullName() {
			r.Set(f, protoreflect.ValueOfMessage(value.ProtoReflect()))
			return
		}
	}
	panic(fmt.Sprintf("%T is no member of %s", value, oneof))
}

package agent

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent/internal/files"
	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// receive takes a request off the broker and hands it over. It runs on the
// subscription's only goroutine, so it never waits: not for an operation, and
// not for room (envelope.concurrent, envelope.bounded).
func (a *Agent) receive(ctx context.Context, msg *nats.Msg) {
	if msg.Reply == "" {
		a.log.Debug("request without a reply subject ignored")
		return
	}
	req := new(agentv1.ControlRequest)
	if err := proto.Unmarshal(msg.Data, req); err != nil {
		refusal := operr.New(agentv1.ErrorCode_ERROR_CODE_PROTOCOL, "the request does not decode: %v", err)
		a.reply(ctx, msg.Reply, &agentv1.ControlResponse{Error: operr.ToProto(refusal)})
		return
	}
	if a.cfg.Arrival != nil {
		ctx = a.cfg.Arrival(ctx, req)
	}
	if _, ping := req.GetOp().(*agentv1.ControlRequest_Ping); ping && a.inline {
		a.answer(ctx, msg.Reply, req)
		return
	}
	if !a.running.enter() {
		a.reply(ctx, msg.Reply, a.busy(req))
		return
	}
	work := func() {
		defer a.running.leave()
		a.answer(ctx, msg.Reply, req)
	}
	// Input to one terminal keeps its order; anything else may overtake.
	if w, ok := req.GetOp().(*agentv1.ControlRequest_PtyWrite); ok {
		a.writes.do(w.PtyWrite.GetPtyId(), work)
		return
	}
	go work()
}

// answer runs one request and sends its reply.
func (a *Agent) answer(ctx context.Context, to string, req *agentv1.ControlRequest) {
	begin := time.Now()
	var resp *agentv1.ControlResponse
	if a.inline && req.GetFsRead() != nil {
		resp = a.answerRead(ctx, to, req)
	} else {
		resp = a.guarded(ctx, req)
		a.respond(ctx, to, resp)
	}
	a.logAnswer(ctx, req, resp, time.Since(begin))
}

// answerRead is answer for a file's content, which is sent from where it was
// read: there is no seam that could keep it.
func (a *Agent) answerRead(ctx context.Context, to string, req *agentv1.ControlRequest) *agentv1.ControlResponse {
	m := new(files.Memory)
	defer m.Return()
	resp := a.guarded(files.Borrow(ctx, m, &a.buffers), req)
	if data, ok := encodeInPlace(resp, m); ok && len(data) <= a.MaxPayload() {
		a.sendReply(to, data, resp)
	} else {
		a.respond(ctx, to, resp)
	}
	return resp
}

// guarded turns a panic, and a middleware that returns nothing, into an error
// of that one request.
func (a *Agent) guarded(ctx context.Context, req *agentv1.ControlRequest) (resp *agentv1.ControlResponse) {
	defer func() {
		if p := recover(); p != nil {
			a.log.Error("operation panicked", "op", opName(req), "request", req.GetRequestId(),
				"panic", p, "stack", string(debug.Stack()))
			resp = failure(req, fmt.Errorf("the agent failed in %s", opName(req)))
		}
	}()
	if resp = a.handle(ctx, req); resp == nil {
		resp = failure(req, fmt.Errorf("the agent has no reply to %s", opName(req)))
	}
	return resp
}

// busy refuses a request that finds no room. The fence comes first even here.
func (a *Agent) busy(req *agentv1.ControlRequest) *agentv1.ControlResponse {
	if stale := a.fence(req); stale != nil {
		return failure(req, stale)
	}
	return failure(req, operr.New(agentv1.ErrorCode_ERROR_CODE_DRAINING,
		"%d operations are running already", a.cfg.MaxConcurrent).With("backpressure", "true"))
}

func failure(req *agentv1.ControlRequest, err error) *agentv1.ControlResponse {
	return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: operr.ToProto(err)}
}

// opName is the field name of the request's op, "none" without one.
func opName(req *agentv1.ControlRequest) string {
	m := req.ProtoReflect()
	if f := m.WhichOneof(m.Descriptor().Oneofs().ByName("op")); f != nil {
		return string(f.Name())
	}
	return "none"
}

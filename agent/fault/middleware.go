package fault

import (
	"context"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Before changes requests before the agent looks at them.
func Before(edit func(*agentv1.ControlRequest)) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			edit(req)
			return next(ctx, req)
		}
	}
}

// After changes responses before they are sent.
func After(edit func(*agentv1.ControlRequest, *agentv1.ControlResponse)) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			resp := next(ctx, req)
			edit(req, resp)
			return resp
		}
	}
}

// Late does what edited makes of a request before it serves the request itself,
// as an agent does that looks when it is too late. edited is a Before.
func Late(edited agent.Middleware) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			edited(func(ctx context.Context, changed *agentv1.ControlRequest) *agentv1.ControlResponse {
				if proto.Equal(changed, req) {
					return nil
				}
				return next(ctx, changed)
			})(ctx, proto.CloneOf(req))
			return next(ctx, req)
		}
	}
}

// Refuse answers requests that match with an error, and runs nothing.
func Refuse(code agentv1.ErrorCode, match func(*agentv1.ControlRequest) bool) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if match(req) {
				return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: &agentv1.AgentError{Code: code}}
			}
			return next(ctx, req)
		}
	}
}

// Recode answers errors of one code with another.
func Recode(from, to agentv1.ErrorCode) agent.Middleware {
	return EditError(from, func(e *agentv1.AgentError) { e.Code = to })
}

// EditError changes errors of one code.
func EditError(code agentv1.ErrorCode, edit func(*agentv1.AgentError)) agent.Middleware {
	return After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if e := resp.GetError(); e != nil && e.GetCode() == code {
			edit(e)
		}
	})
}

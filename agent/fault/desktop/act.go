package desktop

import (
	"context"
	"strings"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// eventless answers input without an event itself, whatever consent there is:
// with an error, or for 0 with success.
func eventless(code agentv1.ErrorCode) agent.Middleware {
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		switch r := req.GetDesktopInput(); {
		case r == nil || r.Event != nil:
		case code != 0:
			resp.Error.Code = code
		default:
			resp.Error, resp.Result = nil, &agentv1.ControlResponse_DesktopInput{DesktopInput: &agentv1.DesktopInputResponse{}}
		}
	})
}

// movesFor moves the pointer for input without an event, and answers with an
// error all the same.
func movesFor(code agentv1.ErrorCode) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			r := req.GetDesktopInput()
			if r == nil || r.Event != nil {
				return next(ctx, req)
			}
			r.Event = &agentv1.DesktopInputRequest_Pointer{Pointer: &agentv1.PointerEvent{X: 1, Y: 1}}
			next(ctx, req)
			return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: &agentv1.AgentError{Code: code}}
		}
	}
}

// actions takes one action for another.
func actions(from, to agentv1.PointerAction) agent.Middleware {
	return pointers(func(p *agentv1.PointerEvent) {
		if p.Action == from {
			p.Action = to
		}
	})
}

// clicks takes one button for another.
func clicks(from, to agentv1.PointerButton) agent.Middleware {
	return pointers(func(p *agentv1.PointerEvent) {
		if p.Button == from {
			p.Button = to
		}
	})
}

// again does something more after every input that match.
func again(match func(*agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			resp := next(ctx, req)
			if more := match(req.GetDesktopInput()); more != nil {
				next(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: more}})
			}
			return resp
		}
	}
}

func twice(next agent.Handler) agent.Handler {
	return again(func(r *agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest {
		if r.GetScroll() == nil {
			return nil
		}
		return r
	})(next)
}

func moves(next agent.Handler) agent.Handler {
	return again(func(r *agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest {
		if r.GetScroll() == nil {
			return nil
		}
		return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Pointer{Pointer: &agentv1.PointerEvent{X: 3, Y: 3}}}
	})(next)
}

func holdsShift(next agent.Handler) agent.Handler {
	return again(func(r *agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest {
		if !r.GetKey().GetIsText() {
			return nil
		}
		return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Key{
			Key: &agentv1.KeyEvent{Key: "shift", Action: agentv1.KeyAction_KEY_ACTION_DOWN},
		}}
	})(next)
}

// holdsShiftAfter leaves Shift down after keys that begin so.
func holdsShiftAfter(prefix string) agent.Middleware {
	return again(func(r *agentv1.DesktopInputRequest) *agentv1.DesktopInputRequest {
		if k := r.GetKey(); k == nil || k.IsText || !strings.HasPrefix(k.GetKey(), prefix) {
			return nil
		}
		return &agentv1.DesktopInputRequest{Event: &agentv1.DesktopInputRequest_Key{
			Key: &agentv1.KeyEvent{Key: "shift", Action: agentv1.KeyAction_KEY_ACTION_DOWN},
		}}
	})
}

// dropsUp says that it released a key.
func dropsUp(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetDesktopInput().GetKey().GetAction() != agentv1.KeyAction_KEY_ACTION_UP {
			return next(ctx, req)
		}
		return idle(next)(ctx, req)
	}
}

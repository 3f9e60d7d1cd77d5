// Package pty holds agents whose terminals are wrong: what a program sees of its
// terminal, how it is written to, resized and closed, and what reaches a viewer.
package pty

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	notFound    = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	unsupported = agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED

	// soon is the scale for what shows in nothing coming.
	soon = 0.2
)

func mutant(name, id, says string, does agent.Middleware) fault.Mutant {
	return fault.Mutant{Name: name, Case: id, Says: says, Fault: does}
}

// silent is a mutant that shows in nothing coming.
func silent(name, id, says string, does agent.Middleware) fault.Mutant {
	return fault.Mutant{Name: name, Case: id, Says: says, Fault: does, Scale: soon}
}

// wide is a mutant whose fault shows in all of its clause.
func wide(m fault.Mutant) fault.Mutant {
	m.Also = append(m.Also, m.Clause()+"/*")
	return m
}

// inTime shortens the wait for what never comes.
func inTime(m fault.Mutant) fault.Mutant {
	m.Scale = soon
	return m
}

// opening changes what terminals are asked to be.
func opening(edit func(*agentv1.PtyOpenRequest)) agent.Middleware {
	return fault.Before(func(req *agentv1.ControlRequest) {
		if r := req.GetPtyOpen(); r != nil {
			edit(r)
		}
	})
}

// opened changes what is told of new terminals.
func opened(edit func(*agentv1.PtyOpenResponse)) agent.Middleware {
	return fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetPtyOpen(); r != nil {
			edit(r)
		}
	})
}

// typing changes what is typed by pty_write.
func typing(edit func([]byte) []byte) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			r := req.GetPtyWrite()
			if r == nil {
				return next(ctx, req)
			}
			claimed := uint64(len(r.GetData()))
			r.Data = edit(r.GetData())
			resp := next(ctx, req)
			if w := resp.GetPtyWrite(); w != nil {
				w.BytesWritten = claimed
			}
			return resp
		}
	}
}

// retried opens a terminal that was refused with the code once more, changed.
func retried(code agentv1.ErrorCode, edit func(*agentv1.PtyOpenRequest)) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			resp := next(ctx, req)
			if req.GetPtyOpen() == nil || resp.GetError() == nil || resp.GetError().GetCode() != code {
				return resp
			}
			again := proto.CloneOf(req)
			edit(again.GetPtyOpen())
			return next(ctx, again)
		}
	}
}

// within runs the command of a terminal inside another one, which has it as
// "$@".
func within(script string) agent.Middleware {
	return opening(func(r *agentv1.PtyOpenRequest) {
		if len(r.GetCommand()) > 0 {
			r.Command = append([]string{"/bin/sh", "-c", script, "sh"}, r.Command...)
		}
	})
}

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant {
	return slices.Concat(kinds(), surroundings(), inputs(), ends(), closings(), relays(), outputs())
}

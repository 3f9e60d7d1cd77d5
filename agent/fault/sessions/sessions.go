// Package sessions holds agents that let the control plane's session down: what
// it promises end to end is not kept by the client alone.
package sessions

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	failedOS = agentv1.ErrorCode_ERROR_CODE_OS
)

// soon is the scale for what shows in nothing coming.
const soon = 0.3

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant {
	return slices.Concat(paths(), transports(), errorsTold(), operations(), editors(), endpoints())
}

// mutant is an agent whose fault may show in all of its clause.
func mutant(name, id, says string, does agent.Middleware) fault.Mutant {
	m := fault.Mutant{Name: name, Case: id, Says: says, Fault: does}
	m.Also = []string{m.Clause() + "/*"}
	return m
}

// writes changes what files are asked to hold.
func writes(edit func(*agentv1.FsWriteRequest)) agent.Middleware {
	return fault.Before(func(req *agentv1.ControlRequest) {
		if r := req.GetFsWrite(); r != nil {
			edit(r)
		}
	})
}

// cut loses the last byte of files of a name.
func cut(name string) agent.Middleware {
	return writes(func(r *agentv1.FsWriteRequest) {
		if strings.HasSuffix(r.GetPath(), "/"+name) && len(r.GetContent()) > 1 {
			r.Content = r.GetContent()[:len(r.GetContent())-1]
		}
	})
}

// reads changes what is read of files of a name; any, without one.
func reads(name string, edit func(content []byte) []byte) agent.Middleware {
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetFsRead(); r != nil && strings.HasSuffix(req.GetFsRead().GetPath(), name) {
			r.Content = edit(bytes.Clone(r.GetContent()))
		}
	})
}

func flipped(content []byte) []byte {
	if len(content) > 0 {
		content[len(content)-1] ^= 1
	}
	return content
}

func stats(edit func(*agentv1.FsStatResponse)) agent.Middleware {
	return fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetFsStat(); r != nil {
			edit(r)
		}
	})
}

func lists(edit func(*agentv1.FsListResponse)) agent.Middleware {
	return fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetFsList(); r != nil {
			edit(r)
		}
	})
}

// lines changes the lines that a shell is given.
func lines(edit func(*agentv1.ExecRequest)) agent.Middleware {
	return fault.Before(func(req *agentv1.ControlRequest) {
		if r := req.GetExec(); r.GetShell() && len(r.GetCommand()) == 1 {
			edit(r)
		}
	})
}

// printed changes what is told of lines that a shell ran.
func printed(edit func(*agentv1.ExecResponse)) agent.Middleware {
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if r := resp.GetExec(); r != nil && req.GetExec().GetShell() {
			edit(r)
		}
	})
}

// nothing says that it ran lines which hold a word, and does not.
func nothing(word string) agent.Middleware {
	return lines(func(r *agentv1.ExecRequest) {
		if strings.Contains(r.GetCommand()[0], word) {
			r.Command[0] = ":"
		}
	})
}

// hasty answers a line when it has only begun.
func hasty(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if !req.GetExec().GetShell() {
			return next(ctx, req)
		}
		go next(ctx, proto.CloneOf(req))
		return &agentv1.ControlResponse{RequestId: req.GetRequestId(),
			Result: &agentv1.ControlResponse_Exec{Exec: &agentv1.ExecResponse{}}}
	}
}

// underRoot takes absolute paths of one operation for relative ones.
func underRoot(path func(*agentv1.ControlRequest) *string) agent.Middleware {
	return fault.Before(func(req *agentv1.ControlRequest) {
		if p := path(req); p != nil {
			*p = strings.TrimPrefix(*p, "/")
		}
	})
}

// mixed answers each read with what the one before it found.
func mixed() agent.Middleware {
	var last atomic.Pointer[[]byte]
	return reads("nnn", func(content []byte) []byte {
		if before := last.Swap(&content); before != nil {
			return *before
		}
		return content
	})
}

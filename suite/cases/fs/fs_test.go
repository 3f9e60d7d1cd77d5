package fs_test

import (
	"context"
	"os"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

const (
	notFound = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	osError  = agentv1.ErrorCode_ERROR_CODE_OS
)

type (
	response = agentv1.ControlResponse
	reads    = agentv1.FsReadRequest
	writes   = agentv1.FsWriteRequest
	lists    = agentv1.FsListRequest
	mkdirs   = agentv1.FsMkdirRequest
	moves    = agentv1.FsMoveRequest
	stats    = agentv1.FsStatRequest
	removes  = agentv1.FsRemoveRequest
)

// operate is the agent without its fault.
type operate func(proto.Message) *response

func mutant(id, name, says string, fault agent.Middleware) trial.Mutant {
	return trial.Mutant{Name: name, Case: id, Says: says, Fault: fault}
}

// member is what a oneof of a request or a response holds.
func member(m proto.Message, oneof protoreflect.Name) proto.Message {
	r := m.ProtoReflect()
	if f := r.WhichOneof(r.Descriptor().Oneofs().ByName(oneof)); f != nil {
		return r.Get(f).Message().Interface()
	}
	return nil
}

// before changes requests before they are served.
func before[Q proto.Message](edit func(Q)) agent.Middleware {
	return trial.Before(func(req *agentv1.ControlRequest) {
		if q, ok := member(req, "op").(Q); ok {
			edit(q)
		}
	})
}

// after changes results before they are sent.
func after[Q, R proto.Message](edit func(Q, R)) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *response) {
		q, asked := member(req, "op").(Q)
		if r, ok := member(resp, "result").(R); ok && asked {
			edit(q, r)
		}
	})
}

// instead serves requests in another way; nil leaves one to the agent.
func instead[Q proto.Message](serve func(do operate, q Q) *response) agent.Middleware {
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *response {
			q, ok := member(req, "op").(Q)
			if !ok {
				return next(ctx, req)
			}
			resp := serve(func(op proto.Message) *response { return next(ctx, engine.NewRequest(op)) }, q)
			if resp == nil {
				return next(ctx, req)
			}
			resp.RequestId = req.GetRequestId()
			return resp
		}
	}
}

// excused answers refusals of one code with a result.
func excused[Q proto.Message](code agentv1.ErrorCode, result func(Q) *response) agent.Middleware {
	return instead(func(do operate, q Q) *response {
		if resp := do(q); resp.GetError() == nil || resp.GetError().GetCode() != code {
			return resp
		}
		return result(q)
	})
}

// entries changes the entries of stats and lists.
func entries(edit func(path string, e *agentv1.FsEntry)) agent.Middleware {
	return trial.After(func(req *agentv1.ControlRequest, resp *response) {
		if e := resp.GetFsStat().GetEntry(); e != nil {
			edit(req.GetFsStat().GetPath(), e)
		}
		for _, e := range resp.GetFsList().GetEntries() {
			edit(req.GetFsList().GetPath(), e)
		}
	})
}

func failure(code agentv1.ErrorCode) *response {
	return &response{Error: &agentv1.AgentError{Code: code, Message: "as a mutant does"}}
}

func written(n int) *response {
	return &response{Result: &agentv1.ControlResponse_FsWrite{FsWrite: &agentv1.FsWriteResponse{BytesWritten: uint64(n)}}}
}

func listed(entries ...*agentv1.FsEntry) *response {
	return &response{Result: &agentv1.ControlResponse_FsList{FsList: &agentv1.FsListResponse{Entries: entries}}}
}

func content(b []byte) *response {
	return &response{Result: &agentv1.ControlResponse_FsRead{FsRead: &agentv1.FsReadResponse{Content: b, TotalSize: uint64(len(b))}}}
}

func made() *response {
	return &response{Result: &agentv1.ControlResponse_FsMkdir{FsMkdir: &agentv1.FsMkdirResponse{}}}
}

func moved() *response {
	return &response{Result: &agentv1.ControlResponse_FsMove{FsMove: &agentv1.FsMoveResponse{}}}
}

func removed() *response {
	return &response{Result: &agentv1.ControlResponse_FsRemove{FsRemove: &agentv1.FsRemoveResponse{}}}
}

func absent() *response {
	return &response{Result: &agentv1.ControlResponse_FsStat{FsStat: &agentv1.FsStatResponse{}}}
}

// kind is the kind of what has the path, 0 for nothing.
func (do operate) kind(path string) agentv1.FsEntryKind {
	return do(&stats{Path: path}).GetFsStat().GetEntry().GetKind()
}

func (do operate) read(path string) []byte {
	return do(&reads{Path: path}).GetFsRead().GetContent()
}

func (do operate) list(path string, recursive bool) []*agentv1.FsEntry {
	return do(&lists{Path: path, Recursive: recursive}).GetFsList().GetEntries()
}

func (do operate) remove(path string) *response {
	return do(&removes{Path: path, Recursive: true})
}

const (
	kindDirectory = agentv1.FsEntryKind_FS_ENTRY_KIND_DIRECTORY
	kindSymlink   = agentv1.FsEntryKind_FS_ENTRY_KIND_SYMLINK
	kindFile      = agentv1.FsEntryKind_FS_ENTRY_KIND_FILE
)

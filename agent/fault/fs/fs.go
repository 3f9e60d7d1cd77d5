// Package fs holds agents that read, write, list, move and remove in another
// way than the specification has it.
package fs

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant {
	return slices.Concat(entryMutants(), readMutants(), listMutants(), writeMutants(), modeMutants(), moveMutants(), removeMutants())
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
type operate fault.Operate

// before changes requests before they are served.
func before[Q proto.Message](edit func(Q)) agent.Middleware { return fault.Requests(edit) }

// after changes results before they are sent.
func after[Q, R proto.Message](edit func(Q, R)) agent.Middleware { return fault.Results(edit) }

// instead serves requests in another way; nil leaves one to the agent.
func instead[Q proto.Message](serve func(do operate, q Q) *response) agent.Middleware {
	return fault.Instead(func(do fault.Operate, q Q) *response { return serve(operate(do), q) })
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
	return fault.After(func(req *agentv1.ControlRequest, resp *response) {
		if e := resp.GetFsStat().GetEntry(); e != nil {
			edit(req.GetFsStat().GetPath(), e)
		}
		for _, e := range resp.GetFsList().GetEntries() {
			edit(req.GetFsList().GetPath(), e)
		}
	})
}

func failure(code agentv1.ErrorCode) *response { return fault.Failure(code) }

func written(n int) *response { return fault.Result(&agentv1.FsWriteResponse{BytesWritten: uint64(n)}) }

func listed(entries ...*agentv1.FsEntry) *response {
	return fault.Result(&agentv1.FsListResponse{Entries: entries})
}

func content(b []byte) *response {
	return fault.Result(&agentv1.FsReadResponse{Content: b, TotalSize: uint64(len(b))})
}

func made() *response    { return fault.Result(&agentv1.FsMkdirResponse{}) }
func moved() *response   { return fault.Result(&agentv1.FsMoveResponse{}) }
func removed() *response { return fault.Result(&agentv1.FsRemoveResponse{}) }
func absent() *response  { return fault.Result(&agentv1.FsStatResponse{}) }

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

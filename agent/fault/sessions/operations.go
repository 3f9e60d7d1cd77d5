package sessions

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func operations() []fault.Mutant {
	const (
		streams = "session.op.exec/streams-and-exit-code"
		bytes8  = "session.op.strings-as-bytes/output-and-content"
		write   = "session.op.write-file/append-and-parents"
		types   = "session.op.list-dir/types"
		exists  = "session.op.path-exists/yes-and-no"
	)
	utf8 := func(b []byte) []byte { return bytes.ToValidUTF8(b, []byte("\uFFFD")) }
	const link = agentv1.FsEntryKind_FS_ENTRY_KIND_SYMLINK
	return []fault.Mutant{
		mutant("calls every line a success", streams, "the exit code 3", printed(func(r *agentv1.ExecResponse) { r.ExitCode = 0 })),
		mutant("trims a line's output", streams, "want stdout", printed(func(r *agentv1.ExecResponse) { r.Stdout = bytes.TrimSpace(r.GetStdout()) })),
		mutant("drops a line's errors", streams, "want stderr", printed(func(r *agentv1.ExecResponse) { r.Stderr = nil })),
		mutant("calls every failure a timeout", streams, "timed out false", printed(func(r *agentv1.ExecResponse) { r.TimedOut = r.GetExitCode() != 0 })),
		mutant("squeezes blanks in a line", "session.op.exec/is-a-shell-line", "want stdout",
			lines(func(r *agentv1.ExecRequest) { r.Command[0] = strings.Join(strings.Fields(r.Command[0]), " ") })),
		mutant("makes text of files", bytes8, "the file of 1000 bytes", reads("odd.bin", utf8)),
		mutant("makes text of output", bytes8, "the command's output", printed(func(r *agentv1.ExecResponse) { r.Stdout = utf8(r.GetStdout()) })),
		mutant("reads whole files only", "session.op.read-file/max-bytes", "the first bytes", fault.Before(func(req *agentv1.ControlRequest) {
			if r := req.GetFsRead(); r != nil {
				r.Length = 0
			}
		})),
		mutant("makes parents that nobody wants", write, "ErrNotExist; got none", writes(func(r *agentv1.FsWriteRequest) { r.CreateParents = true })),
		mutant("overwrites what is appended to", write, "the file's content", writes(func(r *agentv1.FsWriteRequest) { r.Append = false })),
		mutant("counts more than it wrote", write, "bytes written 4", fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
			if r := resp.GetFsWrite(); r != nil {
				r.BytesWritten++
			}
		})),
		mutant("hides links from sessions", types, "entries 3", lists(func(r *agentv1.FsListResponse) {
			r.Entries = slices.DeleteFunc(r.GetEntries(), func(e *agentv1.FsEntry) bool { return e.GetKind() == link })
		})),
		mutant("takes links for files", types, "the type of link", lists(func(r *agentv1.FsListResponse) {
			for _, e := range r.GetEntries() {
				if e.GetKind() == link {
					e.Kind = agentv1.FsEntryKind_FS_ENTRY_KIND_FILE
				}
			}
		})),
		mutant("finds no path", exists, "here true", stats(func(r *agentv1.FsStatResponse) { r.Exists, r.Entry = false, nil })),
		mutant("finds every path", exists, "there false", stats(func(r *agentv1.FsStatResponse) {
			if !r.GetExists() {
				r.Exists, r.Entry = true, &agentv1.FsEntry{Name: "there"}
			}
		})),
		mutant("changes a byte of a picture", "session.op.view-image/by-its-bytes", "the picture", reads("picture.txt", flipped)),
	}
}

func editors() []fault.Mutant {
	const content, editor = "the file's content", "session.editor."
	return []fault.Mutant{
		mutant("loses the end of a new file", editor+"create/new-file-with-parents", content, cut("f.txt")),
		mutant("sees no file in the way", editor+"create/refuses-an-existing-path", "fs.ErrExist",
			stats(func(r *agentv1.FsStatResponse) { r.Exists, r.Entry = false, nil })),
		mutant("loses the end of an update", editor+"update/applies-the-diff", content, writes(func(r *agentv1.FsWriteRequest) {
			r.Content = bytes.ReplaceAll(r.GetContent(), []byte("zwei\n"), nil)
		})),
		mutant("changes what it is asked to read", editor+"all-or-nothing/keeps-the-file", content, touching),
		mutant("leaves the old path of a move", editor+"move/leaves-one-file", "nothing at the old path", removesNothing()),
		mutant("loses a file that moves onto itself", editor+"move/onto-itself-is-none", content, writes(func(r *agentv1.FsWriteRequest) {
			r.Content = bytes.ReplaceAll(r.GetContent(), []byte("eins\n"), nil)
		})),
		mutant("deletes nothing", editor+"delete/odd-names-and-only-them", "the file deleted", removesNothing()),
	}
}

// removesNothing says that it removed, by a line or by an operation.
func removesNothing() agent.Middleware {
	byLine := nothing("rm ")
	return func(next agent.Handler) agent.Handler {
		run := byLine(next)
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if req.GetFsRemove() == nil {
				return run(ctx, req)
			}
			return &agentv1.ControlResponse{RequestId: req.GetRequestId(),
				Result: &agentv1.ControlResponse_FsRemove{FsRemove: &agentv1.FsRemoveResponse{}}}
		}
	}
}

// touching adds a line to a file that is read.
func touching(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		resp := next(ctx, req)
		if resp.GetFsRead() != nil && strings.HasSuffix(req.GetFsRead().GetPath(), "f.txt") {
			next(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsWrite{
				FsWrite: &agentv1.FsWriteRequest{Path: req.GetFsRead().GetPath(), Content: []byte("\n"), Append: true},
			}})
		}
		return resp
	}
}

func endpoints() []fault.Mutant {
	const query = "session.endpoint.query/"
	var once sync.Once
	var first *agentv1.PtyOpenResponse
	opened := func(edit func(*agentv1.PtyOpenResponse)) agent.Middleware {
		return fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
			if r := resp.GetPtyOpen(); r != nil {
				edit(r)
			}
		})
	}
	return []fault.Mutant{
		mutant("refuses a terminal to a session", query+"terminal-routing-key", "resolving the terminal's port to succeed",
			fault.Refuse(failedOS, func(req *agentv1.ControlRequest) bool { return req.GetPtyOpen() != nil })),
		mutant("shares one terminal among sessions", "session.endpoint.fresh-terminal/two-calls-two-terminals", "two channels",
			opened(func(r *agentv1.PtyOpenResponse) {
				once.Do(func() { first = proto.CloneOf(r) })
				r.PtyId, r.Channel = first.GetPtyId(), first.GetChannel()
			})),
		mutant("refuses its desktop to a session", query+"desktop-routing-key", "resolving the desktop's port to succeed",
			fault.Refuse(failedOS, func(req *agentv1.ControlRequest) bool { return req.GetDesktopEnsure() != nil })),
	}
}

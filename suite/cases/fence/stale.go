package fence

import (
	"context"
	"strconv"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
)

// staleCases are about what a stale request gets, and about the trace that it
// must not leave.
func staleCases() []engine.Case {
	cases := []engine.Case{
		{
			ID:      "fence.stale/every-operation",
			Clause:  "fence.stale",
			Explain: "One operation that forgets the fence is the one through which an evicted control plane damages a machine.",
			Try:     "fakeagent run --epoch 7; fakeagent call --epoch 6 ls",
			Run:     staleEveryOperation,
		},
		{
			ID:      "fence.stale/every-older-epoch",
			Clause:  "fence.stale",
			Explain: "All older leases are over, the first as well as the one just before this.",
			Try:     "fakeagent run --epoch 7; fakeagent call --epoch 1 ls",
			Run:     staleEveryEpoch,
		},
		{
			ID:      "fence.stale/retryable",
			Clause:  "fence.stale",
			Explain: "The caller is meant to fetch the lease again and retry; told otherwise it gives the machine up.",
			Run:     staleRetryable,
		},
		{
			ID:      "fence.stale/details",
			Clause:  "fence.stale",
			Explain: "Both epochs in the error tell the one who looks at it who was behind, and how far.",
			Try:     "fakeagent run --epoch 7; fakeagent call --epoch 6 ping",
			Run:     staleDetails,
		},
		{
			ID:      "fence.stale/a-command-does-not-run",
			Clause:  "fence.stale",
			Explain: "A command that was started before the fence was asked has done its work, whatever the reply says.",
			Try:     "fakeagent run --epoch 7; fakeagent call --epoch 6 exec 'touch ran'; fakeagent call stat ran",
			Run:     staleCommand,
		},
	}
	for _, f := range fileOperations() {
		cases = append(cases, engine.Case{ID: f.id, Clause: "fence.stale", Explain: f.explain, Run: f.leavesNoTrace})
	}
	return cases
}

// fileOperation is a stale operation on a path whose state can be compared.
type fileOperation struct {
	id, explain string
	before      string // the file's content; empty means that nothing is there
	op          func(name string) proto.Message
	trace       string // what a trace would look like
}

func fileOperations() []fileOperation {
	return []fileOperation{
		{
			id:      "fence.stale/a-write-creates-nothing",
			explain: "A file that appears although its writer was told no is the split brain that the fence exists for.",
			op:      func(name string) proto.Message { return &agentv1.FsWriteRequest{Path: name, Content: []byte("stale")} },
			trace:   "a file",
		},
		{
			id:      "fence.stale/a-write-changes-nothing",
			explain: "The new holder's content must survive the old holder's last write.",
			before:  "kept",
			op:      func(name string) proto.Message { return &agentv1.FsWriteRequest{Path: name, Content: []byte("stale")} },
			trace:   "other content",
		},
		{
			id:      "fence.stale/an-append-adds-nothing",
			explain: "An append is the write that cannot be repeated to mend it.",
			before:  "kept",
			op: func(name string) proto.Message {
				return &agentv1.FsWriteRequest{Path: name, Content: []byte("stale"), Append: true}
			},
			trace: "other content",
		},
		{
			id:      "fence.stale/a-remove-removes-nothing",
			explain: "What was removed before the fence was asked does not come back.",
			before:  "kept",
			op:      func(name string) proto.Message { return &agentv1.FsRemoveRequest{Path: name, Recursive: true} },
			trace:   "no file",
		},
		{
			id:      "fence.stale/a-move-moves-nothing",
			explain: "A move behind the new holder's back takes a file from under it.",
			before:  "kept",
			op: func(name string) proto.Message {
				return &agentv1.FsMoveRequest{From: name, To: name + ".moved", Overwrite: true}
			},
			trace: "no file",
		},
		{
			id:      "fence.stale/a-mkdir-creates-nothing",
			explain: "Even an empty directory can be a lock, or a workspace taken.",
			op:      func(name string) proto.Message { return &agentv1.FsMkdirRequest{Path: name, Parents: true} },
			trace:   "a directory",
		},
	}
}

// fenced sends a request that must be refused as stale.
func fenced(ctx context.Context, t *engine.T, req *agentv1.ControlRequest) *agentv1.AgentError {
	return t.WantError(t.Do(ctx, req), agentv1.ErrorCode_ERROR_CODE_FENCED)
}

// operations are requests of every kind that an agent could be sent; in a
// directory where nothing exists none of them changes anything.
func operations(ctx context.Context, t *engine.T) []engine.Attempt {
	name := t.Path(ctx, "missing", "file")
	return []engine.Attempt{
		{What: "a stale ping", Op: &agentv1.PingRequest{}},
		{What: "a stale exec", Op: &agentv1.ExecRequest{Command: t.Helper(ctx, "exit", "0")}},
		{What: "a stale fs_read", Op: &agentv1.FsReadRequest{Path: name}},
		{What: "a stale fs_write", Op: &agentv1.FsWriteRequest{Path: name}},
		{What: "a stale fs_list", Op: &agentv1.FsListRequest{Path: name}},
		{What: "a stale fs_mkdir", Op: &agentv1.FsMkdirRequest{Path: name}},
		{What: "a stale fs_move", Op: &agentv1.FsMoveRequest{From: name, To: name + ".moved"}},
		{What: "a stale fs_stat", Op: &agentv1.FsStatRequest{Path: name}},
		{What: "a stale fs_remove", Op: &agentv1.FsRemoveRequest{Path: name}},
		{What: "a stale git", Op: &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_STATUS, Cwd: name}},
		{What: "a stale metrics", Op: &agentv1.MetricsRequest{}},
		{What: "a stale pty_open", Op: &agentv1.PtyOpenRequest{Command: t.Helper(ctx, "exit", "0")}},
		{What: "a stale pty_write", Op: &agentv1.PtyWriteRequest{PtyId: "none"}},
		{What: "a stale pty_resize", Op: &agentv1.PtyResizeRequest{PtyId: "none"}},
		{What: "a stale pty_close", Op: &agentv1.PtyCloseRequest{PtyId: "none"}},
		{What: "a stale desktop_ensure", Op: &agentv1.DesktopEnsureRequest{}},
		{What: "a stale desktop_screenshot", Op: &agentv1.DesktopScreenshotRequest{}},
	}
}

func staleEveryOperation(ctx context.Context, t *engine.T) {
	epoch := held(t) - 1
	for _, a := range operations(ctx, t) {
		resp := t.Do(ctx, at(epoch, a.Op))
		t.Check(resp.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_FENCED,
			"the error FENCED for "+a.What, "%s", engine.Outcome(resp))
	}
}

func staleEveryEpoch(ctx context.Context, t *engine.T) {
	for _, epoch := range []uint32{1, held(t) / 2, held(t) - 1} {
		fenced(ctx, t, at(epoch, &agentv1.FsStatRequest{}))
	}
}

func staleRetryable(ctx context.Context, t *engine.T) {
	e := fenced(ctx, t, at(held(t)-1, &agentv1.FsStatRequest{}))
	engine.Equal(t, "retryable", e.GetRetryable(), true)
}

func staleDetails(ctx context.Context, t *engine.T) {
	epoch := held(t)
	detail := fenced(ctx, t, at(epoch-1, &agentv1.FsStatRequest{})).GetDetail()
	engine.Equal(t, "the detail op_epoch", detail["op_epoch"], strconv.FormatUint(uint64(epoch-1), 10))
	engine.Equal(t, "the detail held_epoch", detail["held_epoch"], strconv.FormatUint(uint64(epoch), 10))
}

// leavesNoTrace compares the path before and after the operation was fenced.
func (f fileOperation) leavesNoTrace(ctx context.Context, t *engine.T) {
	const want = "no trace of an operation that was fenced"
	name := t.Path(ctx, "target")
	if f.before != "" {
		t.Given().Write(ctx, name, []byte(f.before))
	}
	if t.Given().Exists(ctx, name) != (f.before != "") {
		t.Given().Fatalf("an agent that tells what exists", "one that does not")
	}
	fenced(ctx, t, at(held(t)-1, f.op(name)))
	t.Settle(ctx)
	given := t.Given()
	exists := given.Exists(ctx, name)
	if !t.Check(exists == (f.before != ""), want, "%s", f.trace) {
		return
	}
	if exists {
		content, _ := t.Look(ctx, name)
		t.Check(string(content) == f.before, want, "%s", f.trace)
	}
}

func staleCommand(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "report.json")
	fenced(ctx, t, at(held(t)-1, &agentv1.ExecRequest{
		Command: t.Helper(ctx, "report", "--file", t.Abs(ctx, name)), Cwd: t.Dir(ctx), TimeoutMs: 10_000,
	}))
	t.Settle(ctx)
	_, there := t.Look(ctx, name)
	t.Check(!there, "no trace of a command that was fenced", "the file that it writes")
}

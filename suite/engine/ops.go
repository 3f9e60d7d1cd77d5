package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/wire"
)

// The operations that cases use most, each ending the case when the agent
// answers with an error. Paths are the wire's: relative to the agent's root,
// or absolute.

// Ping sends a ping and returns its result.
func (t *T) Ping(ctx context.Context, nonce uint64) *agentv1.PingResponse {
	return Must[*agentv1.PingResponse](ctx, t, &agentv1.PingRequest{Nonce: nonce})
}

// Exec runs a command and returns its result. It waits as long as the case
// may.
func (t *T) Exec(ctx context.Context, req *agentv1.ExecRequest) *agentv1.ExecResponse {
	return MustOf[*agentv1.ExecResponse](t, t.Start(wire.NewRequest(req)).Response(ctx, t.execLimit(req)))
}

// execLimit gives a command its own time and the usual one on top.
func (t *T) execLimit(req *agentv1.ExecRequest) time.Duration {
	return t.Scale(wire.OpLimit) + t.kase.Idle + time.Duration(req.GetTimeoutMs())*time.Millisecond
}

// Read reads a whole file.
func (t *T) Read(ctx context.Context, name string) []byte {
	return Must[*agentv1.FsReadResponse](ctx, t, &agentv1.FsReadRequest{Path: name}).GetContent()
}

// Write creates or replaces a file, and its parents.
func (t *T) Write(ctx context.Context, name string, content []byte) {
	Must[*agentv1.FsWriteResponse](ctx, t, &agentv1.FsWriteRequest{Path: name, Content: content, CreateParents: true})
}

// Mkdir creates a directory and its parents.
func (t *T) Mkdir(ctx context.Context, name string) {
	Must[*agentv1.FsMkdirResponse](ctx, t, &agentv1.FsMkdirRequest{Path: name, Parents: true})
}

// Stat returns the entry, or nil for a path that does not exist. An answer that says
// both is the matter of fs.stat.missing, and blocks other cases.
func (t *T) Stat(ctx context.Context, name string) *agentv1.FsEntry {
	r := Must[*agentv1.FsStatResponse](ctx, t, &agentv1.FsStatRequest{Path: name})
	t.Given().Check(r.GetExists() == (r.GetEntry() != nil), "an entry exactly when the path exists", "exists=%v and entry=%v", r.GetExists(), r.GetEntry() != nil)
	return r.GetEntry()
}

// Exists tells whether the path exists.
func (t *T) Exists(ctx context.Context, name string) bool { return t.Stat(ctx, name) != nil }

// List lists a directory.
func (t *T) List(ctx context.Context, name string, recursive bool) []*agentv1.FsEntry {
	return Must[*agentv1.FsListResponse](ctx, t, &agentv1.FsListRequest{Path: name, Recursive: recursive}).GetEntries()
}

// Remove removes a path and everything below it.
func (t *T) Remove(ctx context.Context, name string) {
	Must[*agentv1.FsRemoveResponse](ctx, t, &agentv1.FsRemoveRequest{Path: name, Recursive: true})
}

// Dir is a directory of the case's own, relative to the agent's root. It is
// made on the first call and removed after the case.
func (t *T) Dir(ctx context.Context) string {
	t.mu.Lock()
	dir := t.dir
	t.mu.Unlock()
	if dir != "" {
		return dir
	}
	dir = t.inst.CaseDir(t.kase.ID)
	t.PutDir(ctx, dir)
	t.mu.Lock()
	t.dir = dir
	t.mu.Unlock()
	if t.kase.Launch == nil {
		t.Cleanup(func(ctx context.Context) {
			resp, err := t.notify(ctx, &agentv1.FsRemoveRequest{Path: dir, Recursive: true})
			if err != nil {
				t.Logf("the case's directory could not be removed: %v", err)
				return
			}
			t.mu.Lock()
			defer t.mu.Unlock()
			t.removed = resp.GetFsRemove() != nil && resp.GetError() == nil
		})
	}
	return dir
}

// Path is a path in the case's own directory, relative to the agent's root.
func (t *T) Path(ctx context.Context, elem ...string) string {
	return path.Join(append([]string{t.Dir(ctx)}, elem...)...)
}

// File makes a file in the case's own directory and returns its path.
func (t *T) File(ctx context.Context, name, content string) string {
	p := t.Path(ctx, name)
	t.Put(ctx, p, []byte(content))
	return p
}

// Folder makes a directory in the case's own directory and returns its path.
func (t *T) Folder(ctx context.Context, name string) string {
	p := t.Path(ctx, name)
	t.PutDir(ctx, p)
	return p
}

// Abs is the absolute form of a path that is relative to the agent's root.
func (t *T) Abs(ctx context.Context, rel string) string { return path.Join(t.Root(ctx), rel) }

// helperCause is the cause of failures of the helper program.
const helperCause = "helper"

// helperLimitMs ends a helper that hangs. It is far above what any takes, so
// that a machine under load breaks nothing.
const helperLimitMs = 60_000

// Run runs the helper in the case's own directory and returns how it ended.
func (t *T) Run(ctx context.Context, args ...string) *agentv1.ExecResponse {
	return t.Exec(ctx, &agentv1.ExecRequest{Command: t.Helper(ctx, args...), Cwd: t.Dir(ctx), TimeoutMs: helperLimitMs})
}

// Settle brings to light what an agent does behind its replies, or without
// one: it lets the agent begin and finish other work in between.
func (t *T) Settle(ctx context.Context) {
	given := t.Given()
	given.Run(ctx, "exit", "0")
	for range 10 {
		given.Ping(ctx, 0)
	}
}

// Probe runs the helper beside the agent and decodes what it reports. A helper
// that fails is a case that cannot see, not a verdict: it blocks.
func Probe[V any](ctx context.Context, t *T, args ...string) V {
	return Decode[V](t, t.RunHelper(ctx, args...))
}

// Decode decodes the report of a helper that was run.
func Decode[V any](t *T, r *agentv1.ExecResponse) V {
	var v V
	given := t.Given()
	if r.GetExitCode() != 0 {
		given.fatal(helperCause, "a helper that runs", fmt.Sprintf("exit code %d, stderr %q", r.GetExitCode(), around(r.GetStderr(), 0)))
	}
	if err := json.Unmarshal(r.GetStdout(), &v); err != nil {
		given.fatal(helperCause, "a helper's report in JSON", err.Error())
	}
	return v
}

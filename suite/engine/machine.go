package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/helper"
	"agentproof/suite/record"
	"agentproof/suite/wire"
)

// uploadChunk is below any broker's default limit of 1 MiB, envelope included.
const uploadChunk = 512 << 10

// Root is the absolute workspace root: what the Hello said, or where an empty
// cwd leads when no Hello was seen.
func (t *T) Root(ctx context.Context) string {
	root := t.inst.Root()
	if root != "" {
		return root
	}
	if hello := t.inst.Hello(); hello != nil {
		root = hello.GetWorkspaceRoot()
	} else {
		r := t.Given().Exec(ctx, &agentv1.ExecRequest{Command: []string{"pwd"}, Shell: true, TimeoutMs: helperLimitMs})
		root = strings.TrimSuffix(string(r.GetStdout()), "\n")
	}
	if !strings.HasPrefix(root, "/") {
		t.Given().Fatalf("an absolute workspace root", "%q", root)
	}
	t.inst.LearnRoot(root)
	return root
}

// Helper is the argv that runs the helper with args on the agent's machine:
// this program in place when the agent sees the same files, a copy that was
// uploaded through the agent otherwise.
func (t *T) Helper(ctx context.Context, args ...string) []string {
	argv := t.inst.HelperArgv(func() []string {
		program := t.set.HelperProgram
		if t.set.UploadHelper || !t.sees(ctx) {
			program = t.upload(ctx)
		}
		return []string{program, helper.Command}
	})
	return append(argv[:len(argv):len(argv)], args...)
}

// sees finds out whether the agent sees the runner's files, by showing it one
// that nobody else could have.
func (t *T) sees(ctx context.Context) bool {
	if t.inst.LocalRoot() != "" {
		return true
	}
	nonce := rand.Text()
	name := filepath.Join(os.TempDir(), "agentproof-here-"+nonce)
	if err := os.WriteFile(name, []byte(nonce), 0o644); err != nil {
		t.Harness(fmt.Errorf("leave a file for the agent to find: %w", err))
	}
	defer os.Remove(name)
	resp := t.Call(ctx, &agentv1.FsReadRequest{Path: name})
	return string(resp.GetFsRead().GetContent()) == nonce
}

// upload copies this program to the agent's machine.
func (t *T) upload(ctx context.Context) string {
	f, err := os.Open(t.set.HelperProgram)
	if err != nil {
		t.Harness(fmt.Errorf("open the helper program: %w", err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Harness(fmt.Errorf("read the helper program: %w", err))
	}
	size := info.Size()
	given := t.Given()
	name := t.inst.HelperPath()
	part := name + "." + rand.Text()[:8]
	buf := make([]byte, uploadChunk)
	for off := int64(0); off < size; {
		n, err := f.ReadAt(buf, off)
		if n == 0 {
			t.Harness(fmt.Errorf("read the helper program: %w", err))
		}
		Must[*agentv1.FsWriteResponse](ctx, given, &agentv1.FsWriteRequest{
			Path: part, Content: buf[:n], CreateParents: true, Append: off > 0, Mode: 0o755,
		})
		off += int64(n)
	}
	// The rename makes it visible whole, also to cases that run beside this one.
	Must[*agentv1.FsMoveResponse](ctx, given, &agentv1.FsMoveRequest{From: part, To: name, Overwrite: true})
	return given.Abs(ctx, name)
}

// notify is instance.Notify for what belongs to a case. It returns the reply.
func (t *T) notify(ctx context.Context, op proto.Message) (*agentv1.ControlResponse, error) {
	payload, err := proto.Marshal(wire.NewRequest(op))
	if err != nil {
		return nil, err
	}
	data, err := t.exchange(ctx, record.Sending{Payload: payload, Header: t.header(), Valid: true, Aside: true}, t.Scale(wire.OpLimit))
	if err != nil {
		return nil, err
	}
	resp := &agentv1.ControlResponse{}
	return resp, proto.Unmarshal(data, resp)
}

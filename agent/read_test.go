package agent_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func readRequest(path string) *agentv1.ControlRequest {
	return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsRead{FsRead: &agentv1.FsReadRequest{Path: path}}}
}

// Contents are read into buffers that later reads use again.
func TestAReadDoesNotChangeAnEarlierOne(t *testing.T) {
	t.Parallel()
	kept := make(chan *agentv1.ControlResponse, 3)
	keep := func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			resp := next(ctx, req)
			kept <- resp
			return resp
		}
	}
	for name, middleware := range map[string][]agent.Middleware{
		"at its caller":                 nil,
		"at a middleware that keeps it": {keep},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(c *agent.Config) { c.Middleware = middleware })
			want := make(map[string][]byte)
			for _, name := range []string{"a", "b", "c"} {
				want[name] = bytes.Repeat([]byte(name), 100_000)
				if err := os.WriteFile(filepath.Join(s.root, name), want[name], 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got := make(map[string]*agentv1.ControlResponse)
			for name := range want {
				got[name] = s.call(readRequest(name))
			}
			for name, content := range want {
				if !bytes.Equal(got[name].GetFsRead().GetContent(), content) {
					t.Errorf("the content of %s is not what the file holds", name)
				}
			}
		})
	}
	seen := make(map[string]bool)
	for range cap(kept) {
		content := (<-kept).GetFsRead().GetContent()
		if len(content) != 100_000 || !bytes.Equal(content, bytes.Repeat(content[:1], len(content))) {
			t.Fatalf("a kept response has %d bytes of content, want it as it was", len(content))
		}
		seen[string(content[:1])] = true
	}
	if len(seen) != cap(kept) {
		t.Errorf("kept responses share their content: only %v are left", seen)
	}
}

// A large content is encoded where it was read, if its envelope finds room.
func TestALargeReadIsAnsweredUnderAnyID(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	if err := os.WriteFile(filepath.Join(s.root, "large"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{36, 200, 250, 300, 10_000} {
		req := readRequest("large")
		req.GetFsRead().Offset = 10
		req.RequestId = strings.Repeat("i", size)
		resp := s.call(req)
		if got := resp.GetFsRead(); !bytes.Equal(got.GetContent(), content[10:]) || got.GetTotalSize() != uint64(len(content)) {
			t.Errorf("under an id of %d bytes: %d bytes of %d", size, len(got.GetContent()), got.GetTotalSize())
		}
	}
}

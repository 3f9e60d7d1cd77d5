package agent_test

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestEveryOperationIsServed(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	// In this order: each finds what those before it made.
	steps := []struct {
		name string
		req  *agentv1.ControlRequest
		ok   func(*agentv1.ControlResponse) bool
	}{
		{"ping", pingRequest(5), func(r *agentv1.ControlResponse) bool { return r.GetPing().GetNonce() == 5 }},
		{"metrics", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Metrics{Metrics: &agentv1.MetricsRequest{}}},
			func(r *agentv1.ControlResponse) bool { return r.GetMetrics().GetMemTotalBytes() > 0 }},
		{"mkdir", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsMkdir{FsMkdir: &agentv1.FsMkdirRequest{Path: "d"}}},
			func(r *agentv1.ControlResponse) bool { return r.GetFsMkdir() != nil }},
		{"write", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsWrite{FsWrite: &agentv1.FsWriteRequest{Path: "d/f", Content: []byte("text")}}},
			func(r *agentv1.ControlResponse) bool { return r.GetFsWrite().GetBytesWritten() == 4 }},
		{"exec", execRequest(&agentv1.ExecRequest{Command: []string{"cat", "f"}, Cwd: "d"}),
			func(r *agentv1.ControlResponse) bool { return string(r.GetExec().GetStdout()) == "text" }},
		{"read", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsRead{FsRead: &agentv1.FsReadRequest{Path: "d/f", Offset: 1, Length: 2}}},
			func(r *agentv1.ControlResponse) bool { return string(r.GetFsRead().GetContent()) == "ex" }},
		{"move", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsMove{FsMove: &agentv1.FsMoveRequest{From: "d/f", To: "d/g"}}},
			func(r *agentv1.ControlResponse) bool { return r.GetFsMove() != nil }},
		{"list", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsList{FsList: &agentv1.FsListRequest{Path: "d"}}},
			func(r *agentv1.ControlResponse) bool {
				e := r.GetFsList().GetEntries()
				return len(e) == 1 && e[0].GetName() == "g"
			}},
		{"git", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Git{Git: &agentv1.GitRequest{Args: []string{"init", "--quiet", "d"}}}},
			func(r *agentv1.ControlResponse) bool { return r.GetGit() != nil && r.GetGit().GetExitCode() == 0 }},
		{"git status", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Git{Git: &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_STATUS, Cwd: "d"}}},
			func(r *agentv1.ControlResponse) bool {
				f := r.GetGit().GetStatus().GetFiles()
				return len(f) == 1 && f[0].GetPath() == "g" && f[0].GetCode() == "??"
			}},
		{"remove", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsRemove{FsRemove: &agentv1.FsRemoveRequest{Path: "d", Recursive: true}}},
			func(r *agentv1.ControlResponse) bool { return r.GetFsRemove() != nil }},
		{"stat", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsStat{FsStat: &agentv1.FsStatRequest{Path: "d"}}},
			func(r *agentv1.ControlResponse) bool { return r.GetFsStat() != nil && !r.GetFsStat().GetExists() }},
	}
	for _, step := range steps {
		if resp := s.call(proto.CloneOf(step.req)); !step.ok(resp) {
			t.Errorf("%s: %v", step.name, resp)
		}
	}
}

func TestAFileNameThatIsNotUTF8IsListed(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	if err := os.WriteFile(filepath.Join(s.root, "bad\xff\xfename"), nil, 0o600); err != nil {
		t.Skipf("this file system has no such names: %v", err)
	}
	resp := s.call(&agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsList{FsList: &agentv1.FsListRequest{}}})
	e := resp.GetFsList().GetEntries()
	if len(e) != 1 || e[0].GetName() != "bad\uFFFD\uFFFDname" {
		t.Errorf("reply %v", resp)
	}
}

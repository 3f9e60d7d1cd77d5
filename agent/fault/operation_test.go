package fault_test

import (
	"context"
	"slices"
	"testing"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

type (
	reads = agentv1.FsReadRequest
	read  = agentv1.FsReadResponse
)

// serve sends a read and a stat of "path", with epoch 7, through a fault. It
// returns the response to the read and the paths that the agent behind it read,
// in order.
func serve(t *testing.T, m agent.Middleware) (resp *agentv1.ControlResponse, paths []string) {
	t.Helper()
	handle := m(func(_ context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetEpoch() != 7 {
			t.Errorf("the agent got epoch %d, want the request's", req.GetEpoch())
		}
		if req.GetFsStat() != nil {
			return fault.Result(&agentv1.FsStatResponse{Entry: &agentv1.FsEntry{Path: req.GetFsStat().GetPath()}})
		}
		paths = append(paths, req.GetFsRead().GetPath())
		out := fault.Result(&read{Content: []byte("content")})
		out.RequestId = req.GetRequestId()
		return out
	})
	stat := handle(t.Context(), &agentv1.ControlRequest{
		RequestId: "stat", Epoch: 7, Op: &agentv1.ControlRequest_FsStat{FsStat: &agentv1.FsStatRequest{Path: "path"}},
	})
	if got := stat.GetFsStat().GetEntry().GetPath(); got != "path" {
		t.Errorf("another operation was changed: it got the path %q", got)
	}
	resp = handle(t.Context(), &agentv1.ControlRequest{
		RequestId: "read", Epoch: 7, Op: &agentv1.ControlRequest_FsRead{FsRead: &reads{Path: "path"}},
	})
	if resp.GetRequestId() != "read" {
		t.Errorf("the response has the request id %q, want that of the request", resp.GetRequestId())
	}
	return resp, paths
}

func TestAFaultChangesOneOperation(t *testing.T) {
	t.Parallel()
	other := func(q *reads) { q.Path = "other" }
	for _, tt := range []struct {
		name    string
		fault   agent.Middleware
		paths   []string
		content string
	}{
		{"requests", fault.Requests(other), []string{"other"}, "content"},
		{"results", fault.Results(func(q *reads, r *read) { r.Content = []byte(q.Path) }), []string{"path"}, "path"},
		{"late", fault.Late(fault.Requests(other)), []string{"other", "path"}, "content"},
		{"late, with nothing changed", fault.Late(fault.Requests(func(*reads) {})), []string{"path"}, "content"},
		{"instead", fault.Instead(func(do fault.Operate, q *reads) *agentv1.ControlResponse {
			return do(&reads{Path: q.Path + "/inner"})
		}), []string{"path/inner"}, "content"},
		{"instead, left to the agent", fault.Instead(func(fault.Operate, *reads) *agentv1.ControlResponse { return nil }),
			[]string{"path"}, "content"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resp, paths := serve(t, tt.fault)
			if !slices.Equal(paths, tt.paths) || string(resp.GetFsRead().GetContent()) != tt.content {
				t.Errorf("the agent read %q and the caller got %q, want %q and %q", paths, resp.GetFsRead().GetContent(), tt.paths, tt.content)
			}
		})
	}
}

func TestAFailureHasItsCode(t *testing.T) {
	t.Parallel()
	if code := fault.Failure(agentv1.ErrorCode_ERROR_CODE_OS).GetError().GetCode(); code != agentv1.ErrorCode_ERROR_CODE_OS {
		t.Errorf("got %v", code)
	}
}

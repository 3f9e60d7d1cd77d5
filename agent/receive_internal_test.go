package agent

import (
	"context"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// FuzzReceive throws bytes at the agent where the broker would: each message
// gets exactly one well-formed reply. Operations that act on the machine are
// answered in their place.
func FuzzReceive(f *testing.F) {
	seeds := []*agentv1.ControlRequest{
		{},
		{RequestId: "id", Op: &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{Nonce: 1<<64 - 1}}},
		{RequestId: "id", Epoch: 1, Op: &agentv1.ControlRequest_Exec{Exec: &agentv1.ExecRequest{Command: []string{"true"}}}},
		{Op: &agentv1.ControlRequest_Hello{Hello: &agentv1.Hello{}}},
		{Op: &agentv1.ControlRequest_PtyWrite{PtyWrite: &agentv1.PtyWriteRequest{PtyId: "x", Data: []byte("y")}}},
		{Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: &agentv1.DesktopInputRequest{}}},
	}
	for _, req := range seeds {
		data, err := proto.Marshal(req)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("\x0a\x02\xff\xfe"))
	f.Add([]byte("\xfa\x7f\x01\x00"))

	var mu sync.Mutex
	var replies [][]byte
	a, err := New(Config{
		WorkspaceID: "ws", AgentID: "ag", URLs: []string{"nats://127.0.0.1:1"}, Root: f.TempDir(), Epoch: 5,
		Middleware: []Middleware{withoutTheMachine},
		Wire: Wire{Out: func(PublishFunc) PublishFunc {
			return func(_ string, data []byte) error {
				mu.Lock()
				defer mu.Unlock()
				replies = append(replies, append([]byte(nil), data...))
				return nil
			}
		}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		replies = nil
		a.receive(t.Context(), &nats.Msg{Reply: "reply", Data: data})
		if err := a.running.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(replies) != 1 {
			t.Fatalf("%d replies", len(replies))
		}
		checkReply(t, data, replies[0])
	})
}

func checkReply(t *testing.T, request, reply []byte) {
	t.Helper()
	resp := new(agentv1.ControlResponse)
	if err := proto.Unmarshal(reply, resp); err != nil {
		t.Fatalf("the reply does not decode: %v", err)
	}
	if (resp.GetError() == nil) == (resp.GetResult() == nil) {
		t.Errorf("not exactly one of error and result: %v", resp)
	}
	req := new(agentv1.ControlRequest)
	if err := proto.Unmarshal(request, req); err != nil {
		if resp.GetError().GetCode() != agentv1.ErrorCode_ERROR_CODE_PROTOCOL || resp.GetRequestId() != "" {
			t.Errorf("undecodable bytes got %v", resp)
		}
		return
	}
	if resp.GetRequestId() != req.GetRequestId() {
		t.Errorf("id %q became %q", req.GetRequestId(), resp.GetRequestId())
	}
	stale := req.GetEpoch() != 0 && req.GetEpoch() < 5
	if fenced := resp.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_FENCED; fenced != stale {
		t.Errorf("epoch %d got %v", req.GetEpoch(), resp)
	}
	if resp.GetResult() != nil && resultName(resp) != opName(req) {
		t.Errorf("%s got a result of %s", opName(req), resultName(resp))
	}
}

// withoutTheMachine is a Middleware that keeps fuzzed requests from running
// commands and touching files, behind the fence.
func withoutTheMachine(next Handler) Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		resp := &agentv1.ControlResponse{RequestId: req.GetRequestId()}
		switch req.GetOp().(type) {
		case *agentv1.ControlRequest_Exec:
			resp.Result = &agentv1.ControlResponse_Exec{Exec: &agentv1.ExecResponse{}}
		case *agentv1.ControlRequest_Metrics:
			resp.Result = &agentv1.ControlResponse_Metrics{Metrics: &agentv1.MetricsSample{}}
		case *agentv1.ControlRequest_Git:
			resp.Result = &agentv1.ControlResponse_Git{Git: &agentv1.GitResponse{}}
		case *agentv1.ControlRequest_FsRead:
			resp.Result = &agentv1.ControlResponse_FsRead{FsRead: &agentv1.FsReadResponse{}}
		case *agentv1.ControlRequest_FsWrite:
			resp.Result = &agentv1.ControlResponse_FsWrite{FsWrite: &agentv1.FsWriteResponse{}}
		case *agentv1.ControlRequest_FsList:
			resp.Result = &agentv1.ControlResponse_FsList{FsList: &agentv1.FsListResponse{}}
		case *agentv1.ControlRequest_FsMkdir:
			resp.Result = &agentv1.ControlResponse_FsMkdir{FsMkdir: &agentv1.FsMkdirResponse{}}
		case *agentv1.ControlRequest_FsMove:
			resp.Result = &agentv1.ControlResponse_FsMove{FsMove: &agentv1.FsMoveResponse{}}
		case *agentv1.ControlRequest_FsRemove:
			resp.Result = &agentv1.ControlResponse_FsRemove{FsRemove: &agentv1.FsRemoveResponse{}}
		default:
			return next(ctx, req)
		}
		// A stale request runs into the fence before it gets anywhere.
		if real := next(ctx, &agentv1.ControlRequest{RequestId: req.GetRequestId(), Epoch: req.GetEpoch(), Op: pingOp}); real.GetError() != nil {
			return real
		}
		return resp
	}
}

var pingOp = &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{}}

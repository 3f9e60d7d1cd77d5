package agent_test

import (
	"os"
	"path/filepath"
	"testing"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestFence(t *testing.T) {
	t.Parallel()
	const ok = agentv1.ErrorCode_ERROR_CODE_UNSPECIFIED
	const fenced = agentv1.ErrorCode_ERROR_CODE_FENCED
	ping := pingRequest(1)
	tests := map[string]struct {
		epoch uint32
		req   *agentv1.ControlRequest
		want  agentv1.ErrorCode
	}{
		"an unset epoch runs":           {0, ping, ok},
		"the held epoch runs":           {7, ping, ok},
		"a newer epoch runs":            {8, ping, ok},
		"the newest epoch runs":         {1<<32 - 1, ping, ok},
		"an older epoch is fenced":      {6, ping, fenced},
		"the oldest epoch is fenced":    {1, ping, fenced},
		"a stale request without an op": {6, &agentv1.ControlRequest{}, fenced},
		"a stale request from an agent": {6, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Hello{Hello: &agentv1.Hello{}}}, fenced},
		"a stale desktop input without consent": {6, &agentv1.ControlRequest{
			Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: &agentv1.DesktopInputRequest{}}}, fenced},
	}
	s := start(t, func(c *agent.Config) { c.Epoch = 7 })
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			resp := s.call(&agentv1.ControlRequest{Epoch: tc.epoch, Op: tc.req.Op})
			if tc.want == ok {
				if resp.GetPing().GetNonce() != 1 {
					t.Errorf("reply %v, want a ping's", resp)
				}
				return
			}
			e := s.failed(resp, tc.want)
			if got := e.GetDetail()["held_epoch"]; got != "7" {
				t.Errorf("held_epoch %q, want 7: a newer request must not raise it", got)
			}
			if got, want := e.GetDetail()["op_epoch"], "6"; tc.epoch == 6 && got != want {
				t.Errorf("op_epoch %q, want %q", got, want)
			}
		})
	}
}

func TestAFencedCommandLeavesNoTrace(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *agent.Config) { c.Epoch = 2 })
	req := execRequest(&agentv1.ExecRequest{Command: []string{"touch", "trace"}})
	req.Epoch = 1
	s.failed(s.call(req), agentv1.ErrorCode_ERROR_CODE_FENCED)
	req.Epoch = 2
	req.GetExec().Command[1] = "proof"
	if s.call(req).GetError() != nil {
		t.Fatal("the current epoch is refused")
	}
	if _, err := os.Stat(filepath.Join(s.root, "trace")); err == nil {
		t.Error("the fenced command ran")
	}
	if _, err := os.Stat(filepath.Join(s.root, "proof")); err != nil {
		t.Error(err)
	}
}

func TestFenceWithoutAHeldEpoch(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, epoch := range []uint32{0, 1, 1<<32 - 1} {
		if resp := s.call(&agentv1.ControlRequest{Epoch: epoch, Op: pingRequest(1).Op}); resp.GetError() != nil {
			t.Errorf("epoch %d: %v", epoch, resp.GetError())
		}
	}
}

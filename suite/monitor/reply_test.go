package monitor_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/monitor"
)

// FuzzJudgeReply compares what is seen of a reply at a glance with the whole of
// it, decoded.
func FuzzJudgeReply(f *testing.F) {
	refused := &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_FENCED}
	pong := &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{Nonce: 1}}
	for _, resp := range []*agentv1.ControlResponse{
		{}, {RequestId: "id"}, {Error: refused}, {Result: pong}, {RequestId: "id", Error: refused, Result: pong},
	} {
		f.Add(encode(resp))
	}
	f.Add([]byte{0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		var said []string
		for _, b := range monitor.JudgeReply(monitor.Peek(data), true, data) {
			said = append(said, b.Want)
		}
		resp := &agentv1.ControlResponse{}
		if proto.Unmarshal(data, resp) != nil {
			return // a glance may not see what is wrong deep inside
		}
		want := ""
		switch result := resp.GetResult() != nil; {
		case result && resp.GetError() != nil:
			want = "a result or an error, not both (envelope.result-xor-error)"
		case !result && resp.GetError() == nil:
			want = "a result or an error (envelope.result-xor-error)"
		}
		if got := strings.Join(said, "; "); got != want {
			t.Errorf("%x: it breaks %q, want %q", data, got, want)
		}
	})
}

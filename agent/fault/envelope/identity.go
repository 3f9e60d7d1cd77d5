package envelope

import (
	"strings"

	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// ids are agents whose replies are not their requests'.
func ids() []fault.Mutant {
	const anyText = "envelope.request-id/any-text"
	others := []string{"envelope.request-id/*"}
	dropID := func(resp *agentv1.ControlResponse) { resp.RequestId = "" }
	return []fault.Mutant{
		{Name: "drops ids", Case: "envelope.request-id/on-a-result", Says: "the request_id", Also: others,
			Fault: results(func(req *agentv1.ControlRequest) bool { return req.GetPing() != nil }, dropID)},
		{Name: "drops ids of errors", Case: "envelope.request-id/on-an-error", Says: "the request_id", Also: others,
			Fault: fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if resp.GetError() != nil {
					dropID(resp)
				}
			})},
		{Name: "makes ids up", Case: "envelope.request-id/empty-stays-empty", Says: "the request_id",
			Fault: fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if resp.GetRequestId() == "" {
					resp.RequestId = "made-up"
				}
			})},
		{Name: "trims ids", Case: anyText, Says: "white space",
			Fault: fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				resp.RequestId = strings.TrimSpace(resp.GetRequestId())
			})},
		{Name: "cuts ids", Case: anyText, Says: "10,000 bytes",
			Fault: fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				resp.RequestId = resp.GetRequestId()[:min(len(resp.GetRequestId()), 256)]
			})},
	}
}

// outcomes are agents whose replies hold too much, too little, or the result
// of another op.
func outcomes() []fault.Mutant {
	const xor, matches = "envelope.result-xor-error/", "envelope.result-matches-op/"
	return []fault.Mutant{
		{Name: "leaves empty results out", Case: xor + "empty-results-are-present", Says: "want exactly one of error and result; got neither",
			Fault: results(func(req *agentv1.ControlRequest) bool { return req.GetFsMove() != nil },
				func(resp *agentv1.ControlResponse) { resp.Result = nil })},
		{Name: "adds half a result to errors", Case: xor + "an-error-comes-alone", Says: "want exactly one of error and result; got both",
			Fault: fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if resp.GetError() != nil {
					resp.Result = &agentv1.ControlResponse_FsRead{FsRead: &agentv1.FsReadResponse{}}
				}
			})},
		{Name: "calls a failed command an error too", Case: xor + "a-result-comes-alone", Says: "want exactly one of error and result; got both",
			Fault: fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if resp.GetExec().GetExitCode() != 0 {
					resp.Error = &agentv1.AgentError{}
				}
			})},
		{Name: "answers mkdir as remove", Case: matches + "every-operation", Says: `a result of "fs_mkdir"`,
			Fault: results(func(req *agentv1.ControlRequest) bool {
				return strings.HasSuffix(req.GetFsMkdir().GetPath(), "every-operation/dir")
			}, func(resp *agentv1.ControlResponse) {
				resp.Result = &agentv1.ControlResponse_FsRemove{FsRemove: &agentv1.FsRemoveResponse{}}
			})},
		{Name: "answers git as a command", Case: matches + "git", Says: `a result of "git"; got "exec"`,
			Fault: results(func(req *agentv1.ControlRequest) bool { return req.GetGit() != nil }, func(resp *agentv1.ControlResponse) {
				resp.Result = &agentv1.ControlResponse_Exec{Exec: &agentv1.ExecResponse{}}
			})},
	}
}

package pty

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// answer replaces the agent's answer to the requests that match.
func answer(match func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) bool, with proto.Message) agent.Middleware {
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if !match(req, resp) {
			return
		}
		resp.Error, resp.Result = nil, nil
		switch with := with.(type) {
		case *agentv1.PtyWriteResponse:
			resp.Result = &agentv1.ControlResponse_PtyWrite{PtyWrite: with}
		case *agentv1.PtyResizeResponse:
			resp.Result = &agentv1.ControlResponse_PtyResize{PtyResize: with}
		case *agentv1.PtyCloseResponse:
			resp.Result = &agentv1.ControlResponse_PtyClose{PtyClose: with}
		}
	})
}

func lostWrite(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) bool {
	return req.GetPtyWrite() != nil && resp.GetError() != nil
}

func lostResize(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) bool {
	return req.GetPtyResize() != nil && resp.GetError() != nil
}

func lostClose(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) bool {
	return req.GetPtyClose() != nil && resp.GetError() != nil
}

func anyClose(req *agentv1.ControlRequest, _ *agentv1.ControlResponse) bool {
	return req.GetPtyClose() != nil
}

// crossed types what one of two terminals is given into the other.
func crossed() agent.Middleware {
	var mu sync.Mutex
	var ids []string
	return func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			mu.Lock()
			if r := req.GetPtyWrite(); r != nil && len(ids) > 1 {
				last := ids[len(ids)-2:] // a plain one may have come before
				r.PtyId = last[1-slices.Index(last, r.GetPtyId())]
			}
			mu.Unlock()
			resp := next(ctx, req)
			if r := resp.GetPtyOpen(); r != nil {
				mu.Lock()
				ids = append(ids, r.GetPtyId())
				mu.Unlock()
			}
			return resp
		}
	}
}

func ends() []fault.Mutant {
	return []fault.Mutant{
		wide(mutant("says that a closed program succeeded", "pty.close/exit-code-of-a-running-one", "the exit code -1",
			answer(anyClose, &agentv1.PtyCloseResponse{}))),
		wide(mutant("says that a closed flood succeeded", "pty.close/while-a-viewer-does-not-read", "the exit code -1",
			answer(anyClose, &agentv1.PtyCloseResponse{}))),
		mutant("takes input for a closed terminal", "pty.close/id-is-unknown-afterwards", "a result",
			answer(lostWrite, &agentv1.PtyWriteResponse{BytesWritten: 1})),
		mutant("resizes a closed terminal", "pty.close/id-is-unknown-afterwards", "a result", answer(lostResize, &agentv1.PtyResizeResponse{})),
		mutant("gives -1 for a program that ended", "pty.close-ended/its-own-exit-code", "the exit code 7",
			answer(anyClose, &agentv1.PtyCloseResponse{ExitCode: -1})),
		mutant("gives 0 for every program that ended", "pty.close-ended/its-own-exit-code", "the exit code 7",
			answer(anyClose, &agentv1.PtyCloseResponse{})),
		wide(mutant("takes input for no terminal", "pty.unknown/never-existed", "a result", answer(lostWrite, &agentv1.PtyWriteResponse{BytesWritten: 1}))),
		wide(mutant("resizes no terminal", "pty.unknown/never-existed", "a result", answer(lostResize, &agentv1.PtyResizeResponse{}))),
		wide(mutant("closes no terminal", "pty.unknown/never-existed", "a result", answer(lostClose, &agentv1.PtyCloseResponse{}))),
		wide(mutant("closes a terminal twice", "pty.unknown/closed", "a result", answer(lostClose, &agentv1.PtyCloseResponse{ExitCode: -1}))),
		wide(mutant("calls a terminal that is gone an error of the system", "pty.unknown/closed", "got OS",
			fault.Recode(notFound, agentv1.ErrorCode_ERROR_CODE_OS))),
		wide(mutant("takes input for a program that ended", "pty.unknown/ended-takes-no-input", "a result",
			answer(lostWrite, &agentv1.PtyWriteResponse{BytesWritten: 1}))),
		wide(silent("waits for what a program started", "pty.exit/a-background-process-does-not-hold-it", "nothing more in time",
			within(`"$@"; sleep 100`))),
		mutant("types into the other terminal", "pty.distinct/bytes-apart", "what this terminal was given", crossed()),
	}
}

package envelope

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// identityCases are about a reply that belongs to its request: the id, and
// exactly one outcome, of the op that was asked.
func identityCases() []engine.Case {
	return []engine.Case{
		{
			ID:       "envelope.request-id/on-a-result",
			Provokes: []string{"envelope.request-id"},
			Clause:   "envelope.request-id",
			Explain:  "The id ties a reply to its request in every log on the way.",
			Run:      idOnResult,
		},
		{
			ID:       "envelope.request-id/on-an-error",
			Provokes: []string{"envelope.request-id"},
			Clause:   "envelope.request-id",
			Explain:  "It is the failed request that somebody will search for by its id.",
			Run:      idOnError,
		},
		{
			ID:       "envelope.request-id/empty-stays-empty",
			Provokes: []string{"envelope.request-id"},
			Clause:   "envelope.request-id",
			Explain:  "An agent that makes an id up confuses a caller that tells its requests apart by other means.",
			Run:      idEmpty,
		},
		{
			ID:       "envelope.request-id/any-text",
			Provokes: []string{"envelope.request-id"},
			Clause:   "envelope.request-id",
			Explain:  "An id is opaque: trimmed, cut or parsed as a UUID it is no longer the caller's.",
			Run:      idAnyText,
		},
		{
			ID:      "envelope.result-xor-error/empty-results-are-present",
			Clause:  "envelope.result-xor-error",
			Explain: "A success that has nothing to tell must still be told; without its member it looks like no answer at all.",
			Run:     emptyResults,
		},
		{
			ID:      "envelope.result-xor-error/an-error-comes-alone",
			Clause:  "envelope.result-xor-error",
			Explain: "With half a result beside the error, one client goes on and another gives up.",
			Run:     errorAlone,
		},
		{
			ID:      "envelope.result-xor-error/a-result-comes-alone",
			Clause:  "envelope.result-xor-error",
			Explain: "An error beside a result, even one with code 0, is what a client looks at first.",
			Run:     resultAlone,
		},
		{
			ID:      "envelope.result-matches-op/every-operation",
			Clause:  "envelope.result-matches-op",
			Explain: "A typed client decodes what it asked for; a result under another number is dropped as unknown.",
			Run:     resultMatchesOp,
		},
		{
			ID:      "envelope.result-matches-op/git",
			Clause:  "envelope.result-matches-op",
			Needs:   engine.Git,
			Explain: "A git result looks like a command's; under exec's number its status is lost.",
			Run:     gitResultMatchesOp,
		},
	}
}

func idOnResult(ctx context.Context, t *engine.T) {
	req := wire.NewRequest(&agentv1.PingRequest{Nonce: 1})
	req.RequestId = "request-1"
	resp := exchange(ctx, t.Given(), encode(t, req), nil)
	engine.MustOf[*agentv1.PingResponse](t.Given(), resp)
	engine.Equal(t, "the request_id", resp.GetRequestId(), "request-1")
}

func idOnError(ctx context.Context, t *engine.T) {
	for i, op := range []proto.Message{
		&agentv1.FsReadRequest{Path: t.Path(ctx, "missing")},
		&agentv1.FsListRequest{Path: t.Path(ctx, "missing")},
		&agentv1.ExecRequest{Cwd: t.Dir(ctx)},
		&agentv1.PtyCloseRequest{PtyId: "none"},
	} {
		req := wire.NewRequest(op)
		req.RequestId = fmt.Sprintf("failed-request-%d", i)
		resp := exchange(ctx, t.Given(), encode(t, req), nil)
		if resp.GetError() == nil {
			t.Given().Errorf("an error", "%s", engine.Outcome(resp))
			continue
		}
		engine.Equal(t, "the request_id", resp.GetRequestId(), req.GetRequestId())
	}
}

func idEmpty(ctx context.Context, t *engine.T) {
	for _, op := range []proto.Message{&agentv1.PingRequest{}, &agentv1.FsReadRequest{Path: t.Path(ctx, "missing")}} {
		resp := exchange(ctx, t.Given(), encode(t, wire.NewRequest(op)), nil)
		engine.Equal(t, "the request_id", resp.GetRequestId(), "")
	}
}

func idAnyText(ctx context.Context, t *engine.T) {
	for _, id := range []struct{ what, text string }{
		{"with white space around it", " \t id %s\n"},
		{"with a NUL in it", "a\x00b%s"},
		{"in other scripts", "日本語-Ünï-🦀%s"},
		{"in capitals", "6BA7B810-9DAD-11D1-80B4-00C04FD430%s"},
		{"of 10,000 bytes", strings.Repeat("0123456789", 1000)[2:] + "%s"},
	} {
		for nth, op := range map[string]proto.Message{"C1": &agentv1.PingRequest{}, "C2": &agentv1.FsReadRequest{Path: t.Path(ctx, "missing")}} {
			req := wire.NewRequest(op)
			req.RequestId = fmt.Sprintf(id.text, nth)
			resp := exchange(ctx, t.Given(), encode(t, req), nil)
			t.Check(resp.GetRequestId() == req.GetRequestId(), "an id "+id.what+", verbatim", "another one")
		}
	}
}

// only checks that a response has the one outcome and not the other.
func only(t *engine.T, resp *agentv1.ControlResponse, wantError bool) {
	switch isError, isResult := resp.GetError() != nil, resp.GetResult() != nil; {
	case isError && isResult:
		t.Errorf("exactly one of error and result", "both")
	case !isError && !isResult:
		t.Errorf("exactly one of error and result", "neither")
	case isError != wantError:
		t.Given().Errorf("the outcome that this request has everywhere", "%s", engine.Outcome(resp))
	}
}

func emptyResults(ctx context.Context, t *engine.T) {
	empty := t.File(ctx, "empty", "")
	dir := t.Path(ctx, "dir")
	for _, op := range []proto.Message{
		&agentv1.FsReadRequest{Path: empty},
		&agentv1.FsWriteRequest{Path: empty},
		&agentv1.FsMkdirRequest{Path: dir},
		&agentv1.FsListRequest{Path: dir},
		&agentv1.FsMoveRequest{From: dir, To: dir + ".moved"},
		&agentv1.FsStatRequest{Path: dir},
		&agentv1.FsRemoveRequest{Path: dir + ".moved"},
	} {
		only(t, exchange(ctx, t.Given(), encode(t, request(op)), nil), false)
	}
}

func errorAlone(ctx context.Context, t *engine.T) {
	missing := t.Path(ctx, "missing", "file")
	for _, op := range []proto.Message{
		nil,
		&agentv1.ExecRequest{Cwd: t.Dir(ctx)},
		&agentv1.ExecRequest{Command: []string{"agentproof-no-such-program"}, Cwd: t.Dir(ctx)},
		&agentv1.FsReadRequest{Path: missing},
		&agentv1.FsWriteRequest{Path: missing, Content: []byte("x")},
		&agentv1.FsListRequest{Path: missing},
		&agentv1.FsMkdirRequest{Path: missing},
		&agentv1.FsMoveRequest{From: missing, To: missing + ".moved"},
		&agentv1.FsStatRequest{Path: t.File(ctx, "file", "x") + "/x"},
		&agentv1.FsRemoveRequest{Path: missing},
		&agentv1.PtyWriteRequest{PtyId: "none"},
	} {
		only(t, exchange(ctx, t.Given(), encode(t, request(op)), nil), true)
	}
}

func resultAlone(ctx context.Context, t *engine.T) {
	for _, op := range []proto.Message{
		&agentv1.PingRequest{},
		&agentv1.MetricsRequest{},
		&agentv1.FsStatRequest{Path: t.Path(ctx, "missing")},
		&agentv1.ExecRequest{Command: t.Helper(ctx, "exit", "3"), Cwd: t.Dir(ctx), TimeoutMs: 10_000},
		// An agent that knows no timeouts has a result all the same.
		&agentv1.ExecRequest{Command: t.Helper(ctx, "sleep", "2s"), Cwd: t.Dir(ctx), TimeoutMs: 100},
	} {
		only(t, exchange(ctx, t.Given(), encode(t, request(op)), nil), false)
	}
}

// sameMember judges that the result's member of the oneof is the op's. The
// names of the two agree by design of the wire.
func sameMember(ctx context.Context, t *engine.T, op proto.Message) {
	req := request(op)
	resp := exchange(ctx, t.Given(), encode(t, req), nil)
	if resp.GetError() != nil {
		t.Given().Errorf("a result of "+member(req), "%s", engine.Outcome(resp))
		return
	}
	engine.Equal(t, "a result of", member(resp), member(req))
}

// member is the name of the field that is set in an envelope's oneof.
func member(envelope proto.Message) string {
	r := envelope.ProtoReflect()
	if f := r.WhichOneof(r.Descriptor().Oneofs().Get(0)); f != nil {
		return string(f.Name())
	}
	return "nothing"
}

func resultMatchesOp(ctx context.Context, t *engine.T) {
	name, dir := t.Path(ctx, "file"), t.Path(ctx, "dir")
	for _, op := range []proto.Message{
		&agentv1.PingRequest{Nonce: 1},
		&agentv1.ExecRequest{Command: t.Helper(ctx, "exit", "0"), Cwd: t.Dir(ctx), TimeoutMs: 10_000},
		&agentv1.FsWriteRequest{Path: name, Content: []byte("x")},
		&agentv1.FsReadRequest{Path: name},
		&agentv1.FsListRequest{Path: t.Dir(ctx)},
		&agentv1.FsMkdirRequest{Path: dir},
		&agentv1.FsMoveRequest{From: name, To: name + ".moved"},
		&agentv1.FsStatRequest{Path: name},
		&agentv1.FsRemoveRequest{Path: dir},
		&agentv1.MetricsRequest{},
	} {
		sameMember(ctx, t, op)
	}
}

func gitResultMatchesOp(ctx context.Context, t *engine.T) {
	op := &agentv1.GitRequest{Op: agentv1.GitOp_GIT_OP_RAW, Args: []string{"version"}, Cwd: t.Dir(ctx)}
	resp := exchange(ctx, t.Given(), encode(t, request(op)), nil)
	if resp.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_NOT_FOUND {
		t.Untestable("there is no git on the agent's machine")
	}
	sameMember(ctx, t, op)
}

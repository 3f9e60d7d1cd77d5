package envelope

import (
	"context"
	"fmt"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// recordedCases are about what agents may do as they like, and what somebody
// who works with one wants to know.
func recordedCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "envelope.last-op-wins/two-ops",
			Clause:  "envelope.last-op-wins",
			Explain: "Two ops on the wire are a bug in somebody's encoder; which one runs helps to find it.",
			Run:     twoOps,
		},
		{
			ID:      "envelope.duplicate-id/same-id-again",
			Clause:  "envelope.duplicate-id",
			Explain: "Whoever retries with the same id must know whether that is safe for what cannot be done twice.",
			Run:     sameIDAgain,
		},
		{
			ID:      "envelope.no-cancel/caller-left",
			Clause:  "envelope.no-cancel",
			Explain: "After a caller crashed, somebody wonders whether its command still runs.",
			Run:     callerLeft,
		},
	}
}

func twoOps(ctx context.Context, t *engine.T) {
	payload := append(encode(t, request(&agentv1.PingRequest{Nonce: 1})),
		encode(t, wire.NewRequest(&agentv1.FsStatRequest{Path: t.Dir(ctx)}))...)
	resp := exchange(ctx, t, payload, nil)
	switch {
	case resp.GetError() != nil:
		t.Record("two ops in one request are refused")
	case resp.GetPing() != nil:
		t.Record("the first of two ops runs")
	default:
		t.Record("the last of two ops runs")
	}
}

func sameIDAgain(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "file")
	for range 2 {
		req := wire.NewRequest(&agentv1.FsWriteRequest{Path: name, Content: []byte("x"), Append: true})
		req.RequestId = "the-same"
		exchange(ctx, t, encode(t, req), nil)
	}
	content, _ := t.Look(ctx, name)
	t.Record("a request that comes twice under one id runs %d time(s)", len(content))
}

// callerLeft sends a command from a connection that closes while it runs.
func callerLeft(ctx context.Context, t *engine.T) {
	// The caller waits for this much longer than a command takes to begin.
	const lasts = time.Second
	begun, ended := t.Path(ctx, "begun"), t.Path(ctx, "ended")
	argv := append([]string{"/bin/sh", "-c", `echo > begun; "$0" "$@"; echo > ended`}, t.Helper(ctx, "sleep", lasts.String())...)
	payload := encode(t, request(&agentv1.ExecRequest{Command: argv, Cwd: t.Dir(ctx), TimeoutMs: 30_000}))
	nc := t.Dial()
	if err := nc.PublishRequest(t.Instance().Base+".rpc", nc.NewInbox(), payload); err != nil {
		t.Harness(fmt.Errorf("send a command: %w", err))
	}
	if err := nc.FlushWithContext(ctx); err != nil {
		t.Harness(fmt.Errorf("send a command: %w", err))
	}
	if !t.AwaitFile(ctx, begun, t.Scale(replyLimit)) {
		t.Given().Fatalf("a command that begins", "none")
	}
	nc.Close()
	if t.AwaitFile(ctx, ended, 5*lasts) {
		t.Record("a command runs to its end after its caller left")
		return
	}
	t.Record("a command is ended when its caller leaves")
}

package pty

import (
	"context"
	"sync"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
	"agentproof/stream/producer"
)

const streamError = agentv1.ErrorCode_ERROR_CODE_STREAM

// relays are agents that do the wrong thing about a relay that they cannot use.
func relays() []fault.Mutant {
	const down = "pty.relay-down/"
	recoded := fault.Recode(streamError, notFound)
	mutants := []fault.Mutant{
		mutant("waits for a silent relay for ever", "pty.relay-silent/typed-error-in-time", "no reply", hanging),
		mutant("calls a relay that is down unknown", down+"connection-refused", "NOT_FOUND", recoded),
		mutant("calls a rejection unknown", down+"token-rejected", "NOT_FOUND", recoded),
		mutant("never asks a relay again that was down", down+"serves-again-when-it-is-back", "STREAM", grudge()),
		mutant("calls a missing relay unknown", "pty.no-relay/refused", "NOT_FOUND", fault.Recode(unsupported, notFound)),
		{Name: "claims terminals without a relay", Case: "pty.no-relay-hello/says-no-terminals", Says: "pty in the Hello",
			Also: []string{"desktop.no-relay-hello/*"}, // which that relay would offer as well
			Config: func(cfg *agent.Config) {
				if cfg.RelayURL == "" {
					cfg.RelayURL, cfg.RelayToken = "ws://127.0.0.1:1/stream", "none"
				}
			}},
		{Name: "leaves a channel behind", Case: "pty.spawn-failure/leaves-no-channel", Says: "one at the relay", Beside: leaveChannel},
	}
	for i := range mutants[:4] {
		mutants[i].Also = []string{down + "*"}
	}
	return mutants
}

// hanging opens no terminal and does not say so.
func hanging(next agent.Handler) agent.Handler {
	return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetPtyOpen() != nil {
			<-ctx.Done()
		}
		return next(ctx, req)
	}
}

// grudge answers what it answered the first time that no terminal could be.
func grudge() agent.Middleware {
	var mu sync.Mutex
	var failure *agentv1.AgentError
	return fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if req.GetPtyOpen() == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if failure == nil {
			failure = resp.GetError()
		}
		if failure != nil {
			resp.Result, resp.Error = nil, failure
		}
	})
}

// leaveChannel registers a channel for a terminal that does not start.
func leaveChannel(cfg *agent.Config) (stop func(), err error) {
	relay := producer.Config{RelayURL: cfg.RelayURL, Token: stream.Secret(cfg.RelayToken), Channel: &agentv1.StreamChannel{
		ChannelId: "left", WorkspaceId: cfg.WorkspaceID, AgentId: cfg.AgentID,
		Kind: agentv1.StreamKind_STREAM_KIND_PTY, Port: stream.TerminalPort,
	}}
	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex
	var left []*producer.Producer
	cfg.Middleware = append(cfg.Middleware, fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if req.GetPtyOpen() == nil || resp.GetError() == nil {
			return
		}
		if p, err := producer.Open(ctx, relay); err == nil {
			mu.Lock()
			defer mu.Unlock()
			left = append(left, p)
		}
	}))
	return func() {
		cancel()
		mu.Lock()
		defer mu.Unlock()
		for _, p := range left {
			_ = p.Close(ctx, agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, "")
		}
	}, nil
}

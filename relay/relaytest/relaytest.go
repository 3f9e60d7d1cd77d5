// Package relaytest starts relays for tests and makes tokens for them.
package relaytest

import (
	"log/slog"
	"testing"
	"time"

	"agentproof/relay"
	"agentproof/stream"
)

// Secret verifies both families of tokens, unless a Config says otherwise.
const Secret stream.Secret = "a secret that only tests know"

// Start runs a relay until the test ends. Without secrets in cfg it verifies
// tokens with Secret; without a logger it logs into the test's output.
func Start(tb testing.TB, cfg relay.Config) *relay.Server {
	tb.Helper()
	if cfg.ViewerSecret == "" && cfg.ProducerSecret == "" {
		cfg.ViewerSecret = Secret
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	s, err := relay.Start(cfg)
	if err != nil {
		tb.Fatalf("start a relay: %v", err)
	}
	tb.Cleanup(s.Kill)
	return s
}

// ViewerToken is a token for viewers of the workspace's port.
func ViewerToken(tb testing.TB, workspaceID string, port uint32, epoch uint64) stream.Secret {
	tb.Helper()
	token, err := stream.MintViewer(Secret, stream.ViewerClaims{
		WorkspaceID: workspaceID, SessionID: "session", ViewerID: "viewer",
		LeaseEpoch: epoch, Mode: stream.ModeView, Port: port,
		Exp: time.Now().Add(stream.ViewerTokenLife).Unix(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// ProducerToken is a token for the agent.
func ProducerToken(tb testing.TB, workspaceID, agentID string) stream.Secret {
	tb.Helper()
	token, err := stream.MintProducer(Secret, stream.ProducerClaims{
		WorkspaceID: workspaceID, AgentID: agentID,
		Exp: time.Now().Add(stream.ProducerTokenLife).Unix(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

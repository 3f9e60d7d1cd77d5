package streams

import (
	"context"
	"crypto/rand"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// pretender is the backend of an agent that opens terminals without a relay.
type pretender struct{ agent.Terminals }

func (pretender) Open(context.Context, *agentv1.PtyOpenRequest) (*agentv1.PtyOpenResponse, error) {
	return &agentv1.PtyOpenResponse{PtyId: rand.Text(), Channel: &agentv1.StreamChannel{ChannelId: rand.Text()}}, nil
}

func (pretender) Close(context.Context, *agentv1.PtyCloseRequest) (*agentv1.PtyCloseResponse, error) {
	return &agentv1.PtyCloseResponse{}, nil
}

func (pretender) Active() int { return 0 }

func (pretender) Shutdown(context.Context) error { return nil }

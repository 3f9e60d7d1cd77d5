// Package envelope holds the cases about the request and response envelope:
// what every operation has in common, whatever it does.
package envelope

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// replyLimit is how long an operation may take that has nothing to wait for.
const replyLimit = 20 * time.Second

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return slices.Concat(
		identityCases(),
		refusalCases(),
		toleranceCases(),
		textCases(),
		oversizeCases(),
		retryableCases(),
		concurrencyCases(),
		crowdCases(),
		recordedCases(),
	)
}

// request is an operation's request with an id of its own: what an agent makes of
// one that it has seen is another clause's matter.
func request(op proto.Message) *agentv1.ControlRequest {
	req := wire.NewRequest(op)
	req.RequestId = uuid.NewString()
	return req
}

// encode is a request on the wire.
func encode(t *engine.T, req *agentv1.ControlRequest) []byte {
	data, err := proto.Marshal(req)
	if err != nil {
		t.Harness(fmt.Errorf("encode a request: %w", err))
	}
	return data
}

// exchange sends bytes and decodes the reply, without the checks that the
// engine makes of every envelope: they are what the cases here are about. Silence
// fails the view t.
func exchange(ctx context.Context, t *engine.T, payload []byte, header nats.Header) *agentv1.ControlResponse {
	data, err := t.SendRaw(ctx, payload, header, t.Scale(replyLimit))
	if err != nil {
		t.Logf("%v", err)
		if t.Instance().Crashed() {
			t.Given().Fatalf("an agent that runs", "one that ended by itself")
		}
		t.Fatalf("a reply", "silence")
	}
	resp := &agentv1.ControlResponse{}
	if err := proto.Unmarshal(data, resp); err != nil {
		t.Logf("%v", err)
		t.Fatalf("a reply that decodes as a ControlResponse", "one that does not")
	}
	return resp
}

// protocolError checks that a response is PROTOCOL, not retryable, with the
// id.
func protocolError(t *engine.T, resp *agentv1.ControlResponse, id string) {
	e := t.WantError(resp, agentv1.ErrorCode_ERROR_CODE_PROTOCOL)
	engine.Equal(t, "the request_id", resp.GetRequestId(), id)
	engine.Equal(t, "retryable", e.GetRetryable(), false)
}

// bytesField is a length-delimited field on the wire.
func bytesField(num protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), content)
}

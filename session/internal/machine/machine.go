// Package machine is what the session's tests talk to: a responder on a real
// broker that records what it is asked, and a handler that really operates a
// directory. It is no agent; it keeps only what the tests rely on.
package machine

import (
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// The identity that every machine of this package has.
const (
	WorkspaceID = "ws-1"
	AgentID     = "agent-1"
	Subject     = "agent.ws-1.agent-1.rpc"
	token       = "machine-token"
)

// A Handler answers one request; it may block. A nil response is silence.
type Handler func(*agentv1.ControlRequest) *agentv1.ControlResponse

// Machine is a running responder.
type Machine struct {
	mu       sync.Mutex
	requests []*agentv1.ControlRequest
	headers  []nats.Header
}

// Serve answers on Subject until the test ends, each request on a goroutine of
// its own.
func Serve(tb testing.TB, b *broker.Broker, handle Handler) *Machine {
	tb.Helper()
	return ServeBytes(tb, b, func(req *agentv1.ControlRequest) []byte {
		resp := handle(req)
		if resp == nil {
			return nil
		}
		resp = proto.CloneOf(resp) // handlers may give one response to many
		resp.RequestId = req.GetRequestId()
		data, err := proto.Marshal(resp)
		if err != nil {
			tb.Errorf("encode a response: %v", err)
		}
		return data
	})
}

// ServeBytes is Serve for replies that no Handler can give. Nil is silence.
func ServeBytes(tb testing.TB, b *broker.Broker, handle func(*agentv1.ControlRequest) []byte) *Machine {
	tb.Helper()
	m := &Machine{}
	b.Admit(WorkspaceID, token)
	var running sync.WaitGroup
	tb.Cleanup(running.Wait) // after the connection is closed
	nc := brokertest.Agent(tb, b, token, nats.MaxReconnects(-1), nats.ReconnectWait(0), nats.IgnoreAuthErrorAbort())
	_, err := nc.Subscribe(Subject, func(msg *nats.Msg) {
		req := new(agentv1.ControlRequest)
		if err := proto.Unmarshal(msg.Data, req); err != nil {
			tb.Errorf("decode a request: %v", err)
			return
		}
		m.record(req, msg.Header)
		running.Go(func() {
			if data := handle(req); data != nil {
				_ = msg.Respond(data) // the broker may be away by design
			}
		})
	})
	if err != nil {
		tb.Fatalf("subscribe: %v", err)
	}
	if err := nc.Flush(); err != nil {
		tb.Fatalf("flush the subscription: %v", err)
	}
	return m
}

func (m *Machine) record(req *agentv1.ControlRequest, h nats.Header) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = append(m.requests, req)
	m.headers = append(m.headers, h)
}

// Requests returns what was asked so far, in order.
func (m *Machine) Requests() []*agentv1.ControlRequest {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*agentv1.ControlRequest(nil), m.requests...)
}

// Headers returns the headers of Requests.
func (m *Machine) Headers() []nats.Header {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]nats.Header(nil), m.headers...)
}

// Error is a handler's error response.
func Error(code agentv1.ErrorCode, message string) *agentv1.ControlResponse {
	return &agentv1.ControlResponse{Error: &agentv1.AgentError{Code: code, Message: message}}
}

// Pong answers a ping.
func Pong(req *agentv1.ControlRequest) *agentv1.ControlResponse {
	return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_Ping{
		Ping: &agentv1.PingResponse{Nonce: req.GetPing().GetNonce()},
	}}
}

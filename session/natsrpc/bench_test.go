package natsrpc_test

import (
	"testing"
	"time"

	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	"agentproof/session"
	"agentproof/session/internal/machine"
)

// BenchmarkPing is a session's ping to a machine that answers at once.
func BenchmarkPing(b *testing.B) {
	br := brokertest.Start(b, broker.Config{})
	machine.Serve(b, br, machine.Pong)
	s, err := session.New(newClient(b, br), session.Config{WorkspaceID: machine.WorkspaceID, AgentID: machine.AgentID})
	if err != nil {
		b.Fatal(err)
	}
	if !s.Ping(b.Context(), 0) {
		b.Fatal("no answer")
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Ping(b.Context(), 1)
	}
}

// BenchmarkRawRequest is BenchmarkPing's floor: the same machine and as many
// bytes, without session, protobuf or context at the caller.
func BenchmarkRawRequest(b *testing.B) {
	br := brokertest.Start(b, broker.Config{})
	machine.Serve(b, br, machine.Pong)
	nc := brokertest.Control(b, br)
	data := make([]byte, 0, 64)
	data = append(data, 0x0a, 36)
	data = append(data, "00000000-0000-4000-8000-000000000000"...)
	data = append(data, 0x52, 2, 0x08, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := nc.Request(machine.Subject, data, 30*time.Second); err != nil {
			b.Fatal(err)
		}
	}
}

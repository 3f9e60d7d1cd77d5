package agent_test

import (
	"math/rand/v2"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// BenchmarkPing compares a ping through the agent with what NATS itself takes
// for the same bytes.
func BenchmarkPing(b *testing.B) {
	s, echo := benchSubject(b)
	data, err := proto.Marshal(&agentv1.ControlRequest{RequestId: "00000000-0000-4000-8000-000000000000", Op: pingRequest(1).Op})
	if err != nil {
		b.Fatal(err)
	}
	conn := brokertest.Control(b, s.broker)
	b.Run("alone", func(b *testing.B) {
		compare(b, func() { request(b, conn, s.base+".rpc", data) }, func() { request(b, conn, echo, data) })
	})
	b.Run("64 callers", func(b *testing.B) {
		var direct, through time.Duration
		for b.Loop() {
			through += burst(b, conn, s.base+".rpc", data)
			direct += burst(b, conn, echo, data)
		}
		b.ReportMetric(float64(direct)/float64(through), "throughput-ratio")
		b.ReportMetric(float64(b.N)*burstSize/through.Seconds(), "pings/s")
	})
}

// BenchmarkExecTrue compares the exec of a program that does nothing with
// os/exec plus a round trip.
func BenchmarkExecTrue(b *testing.B) {
	s, echo := benchSubject(b)
	data, err := proto.Marshal(execRequest(&agentv1.ExecRequest{Command: []string{"true"}}))
	if err != nil {
		b.Fatal(err)
	}
	conn := brokertest.Control(b, s.broker)
	compare(b, func() { request(b, conn, s.base+".rpc", data) }, func() {
		if err := exec.Command("true").Run(); err != nil {
			b.Fatal(err)
		}
		request(b, conn, echo, data)
	})
}

// benchSubject is a quiet agent, and the subject of a bare responder that is
// connected as an agent is.
func benchSubject(b *testing.B) (s *subject, echo string) {
	b.Helper()
	s = start(b, func(c *agent.Config) { c.Logger = nil })
	s.broker.Admit("ws", "echo-token")
	nc := brokertest.Agent(b, s.broker, "echo-token")
	echo = "agent.ws.echo.rpc"
	if _, err := nc.Subscribe(echo, func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		b.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		b.Fatal(err)
	}
	return s, echo
}

func request(b *testing.B, nc *nats.Conn, subject string, data []byte) {
	if _, err := nc.Request(subject, data, patience); err != nil {
		b.Fatal(err)
	}
}

// compare runs both in every round, in an order that chance decides, and
// reports medians: whatever else the machine does hits either alike.
func compare(b *testing.B, what, floor func()) {
	b.Helper()
	var a, z []time.Duration
	for b.Loop() {
		if rand.IntN(2) == 0 {
			a = append(a, timed(what))
			z = append(z, timed(floor))
		} else {
			z = append(z, timed(floor))
			a = append(a, timed(what))
		}
	}
	p50, floor50 := median(a), median(z)
	b.ReportMetric(float64(p50.Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(floor50.Nanoseconds()), "floor-ns")
	b.ReportMetric(float64(p50)/float64(floor50), "ratio")
}

func timed(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

const burstSize = 64 * 50

// burst has 64 callers make their requests and returns how long all took.
func burst(b *testing.B, nc *nats.Conn, subject string, data []byte) time.Duration {
	var left atomic.Int64
	left.Store(burstSize)
	begin := time.Now()
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := nc.Request(subject, data, patience); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
	return time.Since(begin)
}

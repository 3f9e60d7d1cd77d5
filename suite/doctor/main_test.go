package doctor_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/doctor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// steps collects what an examination says.
type steps []doctor.Step

func (s *steps) say(step doctor.Step) { *s = append(*s, step) }

// want checks that the examination ended with a step, or that all was well.
func (s steps) want(t *testing.T, well bool, step, found, advice string) {
	t.Helper()
	if len(s) == 0 {
		t.Fatal("nothing was tried")
	}
	for _, one := range s[:len(s)-1] {
		if !one.OK && step != "" {
			t.Errorf("%s failed before: %s", one.Name, one.Found)
		}
	}
	last := s[len(s)-1]
	if last.Name != step || last.OK != well || !strings.Contains(last.Found, found) || !strings.Contains(last.Advice, advice) {
		t.Errorf("the last step is %+v;\nwant %s (%t), %q, %q", last, step, well, found, advice)
	}
	if !last.OK && last.Advice == "" {
		t.Errorf("%s says nothing of what to do", last.Name)
	}
}

// script is what an agent of these tests does. The zero value serves as it
// should.
type script struct {
	base   string                               // instead of agent.<workspace>.<agent>
	deaf   bool                                 // subscribes to nothing
	dumb   bool                                 // says no hello and no heartbeat
	name   string                               // instead of its own, in what it announces
	hello  []byte                               // instead of a Hello
	event  []byte                               // instead of a heartbeat
	answer func(*agentv1.ControlRequest) []byte // nil for a right one; a nil answer is none

	subscribed func() // called when it is; may be nil
}

// serve connects and plays the script until ctx ends.
func (s script) serve(ctx context.Context, url, token, workspace, agent string) error {
	nc, err := nats.Connect(url, nats.Token(token), nats.NoReconnect(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		return err
	}
	defer nc.Close()
	base := "agent." + workspace + "." + agent
	if s.base != "" {
		base = s.base
	}
	if !s.deaf {
		if _, err := nc.Subscribe(base+".rpc", s.reply); err != nil {
			return err
		}
		if err := nc.Flush(); err != nil {
			return err
		}
	}
	if s.subscribed != nil {
		s.subscribed()
	}
	if s.name != "" {
		agent = s.name
	}
	if !s.dumb {
		hello := encode(&agentv1.Hello{AgentId: agent, WorkspaceId: workspace, AgentVersion: "0.1"})
		if s.hello != nil {
			hello = s.hello
		}
		if err := nc.Publish(base+".hello", hello); err != nil {
			return err
		}
	}
	s.beat(ctx, nc, base, agent)
	return nil
}

// beat sends heartbeats, more often than an agent has to.
func (s script) beat(ctx context.Context, nc *nats.Conn, base, agent string) {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for seq := uint64(1); ; seq++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		event := encode(&agentv1.AgentEvent{AgentId: agent, Event: &agentv1.AgentEvent_Heartbeat{Heartbeat: &agentv1.Heartbeat{Seq: seq}}})
		if s.event != nil {
			event = s.event
		}
		if !s.dumb {
			_ = nc.Publish(base+".events", event)
		}
	}
}

func (s script) reply(msg *nats.Msg) {
	req := new(agentv1.ControlRequest)
	if proto.Unmarshal(msg.Data, req) != nil {
		return
	}
	answer := s.answer
	if answer == nil {
		answer = pong
	}
	if data := answer(req); data != nil {
		_ = msg.Respond(data)
	}
}

func pong(req *agentv1.ControlRequest) []byte {
	return encode(&agentv1.ControlResponse{
		RequestId: req.GetRequestId(), Result: &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{Nonce: req.GetPing().GetNonce()}},
	})
}

func encode(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return data
}

// play runs a script beside the test, and returns when it serves.
func play(t *testing.T, s script, url, token, workspace, agent string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan struct{})
	s.subscribed = func() { close(ready) }
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.serve(ctx, url, token, workspace, agent); err != nil {
			t.Errorf("the agent of the test: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	select {
	case <-ready:
	case <-time.After(20 * time.Second):
		t.Fatal("the agent of the test does not serve")
	}
}

// quick halves all limits: what these tests wait for in vain is long enough.
const quick = 0.5

// listen accepts connections and gives each to serve.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer conn.Close(); serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

// with changes a URL.
func with(t *testing.T, raw string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

package agent_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// nobody is a URL where nothing listens.
const nobody = "nats://127.0.0.1:1"

func TestURLs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		tls  bool
		urls func(*broker.Broker) []string
	}{
		"nats":                           {false, func(b *broker.Broker) []string { return []string{b.URL()} }},
		"no scheme":                      {false, func(b *broker.Broker) []string { return []string{b.URL()[len("nats://"):]} }},
		"ws":                             {false, func(b *broker.Broker) []string { return []string{b.WebsocketURL()} }},
		"tls":                            {true, func(b *broker.Broker) []string { return []string{b.URL()} }},
		"wss":                            {true, func(b *broker.Broker) []string { return []string{b.WebsocketURL()} }},
		"the second of two":              {false, func(b *broker.Broker) []string { return []string{nobody, b.URL()} }},
		"a websocket after another kind": {false, func(b *broker.Broker) []string { return []string{nobody, b.WebsocketURL()} }},
		"another kind after a websocket": {false, func(b *broker.Broker) []string { return []string{"ws://127.0.0.1:1", b.URL()} }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := prepare(t, broker.Config{TLS: tc.tls})
			s.run(func(c *agent.Config) {
				c.URLs = tc.urls(s.broker)
				if tc.tls {
					c.CAFile = s.broker.CAFile()
				}
			})
			s.announced()
		})
	}
}

// A ca.pem beside the credentials says whom to trust, not that there is TLS.
func TestACAIsNoDemandForTLS(t *testing.T) {
	t.Parallel()
	ca := brokertest.Start(t, broker.Config{TLS: true}).CAFile()
	s := prepare(t, broker.Config{})
	s.run(func(c *agent.Config) { c.CAFile = ca })
	s.announced()
}

func TestAgentOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	t.Run("of a broker that is away at the start", func(t *testing.T) {
		t.Parallel()
		s := prepare(t, broker.Config{})
		s.broker.Stop()
		s.run(nil)
		s.restart()
		s.announced()
	})
	t.Run("of a broker that goes and comes back", func(t *testing.T) {
		t.Parallel()
		s := prepare(t, broker.Config{})
		s.run(nil)
		s.announced()
		for range 3 {
			s.broker.Stop()
			s.restart()
			s.announced()
		}
	})
	t.Run("of its own connection", func(t *testing.T) {
		t.Parallel()
		s := prepare(t, broker.Config{})
		s.run(nil)
		s.announced()
		for range 3 {
			if s.broker.Kick(s.token) == 0 {
				t.Fatal("nobody was kicked")
			}
			s.announced()
		}
	})
	t.Run("of its authorization", func(t *testing.T) {
		t.Parallel()
		s := prepare(t, broker.Config{})
		s.run(nil)
		s.announced()
		s.broker.Revoke(s.token)
		// A client library gives up when it is refused for the second time.
		eventually(t, "the agent is refused again and again", func() bool { return s.broker.Rejected() >= 3 })
		if n, _, _ := s.hellos.Pending(); n != 0 {
			t.Error("a revoked agent said hello")
		}
		s.broker.Admit("ws", s.token)
		s.announced()
	})
}

func TestAnAgentWithoutRightsStaysSilent(t *testing.T) {
	t.Parallel()
	s := prepare(t, broker.Config{})
	s.broker.Admit("elsewhere", s.token)
	s.run(nil)
	eventually(t, "its subscription is refused again and again", func() bool { return len(s.broker.Violations()) >= 3 })
	if n, _, _ := s.hellos.Pending(); n != 0 {
		t.Error("it said hello without a subscription")
	}
	s.broker.Admit("ws", s.token)
	s.announced()
}

// A request can arrive as soon as the broker has the subscription, which is
// before the agent knows that it has.
func TestTheVeryFirstRequestIsAnswered(t *testing.T) {
	t.Parallel()
	s := prepare(t, broker.Config{})
	served, serve := context.WithCancel(t.Context())
	s.run(func(c *agent.Config) {
		c.NATSOptions = []nats.Option{nats.SetCustomDialer(holdingDialer{until: served})}
		c.Wire.In = func(next nats.MsgHandler) nats.MsgHandler {
			return func(m *nats.Msg) {
				next(m)
				serve()
			}
		}
	})
	ping := mustMarshal(t, pingRequest(7))
	_, err := s.try(ping)
	for errors.Is(err, nats.ErrNoResponders) {
		_, err = s.try(ping)
	}
	if err != nil {
		t.Error(err)
	}
}

// holdingDialer's connections hold back what goes with the agent's
// subscription, its flush, until a context ends.
type holdingDialer struct{ until context.Context }

func (d holdingDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := net.DialTimeout(network, address, patience)
	return holdingConn{conn, d.until}, err
}

type holdingConn struct {
	net.Conn
	until context.Context
}

func (c holdingConn) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(p, []byte("SUB ")) {
		return c.Conn.Write(p)
	}
	end := bytes.IndexByte(p, '\n') + 1
	held := bytes.Clone(p[end:])
	context.AfterFunc(c.until, func() { _, _ = c.Conn.Write(held) })
	n, err := c.Conn.Write(p[:end])
	return n + len(held), err
}

func TestAReplyFindsItsWayAfterAKick(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	reply := make(chan *agentv1.ControlResponse, 1)
	go func() {
		resp, err := s.try(mustMarshal(t, execRequest(&agentv1.ExecRequest{
			Command: []string{"sh", "-c", "echo $$ >pid; until test -e go; do sleep 0.05; done; echo done"}})))
		if err != nil {
			t.Error(err)
		}
		reply <- resp
	}()
	s.awaitPID("pid")
	s.broker.Kick(s.token)
	s.nextHello()
	s.exec(&agentv1.ExecRequest{Command: []string{"touch", "go"}})
	if got := string((<-reply).GetExec().GetStdout()); got != "done\n" {
		t.Errorf("stdout %q", got)
	}
}

func TestNothingIsSentLate(t *testing.T) {
	t.Parallel()
	s := prepare(t, broker.Config{})
	s.run(nil)
	s.announced()
	s.broker.Stop()
	// Long enough for a heartbeat to fall into it.
	outage := time.NewTimer(6 * time.Second)
	defer outage.Stop()
	<-outage.C
	s.restart()
	s.announced()
}

// announced waits for what follows every connection: one Hello, heartbeats
// that count from 1, and one reply for each request.
func (s *subject) announced() {
	s.Helper()
	s.nextHello()
	if got := s.nextEvent().GetHeartbeat().GetSeq(); got != 1 {
		s.Errorf("the first heartbeat after a Hello is number %d", got)
	}
	inbox := s.cp.NewInbox()
	replies, err := s.cp.SubscribeSync(inbox)
	if err != nil {
		s.Fatal(err)
	}
	const n = 20
	for range n {
		if err := s.cp.PublishRequest(s.base+".rpc", inbox, mustMarshal(s, pingRequest(1))); err != nil {
			s.Fatal(err)
		}
	}
	for range n {
		if _, err := replies.NextMsg(patience); err != nil {
			s.Fatal(err)
		}
	}
	s.call(pingRequest(2)) // a second reply to those above would have come before
	if more, _, _ := replies.Pending(); more != 0 {
		s.Errorf("%d replies too many", more)
	}
	if more, _, _ := s.hellos.Pending(); more != 0 {
		s.Errorf("%d hellos too many", more)
	}
	if err := replies.Unsubscribe(); err != nil {
		s.Error(err)
	}
}

// restart brings the broker back and the control plane before the agent, so
// that it misses nothing.
func (s *subject) restart() {
	s.Helper()
	err := s.broker.RestartFor(func() error {
		// A flush fails that began on the connection before.
		eventually(s, "the control plane is back", func() bool { return s.cp.FlushTimeout(patience) == nil })
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

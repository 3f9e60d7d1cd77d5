package agent_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/fixtures/broker"
)

// proxy passes connections on to a broker until it freezes them: then nothing
// moves and nobody is told, as when a cable is pulled.
type proxy struct {
	listener net.Listener
	to       string
	wg       sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	conns  []net.Conn
	frozen chan struct{} // of the connections so far; closed to freeze them
	closed bool
}

func startProxy(tb testing.TB, to string) *proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{listener: l, to: strings.TrimPrefix(to, "nats://"), frozen: make(chan struct{})}
	p.wg.Go(p.serve)
	tb.Cleanup(p.close)
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		if p.closed {
			_, _ = client.Close(), server.Close()
		}
		p.conns = append(p.conns, client, server)
		frozen := p.frozen
		p.mu.Unlock()
		p.wg.Go(func() { pump(client, server, frozen) })
		p.wg.Go(func() { pump(server, client, frozen) })
	}
}

func pump(to, from net.Conn, frozen <-chan struct{}) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		select {
		case <-frozen:
			return // and leave both ends open
		default:
		}
		if err == nil {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			_, _ = to.Close(), from.Close()
			return
		}
	}
}

// freeze stops what goes through the connections of now; later ones work.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.frozen)
	p.frozen = make(chan struct{})
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func TestASilentBrokerIsNoticed(t *testing.T) {
	t.Parallel()
	s := prepare(t, broker.Config{})
	p := startProxy(t, s.broker.URL())
	s.run(func(c *agent.Config) {
		c.URLs = []string{p.url()}
		c.NATSOptions = []nats.Option{nats.PingInterval(100 * time.Millisecond)}
	})
	s.announced()
	p.freeze()
	s.announced()
}

func TestStopWhileTheBrokerIsSilent(t *testing.T) {
	t.Parallel()
	s := prepare(t, broker.Config{})
	p := startProxy(t, s.broker.URL())
	s.run(func(c *agent.Config) { c.URLs = []string{p.url()} })
	s.announced()
	p.freeze()
	s.stopsInTime()
}

func TestStopWhileABrokerThatSaysNothingIsAsked(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := prepare(t, broker.Config{})
	s.run(func(c *agent.Config) { c.URLs = []string{"nats://" + l.Addr().String()} })
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.stopsInTime()
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the agent left its connection open: %v", err)
	}
}

// stopsInTime stops the agent, which has 10 s for it (lifecycle.stop-order).
func (s *subject) stopsInTime() {
	s.Helper()
	begin := time.Now()
	s.stop(nil)
	s.waitStopped()
	if took := time.Since(begin); took > 10*time.Second {
		s.Errorf("the stop took %v", took)
	}
}

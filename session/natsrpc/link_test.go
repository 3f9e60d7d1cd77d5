package natsrpc_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/session/internal/machine"
	"agentproof/session/natsrpc"
)

// counter counts the TCP connections that a client makes.
type counter struct{ n atomic.Int32 }

func newCounter() *counter { return &counter{} }

func (c *counter) count() int { return int(c.n.Load()) }

func (c *counter) option() nats.Option { return nats.SetCustomDialer(c) }

func (c *counter) Dial(network, address string) (net.Conn, error) {
	c.n.Add(1)
	return net.DialTimeout(network, address, patience)
}

// eventually polls, for there is no event to wait on where nats.go restores a
// connection by itself.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func answers(t *testing.T, rpc session.ControlRPC, nonce uint64) func() bool {
	return func() bool {
		// A request that goes into a dying connection is lost without a word:
		// its turn must end before patience does.
		resp, err := rpc.Request(t.Context(), machine.Subject, ping(nonce), time.Second)
		return err == nil && resp.GetPing() != nil
	}
}

// awaitStatus waits until nats.go has noticed what the test did to it.
func awaitStatus(t *testing.T, nc *nats.Conn, want nats.Status) {
	t.Helper()
	changed := nc.StatusChanged(want)
	defer nc.RemoveStatusListener(changed)
	if nc.Status() == want {
		return
	}
	select {
	case <-changed:
	case <-time.After(patience):
		t.Fatalf("the connection is %v, want %v", nc.Status(), want)
	}
}

// conns hands out the connections that a client made, oldest first.
func conns() (<-chan *nats.Conn, nats.Option) {
	made := make(chan *nats.Conn, 10)
	return made, nats.ConnectHandler(func(nc *nats.Conn) { made <- nc })
}

func TestTheConnectionIsMadeByTheFirstRequestAndShared(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	machine.Serve(t, b, machine.Pong)
	dials := newCounter()
	c := newClient(t, b, dials.option())
	if n := dials.count(); n != 0 {
		t.Fatalf("dialed %d times before the first request", n)
	}
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if resp, err := c.Request(t.Context(), machine.Subject, ping(1), patience); err != nil || resp.GetPing() == nil {
				t.Errorf("a caller got %v, %v", resp, err)
			}
		})
	}
	callers.Wait()
	if n := dials.count(); n != 1 {
		t.Errorf("50 callers dialed %d times, want once", n)
	}
}

func TestAFailedDialIsNotRemembered(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	b.Stop()
	c := newClient(t, b)
	for range 2 {
		wantCode(t, request(t, c, ping(1), patience), offline, false)
	}
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	machine.Serve(t, b, machine.Pong)
	wantPong(t, c) // at once, by a dial of its own
}

func TestAClosedConnectionIsDialedAgainByTheNextRequest(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	machine.Serve(t, b, machine.Pong)
	made, option := conns()
	c := newClient(t, b, option)
	wantPong(t, c)
	(<-made).Close() // as nats.go itself does when it is refused twice
	wantPong(t, c)
}

func TestRefusedCredentialsEndTheConnectionNotTheClient(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	machine.Serve(t, b, machine.Pong)
	b.Admit(machine.WorkspaceID, "control-token")
	made, option := conns()
	c := closeAfter(t, natsrpc.New(natsrpc.Config{URLs: []string{b.URL()}, Token: "control-token", Options: []nats.Option{option}}))
	wantPong(t, c)
	b.Revoke("control-token")
	awaitStatus(t, <-made, nats.CLOSED)
	wantCode(t, request(t, c, ping(1), patience), offline, false)
	b.Admit(machine.WorkspaceID, "control-token")
	wantPong(t, c)
}

func TestATornConnectionComesBackAndNothingIsSentLate(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	m := machine.Serve(t, b, machine.Pong)
	made, option := conns()
	// A caller's options cannot bring the buffer back.
	c := newClient(t, b, option, nats.ReconnectBufSize(1<<20), nats.RetryOnFailedConnect(true))
	wantPong(t, c)
	b.Stop()
	awaitStatus(t, <-made, nats.RECONNECTING)

	start := time.Now()
	for nonce := range uint64(20) {
		wantCode(t, request(t, c, ping(1000+nonce), patience), offline, false)
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("20 refusals took %v, want them at once", took)
	}
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an answer after the broker's return", answers(t, c, 1))
	wantPong(t, c) // whatever was sent before has arrived before
	for _, req := range m.Requests() {
		if nonce := req.GetPing().GetNonce(); nonce >= 1000 {
			t.Errorf("ping %d was sent after its caller was told that the machine is offline", nonce)
		}
	}
}

func TestARequestInFlightOverAnOutageIsNotSentAgain(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	asked := make(chan struct{}, 10)
	m := machine.Serve(t, b, func(req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetPing().GetNonce() == 1000 {
			asked <- struct{}{}
			return nil
		}
		return machine.Pong(req)
	})
	c := newClient(t, b)
	done := make(chan *agentv1.ControlResponse, 1)
	const wait = 3 * time.Second
	go func() { done <- request(t, c, ping(1000), wait) }()
	<-asked
	b.Stop()
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an answer after the broker's return", answers(t, c, 1))
	wantCode(t, <-done, timeout, true)
	wantPong(t, c)
	sent := 0
	for _, req := range m.Requests() {
		if req.GetPing().GetNonce() == 1000 {
			sent++
		}
	}
	if sent != 1 {
		t.Errorf("the request was sent %d times, want once", sent)
	}
}

// gate is a TCP proxy that lets nothing through until it is opened: a broker
// whose dial hangs.
type gate struct {
	l    net.Listener
	open chan struct{}
}

func newGate(t *testing.T, b *broker.Broker) (g *gate, proxied string) {
	t.Helper()
	u, err := url.Parse(b.ControlURL())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g = &gate{l: l, open: make(chan struct{})}
	var running sync.WaitGroup
	target := u.Host
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { g.forward(conn, target) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	u.Host = l.Addr().String()
	return g, u.String()
}

func (g *gate) forward(client net.Conn, target string) {
	defer client.Close()
	<-g.open
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	_, _ = io.Copy(client, server)
	client.Close()
	<-done
}

func TestACallerThatLeftDuringTheDialIsNotServedLater(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	m := machine.Serve(t, b, machine.Pong)
	g, proxied := newGate(t, b)
	c := natsrpc.New(natsrpc.Config{URLs: []string{proxied}, DialTimeout: patience})
	closeAfter(t, c)

	wantCode(t, request(t, c, ping(1000), brief), timeout, true)
	ctx, cancel := context.WithTimeout(t.Context(), brief)
	cancel()
	if _, err := c.Request(ctx, machine.Subject, ping(1001), patience); err != context.Canceled {
		t.Errorf("err = %v, want %v", err, context.Canceled)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer time.AfterFunc(brief, cancel).Stop() // any moment of the dial will do
	if _, err := c.Request(ctx, machine.Subject, ping(1002), patience); err != context.Canceled {
		t.Errorf("err = %v, want %v", err, context.Canceled)
	}

	close(g.open)
	wantPong(t, c) // by the dial that those callers started
	wantPong(t, c)
	if n := len(m.Requests()); n != 2 {
		t.Errorf("the machine got %v, want the two pings of callers that stayed", m.Requests())
	}
}

func TestADialThatHangsIsOfflineNotATimeout(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	g, proxied := newGate(t, b)
	defer close(g.open)
	c := closeAfter(t, natsrpc.New(natsrpc.Config{URLs: []string{proxied}, DialTimeout: brief}))
	wantCode(t, request(t, c, ping(1), patience), offline, false)
}

func TestCloseDrains(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	asked, answer := make(chan struct{}), make(chan struct{})
	machine.Serve(t, b, func(req *agentv1.ControlRequest) *agentv1.ControlResponse {
		if req.GetPing().GetNonce() == 7 {
			close(asked)
			<-answer
		}
		return machine.Pong(req)
	})
	made, option := conns()
	c := natsrpc.New(natsrpc.Config{URLs: []string{b.ControlURL()}, DrainTimeout: patience, Options: []nats.Option{option}})
	replied := make(chan *agentv1.ControlResponse, 1)
	go func() { replied <- request(t, c, ping(7), patience) }()
	<-asked

	closed := make(chan error, 2)
	for range 2 {
		go func() { closed <- c.Close() }()
	}
	eventually(t, "new requests refused", func() bool {
		return request(t, c, ping(1), brief).GetError().GetCode() == offline
	})
	close(answer)
	if resp := <-replied; resp.GetPing().GetNonce() != 7 {
		t.Errorf("the request under way got %v, want its reply", resp)
	}
	for range 2 {
		if err := <-closed; err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if nc := <-made; !nc.IsClosed() {
		t.Errorf("after Close the connection is %v", nc.Status())
	}
	wantCode(t, request(t, c, ping(1), patience), offline, false)
	if err := c.Close(); err != nil {
		t.Errorf("a late Close = %v", err)
	}
}

func TestCloseDoesNotWaitForASilentMachineForEver(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	asked := make(chan struct{})
	machine.Serve(t, b, func(*agentv1.ControlRequest) *agentv1.ControlResponse {
		close(asked)
		return nil
	})
	c := natsrpc.New(natsrpc.Config{URLs: []string{b.ControlURL()}, DrainTimeout: brief})
	replied := make(chan *agentv1.ControlResponse, 1)
	go func() { replied <- request(t, c, ping(1), 10*patience) }()
	<-asked
	start := time.Now()
	_ = c.Close() // whether so short a drain succeeds depends on the machine's load
	wantCode(t, <-replied, offline, false)
	if took := time.Since(start); took > patience {
		t.Errorf("Close took %v", took)
	}
}

func TestCloseWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	machine.Serve(t, b, machine.Pong)
	made, option := conns()
	c := newClient(t, b, option)
	wantPong(t, c)
	b.Stop()
	awaitStatus(t, <-made, nats.RECONNECTING)
	if err := c.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

func TestCloseOfAConnectionThatIsClosedAlready(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	machine.Serve(t, b, machine.Pong)
	made, option := conns()
	c := newClient(t, b, option)
	wantPong(t, c)
	(<-made).Close()
	if err := c.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

func TestCloseOfAClientThatNeverConnected(t *testing.T) {
	t.Parallel()
	if err := natsrpc.New(natsrpc.Config{}).Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

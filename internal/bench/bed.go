package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/fixtures/broker"
	"agentproof/fixtures/display"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/session"
	"agentproof/session/natsrpc"
)

const (
	workspaceID = "bench"
	agentID     = "agent"
	token       = "bench"
	echoToken   = "echo"
	echoSubject = "agent.bench.echo.rpc"
	blobSubject = "agent.bench.echo.blob"
	fileSize    = 768 << 10
)

// bed is what everything is measured on: one broker, the agent, and beside it
// a responder that may do what an agent may, and does nothing but answer.
type bed struct {
	root    string
	broker  *broker.Broker
	relay   *relay.Server
	stop    context.CancelFunc
	stopped chan error
	raw     *nats.Conn // the floors' caller
	echo    *nats.Conn // the floors' responder
	screen  *screen    // nil where there is no Xvfb
	rpc     *natsrpc.Client
	session *session.Session
}

func newBed(ctx context.Context) (*bed, error) {
	b := &bed{stopped: make(chan error, 1), stop: func() {}}
	if err := b.open(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bed) open(ctx context.Context) (err error) {
	if b.root, err = os.MkdirTemp("", "agentproof-bench-"); err != nil {
		return err
	}
	if b.broker, err = broker.Start(broker.Config{}); err != nil {
		return err
	}
	b.broker.Admit(workspaceID, token)
	b.broker.Admit(workspaceID, echoToken)
	if b.screen, err = openScreen(ctx); err != nil && !errors.Is(err, display.ErrNotInstalled) {
		return err
	}
	if b.raw, err = nats.Connect(b.broker.ControlURL()); err != nil {
		return err
	}
	if b.echo, err = nats.Connect(b.broker.URL(), nats.Token(echoToken)); err != nil {
		return err
	}
	blob := make([]byte, fileSize)
	_, err1 := b.echo.Subscribe(echoSubject, func(m *nats.Msg) { _ = m.Respond(m.Data) })
	_, err2 := b.echo.Subscribe(blobSubject, func(m *nats.Msg) { _ = m.Respond(blob) })
	if err := errors.Join(err1, err2, b.echo.Flush()); err != nil {
		return err
	}
	return b.startAgent(ctx)
}

func (b *bed) startAgent(ctx context.Context) error {
	var err error
	// What is measured is the work, not the limit.
	if b.relay, err = relay.Start(relay.Config{ViewerSecret: relaySecret, Rate: -1}); err != nil {
		return err
	}
	relayToken, err := producerToken()
	if err != nil {
		return err
	}
	cfg := agent.Config{
		WorkspaceID: workspaceID, AgentID: agentID, URLs: []string{b.broker.URL()}, Token: token, Root: b.root,
		RelayURL: b.relay.URL(), RelayToken: string(relayToken), ScreenControl: true,
	}
	if b.screen != nil {
		cfg.Environ = slices.Concat(os.Environ(), b.screen.display.Env())
	}
	a, err := agent.New(cfg)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	b.stop = stop
	go func() { b.stopped <- a.Run(running) }()
	b.rpc = natsrpc.New(natsrpc.Config{URLs: []string{b.broker.ControlURL()}})
	addr := b.relay.Addr().(*net.TCPAddr)
	b.session, err = session.New(b.rpc, session.Config{
		WorkspaceID: workspaceID, AgentID: agentID,
		Relay: session.Relay{Host: addr.IP.String(), Port: addr.Port, NoTLS: true},
	})
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); !b.session.Ping(ctx, 1); {
		if time.Now().After(deadline) {
			return errors.New("the agent does not answer")
		}
	}
	return nil
}

func (b *bed) close() {
	b.stop()
	if b.rpc != nil {
		<-b.stopped
		_ = b.rpc.Close()
	}
	for _, nc := range []*nats.Conn{b.raw, b.echo} {
		if nc != nil {
			nc.Close()
		}
	}
	if b.relay != nil {
		b.relay.Kill()
	}
	if b.screen != nil {
		b.screen.close()
	}
	if b.broker != nil {
		b.broker.Close()
	}
	_ = os.RemoveAll(b.root)
}

// pingRequest is as large as a session's ping, so that the floor carries the
// same bytes.
func pingRequest() ([]byte, error) {
	return proto.Marshal(&agentv1.ControlRequest{
		RequestId: "00000000-0000-4000-8000-000000000000",
		Op:        &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{Nonce: 1 << 52}},
	})
}

func (b *bed) rawPing(payload []byte) error {
	_, err := b.raw.Request(echoSubject, payload, 10*time.Second)
	return err
}

func (b *bed) ping(ctx context.Context) error {
	if !b.session.Ping(ctx, 1<<52) {
		return errors.New("a ping was not answered")
	}
	return nil
}

// inTurns times two things alternately, each n times, and returns the sorted
// durations. A fixed block of one and then the other would measure what else
// the machine did meanwhile.
func inTurns(n int, one, other func() error) (ones, others []time.Duration, err error) {
	return inTurnsAfter(func() error { return nil }, n, one, other)
}

// inTurnsAfter is inTurns with what comes before each of the two, unmeasured.
func inTurnsAfter(prepare func() error, n int, one, other func() error) (ones, others []time.Duration, err error) {
	for i := range n {
		first, second := &ones, &others
		f, g := one, other
		if i%2 == 1 {
			first, second, f, g = second, first, other, one
		}
		for _, turn := range []struct {
			into *[]time.Duration
			do   func() error
		}{{first, f}, {second, g}} {
			if err := prepare(); err != nil {
				return nil, nil, err
			}
			if err := timed(turn.into, turn.do); err != nil {
				return nil, nil, err
			}
		}
	}
	slices.Sort(ones)
	slices.Sort(others)
	return ones, others, nil
}

func timed(into *[]time.Duration, f func() error) error {
	start := time.Now()
	if err := f(); err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	*into = append(*into, time.Since(start))
	return nil
}

// quantile of sorted durations, in microseconds.
func quantile(d []time.Duration, q float64) float64 {
	return float64(d[int(q*float64(len(d)-1))].Nanoseconds()) / 1e3
}

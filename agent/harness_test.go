package agent_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// patience is how long a test waits for what should come at once: the machine
// may be busy with other things.
const patience = 20 * time.Second

// subject is an agent that runs on a broker, seen by a control plane.
type subject struct {
	testing.TB
	broker *broker.Broker
	cp     *nats.Conn
	base   string
	token  string
	root   string
	agent  *agent.Agent // once it runs

	hellos *nats.Subscription
	events *nats.Subscription

	stop    context.CancelCauseFunc
	stopped chan error
}

// start runs an agent until the test ends; change may be nil.
func start(tb testing.TB, change func(*agent.Config)) *subject {
	tb.Helper()
	return startOn(tb, broker.Config{}, change)
}

// startOn is start with a broker of its own kind.
func startOn(tb testing.TB, b broker.Config, change func(*agent.Config)) *subject {
	tb.Helper()
	s := prepare(tb, b)
	s.run(change)
	s.nextHello()
	return s
}

// prepare brings up everything but the agent.
func prepare(tb testing.TB, cfg broker.Config) *subject {
	tb.Helper()
	b := brokertest.Start(tb, cfg)
	s := &subject{TB: tb, broker: b, token: "token-" + uuid.NewString(), root: tb.TempDir()}
	b.Admit("ws", s.token)
	s.base = "agent.ws." + uuid.NewString()
	opts := []nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond)}
	if cfg.TLS {
		opts = append(opts, nats.RootCAs(b.CAFile()))
	}
	s.cp = brokertest.Control(tb, b, opts...)
	s.hellos = s.subscribe("hello")
	s.events = s.subscribe("events")
	return s
}

func (s *subject) subscribe(what string) *nats.Subscription {
	s.Helper()
	sub, err := s.cp.SubscribeSync(s.base + "." + what)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.cp.Flush(); err != nil {
		s.Fatal(err)
	}
	return sub
}

func (s *subject) agentID() string { return strings.TrimPrefix(s.base, "agent.ws.") }

func (s *subject) config() agent.Config {
	return agent.Config{
		WorkspaceID: "ws",
		AgentID:     s.agentID(),
		URLs:        []string{s.broker.URL()},
		Token:       s.token,
		Root:        s.root,
		Environ:     headless(),
		Logger:      testLogger(s.TB),
	}
}

// headless is the environment without the screen of whoever runs the tests.
func headless() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "DISPLAY=") })
}

// offline is an agent's configuration without a broker to talk to.
func offline(tb testing.TB) agent.Config {
	return agent.Config{WorkspaceID: "ws", AgentID: "ag", URLs: []string{"nats://127.0.0.1:1"}, Root: tb.TempDir()}
}

// run starts the agent without waiting for it.
func (s *subject) run(change func(*agent.Config)) {
	s.Helper()
	cfg := s.config()
	if change != nil {
		change(&cfg)
	}
	a, err := agent.New(cfg)
	if err != nil {
		s.Fatal(err)
	}
	s.agent = a
	ctx, cancel := context.WithCancelCause(context.Background())
	s.stop, s.stopped = cancel, make(chan error, 1)
	go func() { s.stopped <- a.Run(ctx) }()
	s.Cleanup(func() {
		cancel(nil)
		if err := <-s.stopped; err != nil {
			s.Errorf("Run: %v", err)
		}
		s.stopped <- nil
	})
}

// waitStopped waits for Run to return.
func (s *subject) waitStopped() {
	s.Helper()
	select {
	case err := <-s.stopped:
		s.stopped <- nil
		if err != nil {
			s.Fatalf("Run: %v", err)
		}
	case <-time.After(patience):
		s.Fatal("the agent did not stop")
	}
}

func (s *subject) nextHello() *agentv1.Hello {
	s.Helper()
	hello := new(agentv1.Hello)
	s.next(s.hellos, hello)
	return hello
}

func (s *subject) nextEvent() *agentv1.AgentEvent {
	s.Helper()
	event := new(agentv1.AgentEvent)
	s.next(s.events, event)
	return event
}

func (s *subject) next(sub *nats.Subscription, m proto.Message) {
	s.Helper()
	msg, err := sub.NextMsg(patience)
	if err != nil {
		s.Fatalf("wait for a message on %s: %v", sub.Subject, err)
	}
	if err := proto.Unmarshal(msg.Data, m); err != nil {
		s.Fatalf("message on %s: %v", sub.Subject, err)
	}
}

// raw sends bytes and returns the decoded reply.
func (s *subject) raw(data []byte) *agentv1.ControlResponse {
	s.Helper()
	resp, err := s.try(data)
	if err != nil {
		s.Fatal(err)
	}
	return resp
}

func (s *subject) try(data []byte) (*agentv1.ControlResponse, error) {
	msg, err := s.cp.Request(s.base+".rpc", data, 2*patience)
	if err != nil {
		return nil, err
	}
	resp := new(agentv1.ControlResponse)
	return resp, proto.Unmarshal(msg.Data, resp)
}

// call sends a request, with an id of its own if it has none, and checks what
// holds for every reply.
func (s *subject) call(req *agentv1.ControlRequest) *agentv1.ControlResponse {
	s.Helper()
	if req.RequestId == "" {
		req.RequestId = uuid.NewString()
	}
	data, err := proto.Marshal(req)
	if err != nil {
		s.Fatal(err)
	}
	resp := s.raw(data)
	if resp.GetRequestId() != req.GetRequestId() {
		s.Errorf("reply to %q carries the id %q", req.GetRequestId(), resp.GetRequestId())
	}
	if (resp.GetError() == nil) == (resp.GetResult() == nil) {
		s.Errorf("reply holds not exactly one of error and result: %v", resp)
	}
	return resp
}

// exec runs a command and fails the test on an error.
func (s *subject) exec(req *agentv1.ExecRequest) *agentv1.ExecResponse {
	s.Helper()
	resp := s.call(execRequest(req))
	if resp.GetError() != nil {
		s.Fatalf("exec: %v", resp.GetError())
	}
	return resp.GetExec()
}

func execRequest(req *agentv1.ExecRequest) *agentv1.ControlRequest {
	return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Exec{Exec: req}}
}

func pingRequest(nonce uint64) *agentv1.ControlRequest {
	return &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{Nonce: nonce}}}
}

// failed returns the error of a reply that must be one with this code, and
// checks what the code says about trying again.
func (s *subject) failed(resp *agentv1.ControlResponse, want agentv1.ErrorCode) *agentv1.AgentError {
	s.Helper()
	e := resp.GetError()
	if e.GetCode() != want {
		s.Fatalf("reply %v, want the error %v", resp, want)
	}
	if e.GetMessage() == "" {
		s.Errorf("%v has no message", want)
	}
	switch want {
	case agentv1.ErrorCode_ERROR_CODE_FENCED, agentv1.ErrorCode_ERROR_CODE_TIMEOUT, agentv1.ErrorCode_ERROR_CODE_DRAINING:
		if !e.GetRetryable() {
			s.Errorf("%v is not retryable", want)
		}
	default:
		if e.GetRetryable() {
			s.Errorf("%v is retryable", want)
		}
	}
	return e
}

// eventually polls until ok holds.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("never saw that %s", what)
		}
	}
}

// testLogger writes to the test's log while the test runs.
func testLogger(tb testing.TB) *slog.Logger {
	w := &logWriter{tb: tb}
	tb.Cleanup(w.close)
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type logWriter struct {
	mu sync.Mutex
	tb testing.TB // nil when the test has ended
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tb != nil {
		w.tb.Logf("%s", strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}

func (w *logWriter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tb = nil
}

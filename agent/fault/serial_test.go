package fault_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"agentproof/agent"
	"agentproof/agent/fault"
	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// patience is how long a test waits for what should come at once: the machine
// may be busy.
const patience = 20 * time.Second

// serving starts an agent with mutants and returns the control plane's
// connection to it and what its subjects begin with.
func serving(t *testing.T, mutants ...fault.Mutant) (cp *nats.Conn, base string) {
	t.Helper()
	b := brokertest.Start(t, broker.Config{})
	b.Admit("ws", "token")
	cp, base = brokertest.Control(t, b), "agent.ws.ag"
	hello, err := cp.SubscribeSync(base + ".hello")
	if err != nil {
		t.Fatal(err)
	}
	if err := cp.Flush(); err != nil {
		t.Fatal(err)
	}
	cfg := agent.Config{WorkspaceID: "ws", AgentID: "ag", URLs: []string{b.URL()}, Token: "token", Root: t.TempDir(), Environ: []string{}}
	ctx, cancel := context.WithCancel(context.Background())
	run, end, err := fault.Together(ctx, &cfg, mutants...)
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- a.Run(run) }()
	t.Cleanup(func() {
		cancel()
		if err := end(<-stopped); err != nil {
			t.Error(err)
		}
	})
	if _, err := hello.NextMsg(patience); err != nil {
		t.Fatal(err)
	}
	return cp, base
}

// inbox sends requests, and says whose replies come in which order.
type inbox struct {
	*testing.T
	cp      *nats.Conn
	base    string
	subject string
	replies *nats.Subscription
}

func newInbox(t *testing.T, cp *nats.Conn, base string) *inbox {
	t.Helper()
	to := cp.NewInbox()
	replies, err := cp.SubscribeSync(to + ".*")
	if err != nil {
		t.Fatal(err)
	}
	return &inbox{t, cp, base, to, replies}
}

// send expects the reply, if any, under a name.
func (i *inbox) send(name string, data []byte) {
	i.Helper()
	if err := i.cp.PublishRequest(i.base+".rpc", i.subject+"."+name, data); err != nil {
		i.Fatal(err)
	}
}

func (i *inbox) next() (name string) {
	i.Helper()
	msg, err := i.replies.NextMsg(patience)
	if err != nil {
		i.Fatal(err)
	}
	return strings.TrimPrefix(msg.Subject, i.subject+".")
}

func ping(t *testing.T) []byte {
	t.Helper()
	data, err := proto.Marshal(&agentv1.ControlRequest{Op: &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{}}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func metrics(t *testing.T) []byte {
	t.Helper()
	data, err := proto.Marshal(&agentv1.ControlRequest{Op: &agentv1.ControlRequest_Metrics{Metrics: &agentv1.MetricsRequest{}}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestASerialAgentServesOneRequestAtATime(t *testing.T) {
	t.Parallel()
	begun, free := make(chan struct{}), make(chan struct{})
	var free1 sync.Once
	release := func() { free1.Do(func() { close(free) }) }
	held := fault.Mutant{Name: "waits", Fault: func(next agent.Handler) agent.Handler {
		return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
			if req.GetMetrics() != nil {
				close(begun)
				<-free
			}
			return next(ctx, req)
		}
	}}
	cp, base := serving(t, fault.Mutant{Name: "is serial", Config: fault.Serial}, held)
	t.Cleanup(release) // before the agent ends
	events, err := cp.SubscribeSync(base + ".events")
	if err != nil {
		t.Fatal(err)
	}
	in := newInbox(t, cp, base)
	in.send("held", metrics(t))
	<-begun
	for _, name := range []string{"first", "second", "third"} {
		in.send(name, ping(t))
	}
	if _, err := events.NextMsg(patience); err != nil { // a heartbeat, while the agent is held
		t.Fatal(err)
	}
	if msg, err := in.replies.NextMsg(time.Nanosecond); err == nil {
		t.Errorf("a reply to %s while another request was served", msg.Subject)
	}
	release()
	for _, want := range []string{"held", "first", "second", "third"} {
		if got := in.next(); got != want {
			t.Fatalf("the reply to %s, want that to %s", got, want)
		}
	}
}

func TestASerialAgentServesOnAfterWhatGetsNoReply(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		beside []fault.Mutant
		send   func(t *testing.T, in *inbox)
	}{
		{"without a reply subject", nil, func(t *testing.T, in *inbox) {
			if err := in.cp.Publish(in.base+".rpc", ping(t)); err != nil {
				t.Fatal(err)
			}
		}},
		{"that does not decode", nil, func(_ *testing.T, in *inbox) {
			in.send("garbage", []byte{0xff})
			if got := in.next(); got != "garbage" {
				t.Errorf("the reply to %s, want that to garbage", got)
			}
		}},
		{"whose reply another fault withholds", []fault.Mutant{{Name: "keeps silent", Config: fault.Replies(func(resp *agentv1.ControlResponse) []*agentv1.ControlResponse {
			if resp.GetMetrics() != nil {
				return nil
			}
			return []*agentv1.ControlResponse{resp}
		})}}, func(t *testing.T, in *inbox) { in.send("withheld", metrics(t)) }},
		{"that another fault holds back", []fault.Mutant{{Name: "loses it", Config: fault.Received(func(msg *nats.Msg) {
			if len(msg.Data) > 2 {
				msg.Reply = ""
			}
		})}},
			func(t *testing.T, in *inbox) { in.send("lost", append(metrics(t), metrics(t)...)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			mutants := append([]fault.Mutant{{Name: "is serial", Config: fault.Serial}}, tt.beside...)
			cp, base := serving(t, mutants...)
			in := newInbox(t, cp, base)
			tt.send(t, in)
			in.send("ping", ping(t))
			if got := in.next(); got != "ping" {
				t.Errorf("the reply to %s, want that to ping", got)
			}
		})
	}
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// caseHeader is the NATS header that names the case, so that a subject's log
// can be read beside the report.
const caseHeader = "Agentproof-Case"

// Errors of a request that nobody answered, for cases that expect that.
var (
	ErrNoReply = errors.New("no reply")
	// ErrNoResponder means that nobody is subscribed.
	ErrNoResponder = errors.New("no responder on the subject")
)

// wire is the runner's connection to one broker. It sees every reply to every
// request, also those that come second.
type wire struct {
	nc    *nats.Conn
	inbox string // subject prefix of all reply inboxes
	sub   *nats.Subscription
	drops atomic.Int64 // how often the connection was lost

	// unasked is called for a reply to a request that was never made.
	unasked func()

	mu      sync.Mutex
	next    int
	waiting map[string]*pending // by the inbox's last token
}

// pending is a request in flight, or one that was answered already.
type pending struct {
	reply chan *nats.Msg
	seen  func(reply []byte, at time.Time) // called for every reply; may be nil
	got   bool
}

func dialWire(url string, unasked func(), opts ...nats.Option) (*wire, error) {
	w := &wire{inbox: nats.NewInbox() + ".", unasked: unasked, waiting: make(map[string]*pending)}
	opts = append([]nats.Option{
		nats.Name("agentproof conformance"),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { w.drops.Add(1) }),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		// A request made during an outage must fail, not be sent later.
		nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(),
	}, opts...)
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker as the control plane: %w", err)
	}
	w.nc = nc
	w.sub, err = nc.Subscribe(w.inbox+"*", w.deliver)
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("subscribe to replies: %w", err)
	}
	return w, nil
}

func (w *wire) close() { w.nc.Close() }

// lost is how many replies the runner was too slow to take.
func (w *wire) lost() int {
	n, _ := w.sub.Dropped()
	return n
}

func (w *wire) deliver(msg *nats.Msg) {
	at := time.Now()
	w.mu.Lock()
	p := w.waiting[strings.TrimPrefix(msg.Subject, w.inbox)]
	again := p != nil && p.got
	if p != nil {
		p.got = true
	}
	w.mu.Unlock()
	if p == nil {
		w.unasked()
		return
	}
	if p.seen != nil && !noResponder(msg) {
		p.seen(msg.Data, at)
	}
	if !again {
		p.reply <- msg
	}
}

// noResponder tells whether the broker itself answered, for want of an agent.
func noResponder(msg *nats.Msg) bool {
	return len(msg.Data) == 0 && msg.Header.Get("Status") == "503"
}

// send publishes a request and returns where its first reply will arrive.
// seen, if not nil, is called for every reply, for as long as the run lasts.
func (w *wire) send(subject string, payload []byte, header nats.Header, seen func([]byte, time.Time)) (<-chan *nats.Msg, error) {
	p := &pending{reply: make(chan *nats.Msg, 1), seen: seen}
	w.mu.Lock()
	w.next++
	token := fmt.Sprintf("r%d", w.next)
	w.waiting[token] = p
	w.mu.Unlock()
	err := w.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: w.inbox + token, Data: payload, Header: header})
	if err != nil {
		return nil, fmt.Errorf("publish on %s: %w", subject, err)
	}
	return p.reply, nil
}

// await waits for the reply of a send.
func await(ctx context.Context, reply <-chan *nats.Msg, limit time.Duration) (*nats.Msg, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case msg := <-reply:
		if noResponder(msg) {
			return nil, ErrNoResponder
		}
		return msg, nil
	case <-timer.C:
		return nil, fmt.Errorf("%w within %v", ErrNoReply, limit)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrNoReply, context.Cause(ctx))
	}
}

// NewRequest puts an operation's message into a ControlRequest. It panics on a
// message that is no operation; nil gives a request without one.
func NewRequest(op proto.Message) *agentv1.ControlRequest {
	req := &agentv1.ControlRequest{}
	if op == nil {
		return req
	}
	m := req.ProtoReflect()
	fields := m.Descriptor().Oneofs().ByName("op").Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.Message().FullName() == op.ProtoReflect().Descriptor().FullName() {
			m.Set(f, protoreflect.ValueOfMessage(op.ProtoReflect()))
			return req
		}
	}
	panic(fmt.Sprintf("%T is not an operation", op))
}

// opName is the member of the request's op, as in "fs_read"; empty for none.
func opName(req *agentv1.ControlRequest) string {
	m := req.ProtoReflect()
	if f := m.WhichOneof(m.Descriptor().Oneofs().ByName("op")); f != nil {
		return string(f.Name())
	}
	return ""
}

// resultOf returns the member of the response's result and its name.
func resultOf(resp *agentv1.ControlResponse) (string, proto.Message) {
	m := resp.ProtoReflect()
	f := m.WhichOneof(m.Descriptor().Oneofs().ByName("result"))
	if f == nil {
		return "", nil
	}
	return string(f.Name()), m.Get(f).Message().Interface()
}

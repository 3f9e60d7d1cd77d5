// Package wire is the control plane's side of a broker: a connection that makes
// requests and sees every reply to them, and a watcher that keeps what an agent
// announces.
package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// CaseHeader is the NATS header that names the case, so that a subject's log
// can be read beside the report.
const CaseHeader = "Agentproof-Case"

// OpLimit is how long an operation may take that has nothing to wait for. It is
// a limit of the harness, which a run may stretch.
const OpLimit = 20 * time.Second

// Errors of a request that nobody answered, for cases that expect that.
var (
	ErrNoReply = errors.New("no reply")
	// ErrNoResponder means that nobody is subscribed.
	ErrNoResponder = errors.New("no responder on the subject")
)

// Conn is the runner's connection to one broker. It sees every reply to every
// request, also those that come second. It is safe for concurrent use; Close
// ends it.
type Conn struct {
	*nats.Conn

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

// Dial connects to a broker, and again whenever the connection is lost. unasked
// is called for a reply to a request that was never made.
func Dial(url string, unasked func(), opts ...nats.Option) (*Conn, error) {
	w := &Conn{inbox: nats.NewInbox() + ".", unasked: unasked, waiting: make(map[string]*pending)}
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
	w.Conn = nc
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

// Drops is how often the connection was lost so far.
func (w *Conn) Drops() int { return int(w.drops.Load()) }

// Lost is how many replies the runner was too slow to take.
func (w *Conn) Lost() int {
	n, _ := w.sub.Dropped()
	return n
}

func (w *Conn) deliver(msg *nats.Msg) {
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

// Send publishes a request and returns where its first reply will arrive, for
// Await. seen, if not nil, is called for every reply, for as long as the
// connection lasts, by the one goroutine that receives.
func (w *Conn) Send(subject string, payload []byte, header nats.Header, seen func([]byte, time.Time)) (<-chan *nats.Msg, error) {
	p := &pending{reply: make(chan *nats.Msg, 1), seen: seen}
	w.mu.Lock()
	w.next++
	token := fmt.Sprintf("r%d", w.next)
	w.waiting[token] = p
	w.mu.Unlock()
	err := w.PublishMsg(&nats.Msg{Subject: subject, Reply: w.inbox + token, Data: payload, Header: header})
	if err != nil {
		return nil, fmt.Errorf("publish on %s: %w", subject, err)
	}
	return p.reply, nil
}

// Await waits for the reply of a Send. The error is ErrNoResponder or wraps
// ErrNoReply.
func Await(ctx context.Context, reply <-chan *nats.Msg, limit time.Duration) (*nats.Msg, error) {
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

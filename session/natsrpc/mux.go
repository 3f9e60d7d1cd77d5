package natsrpc

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// mux makes requests over one connection and takes all their replies off one
// subscription. nats.Conn has the like, but there every request that is bounded
// needs a context with a timer of its own, and a channel.
type mux struct {
	nc     *nats.Conn
	prefix string        // of the reply subjects
	closed chan struct{} // closed with the subscription, when nothing comes any more
	stray  func(reply string)

	mu      sync.Mutex
	waiting map[string]chan<- *nats.Msg // by the reply subject
}

func newMux(nc *nats.Conn, stray func(reply string)) (*mux, error) {
	m := &mux{
		nc:      nc,
		prefix:  nc.NewInbox() + ".",
		closed:  make(chan struct{}),
		stray:   stray,
		waiting: make(map[string]chan<- *nats.Msg),
	}
	sub, err := nc.Subscribe(m.prefix+"*", m.deliver)
	if err != nil {
		return nil, err
	}
	sub.SetClosedHandler(func(string) { close(m.closed) })
	return m, nil
}

// deliver drops replies that nobody waits for: late ones and second ones.
func (m *mux) deliver(msg *nats.Msg) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if reply, ok := m.waiting[msg.Subject]; ok {
		delete(m.waiting, msg.Subject)
		reply <- msg // it has room for the only one
	} else if m.stray != nil {
		m.stray(msg.Subject)
	}
}

// request publishes msg and waits for its reply, for ctx or until w expires.
// It was not sent if the error is nats.ErrConnectionClosed.
func (m *mux) request(ctx context.Context, msg *nats.Msg, w *wait) (*nats.Msg, error) {
	msg.Reply = m.newReply()
	m.mu.Lock()
	m.waiting[msg.Reply] = w.reply
	m.mu.Unlock()
	if err := m.nc.PublishMsg(msg); err != nil {
		m.forget(msg.Reply, w)
		return nil, err
	}
	select {
	case reply := <-w.reply:
		if len(reply.Data) == 0 && reply.Header.Get("Status") == "503" {
			return nil, nats.ErrNoResponders
		}
		return reply, nil
	case <-ctx.Done():
		m.forget(msg.Reply, w)
		return nil, ctx.Err()
	case <-w.expired:
		m.forget(msg.Reply, w)
		return nil, context.DeadlineExceeded
	case <-m.closed:
		m.forget(msg.Reply, w)
		return nil, errLost
	}
}

// newReply is a subject that cannot be guessed: any agent may publish to any
// inbox, and must not be able to answer for another.
func (m *mux) newReply() string {
	var b strings.Builder
	b.Grow(len(m.prefix) + 13)
	b.WriteString(m.prefix)
	b.Write(strconv.AppendUint(make([]byte, 0, 13), rand.Uint64(), 36))
	return b.String()
}

// forget leaves w without a reply, now and later.
func (m *mux) forget(subject string, w *wait) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.waiting, subject)
	select {
	case <-w.reply:
	default:
	}
}

// wait is one request's wait for its reply. Waits are pooled: between requests
// the channel is empty and the timer stopped.
type wait struct {
	reply   chan *nats.Msg // holds one
	timer   *time.Timer
	expired <-chan time.Time // timer's, or nil without a timeout
}

func newWait() any {
	w := &wait{reply: make(chan *nats.Msg, 1), timer: time.NewTimer(0)}
	w.timer.Stop()
	return w
}

// begin starts the clock; a timeout of 0 or less never passes.
func (w *wait) begin(timeout time.Duration) {
	w.expired = nil
	if timeout > 0 {
		w.timer.Reset(timeout)
		w.expired = w.timer.C
	}
}

func (w *wait) end() { w.timer.Stop() }

package wire

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Announcement is one message that the agent published by itself.
type Announcement struct {
	At      time.Time
	Subject string
	Reply   string              // the reply subject, empty as it should be
	Hello   *agentv1.Hello      // set for a Hello that decodes
	Event   *agentv1.AgentEvent // set for an event that decodes
	Err     error               // why the message does not decode
}

// Watcher keeps what an agent publishes on <base>.hello and <base>.events, in
// order of arrival. The zero value has seen nothing. It is safe for concurrent
// use.
type Watcher struct {
	base string
	msgs chan *nats.Msg
	subs []*nats.Subscription
	done chan struct{} // closed to end the one goroutine that receives

	mu   sync.Mutex
	seen []Announcement
	news chan struct{} // closed and replaced at every arrival
}

// Watch subscribes to what an agent announces. It keeps nothing before Begin.
func Watch(nc *nats.Conn, base string) (*Watcher, error) {
	// Not base.>, which holds the rpc subject: the broker would count this
	// subscription as a responder and never say that there is none. One
	// channel for both keeps the order across them.
	w := &Watcher{base: base, msgs: make(chan *nats.Msg, watchBuffer), done: make(chan struct{}), news: make(chan struct{})}
	for _, subject := range []string{base + ".hello", base + ".events"} {
		sub, err := nc.ChanSubscribe(subject, w.msgs)
		if err != nil {
			return nil, fmt.Errorf("subscribe to %s: %w", subject, err)
		}
		w.subs = append(w.subs, sub)
	}
	if err := nc.Flush(); err != nil {
		return nil, fmt.Errorf("subscribe to announcements: %w", err)
	}
	return w, nil
}

// Begin takes what has come and comes, until Close. heard is called with every
// announcement before anybody can see it here, by one goroutine.
func (w *Watcher) Begin(heard func(Announcement, *nats.Msg)) {
	go func() {
		for {
			select {
			case msg := <-w.msgs:
				w.receive(msg, heard)
			case <-w.done:
				return
			}
		}
	}()
}

// watchBuffer holds more than an agent announces while the runner is busy.
const watchBuffer = 4096

// Close ends what Begin began. It is called once, by whoever called Watch.
func (w *Watcher) Close() { close(w.done) }

// Lost is how many announcements the runner was too slow to take.
func (w *Watcher) Lost() int {
	lost := 0
	for _, sub := range w.subs {
		n, _ := sub.Dropped()
		lost += n
	}
	return lost
}

func (w *Watcher) receive(msg *nats.Msg, heard func(Announcement, *nats.Msg)) {
	a := Announcement{At: time.Now(), Subject: msg.Subject, Reply: msg.Reply}
	switch strings.TrimPrefix(msg.Subject, w.base) {
	case ".hello":
		a.Hello = &agentv1.Hello{}
		if a.Err = proto.Unmarshal(msg.Data, a.Hello); a.Err != nil {
			a.Hello = nil
		}
	case ".events":
		a.Event = &agentv1.AgentEvent{}
		if a.Err = proto.Unmarshal(msg.Data, a.Event); a.Err != nil {
			a.Event = nil
		}
	}
	heard(a, msg)
	w.mu.Lock()
	w.seen = append(w.seen, a)
	close(w.news)
	w.news = make(chan struct{})
	w.mu.Unlock()
}

// All returns everything seen so far.
func (w *Watcher) All() []Announcement {
	seen, _ := w.snapshot()
	return seen
}

func (w *Watcher) snapshot() ([]Announcement, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen), w.news
}

// Mark is a position in the stream of announcements: what has been seen
// already lies before it.
func (w *Watcher) Mark() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

// Since returns what arrived after the mark.
func (w *Watcher) Since(mark int) []Announcement { return w.All()[mark:] }

// Await returns the first announcement after the mark that match accepts, and
// the mark behind it. The error names ctx's end.
func (w *Watcher) Await(ctx context.Context, mark int, match func(Announcement) bool) (Announcement, int, error) {
	for {
		seen, news := w.snapshot()
		for ; mark < len(seen); mark++ {
			if match(seen[mark]) {
				return seen[mark], mark + 1, nil
			}
		}
		select {
		case <-news:
		case <-ctx.Done():
			return Announcement{}, mark, context.Cause(ctx)
		}
	}
}

// IsHello accepts a Hello.
func IsHello(a Announcement) bool { return a.Hello != nil }

// IsHeartbeat accepts a heartbeat.
func IsHeartbeat(a Announcement) bool { return a.Event.GetHeartbeat() != nil }

// IsGoodbye accepts a going_offline event.
func IsGoodbye(a Announcement) bool { return a.Event.GetGoingOffline() != nil }

package fault

import (
	"sync"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
)

// Serial makes an agent serve one request at a time, pings included: the next
// one is taken off the broker when the reply to the last has been sent.
// Heartbeats go on. That is how the first agents of many vendors work.
//
// Serial is the dispatcher itself and belongs closest to the agent: apply it
// before any other fault, so that one that withholds a reply does not stop it.
func Serial(cfg *agent.Config) {
	s := new(serial)
	Around(cfg, agent.Wire{In: s.in, Out: s.out})
}

// SerialDispatcher is Serial as a mutant. It is no single fault, for it breaks
// every clause about concurrency, and therefore not in the catalogue.
func SerialDispatcher() Mutant {
	return Mutant{
		Name: "serves one request at a time", Case: "envelope.concurrent/ping-beside-a-command", Says: "only after the command had ended",
		Also:   []string{"envelope.concurrent/*"},
		Blast:  []string{"envelope.bounded/*"}, // a flood waits for its turn
		Config: Serial,
	}
}

// serial dispatches the requests of one agent.
type serial struct {
	one sync.Mutex // held while a request is served, on whatever connection

	mu   sync.Mutex    // guards the fields below
	to   string        // the reply subject of the request that is served
	sent chan struct{} // closed when that reply was sent; nil between requests
}

func (s *serial) in(next nats.MsgHandler) nats.MsgHandler {
	return func(msg *nats.Msg) {
		s.one.Lock()
		defer s.one.Unlock()
		if msg.Reply == "" { // it will never be replied to
			next(msg)
			return
		}
		sent := s.begin(msg.Reply)
		next(msg)
		<-sent
	}
}

func (s *serial) out(next agent.PublishFunc) agent.PublishFunc {
	return func(to string, data []byte) error {
		err := next(to, data)
		s.end(to)
		return err
	}
}

func (s *serial) begin(to string) (sent <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to, s.sent = to, make(chan struct{})
	return s.sent
}

func (s *serial) end(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent != nil && to == s.to {
		close(s.sent)
		s.sent = nil
	}
}

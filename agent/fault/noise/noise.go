// Package noise spoils the raw messages of an agent at random: faults beyond
// those that anybody thought of.
package noise

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/agent"
	"agentproof/agent/fault"
)

const (
	// rate is the share of messages that are spoiled.
	rate = 0.02
	// quiet is how many replies are left alone at first, so that the agent
	// becomes ready.
	quiet = 5
	// delay is how long a message is kept back: longer than anything that an
	// agent may take for a ping.
	delay = 500 * time.Millisecond
)

// Kinds are the ways to spoil messages.
func Kinds() []string { return []string{"drop", "delay", "duplicate", "flip"} }

// Agents returns n agents whose replies are spoiled, each in a way and by
// chances that the seed alone decides.
func Agents(n int, seed uint64) []fault.Mutant {
	var out []fault.Mutant
	for i := range n {
		own := seed + uint64(i)
		kind := Kinds()[i%len(Kinds())]
		s := &source{rnd: rand.New(rand.NewPCG(own, 0))}
		out = append(out, fault.Mutant{
			Name: fmt.Sprintf("has replies that the wire may %s, seed %d", kind, own),
			Case: "noise." + kind,
			Config: func(cfg *agent.Config) {
				cfg.Wire.Out = func(next agent.PublishFunc) agent.PublishFunc {
					return func(subject string, data []byte) error { return s.spoil(kind, next, subject, data) }
				}
			},
		})
	}
	return out
}

// source decides what is spoiled. It is safe for concurrent use.
type source struct {
	mu   sync.Mutex // guards the fields below
	rnd  *rand.Rand
	seen int
}

// struck tells whether the next message is spoiled, and where.
func (s *source) struck(size int) (bit int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	bit = s.rnd.IntN(max(8*size, 1))
	return bit, s.rnd.Float64() < rate && s.seen > quiet
}

func (s *source) spoil(kind string, next agent.PublishFunc, subject string, data []byte) error {
	if !strings.HasPrefix(subject, nats.InboxPrefix) {
		return next(subject, data)
	}
	bit, ok := s.struck(len(data))
	if !ok {
		return next(subject, data)
	}
	switch kind {
	case "drop":
		return nil
	case "delay":
		time.Sleep(delay)
	case "duplicate":
		if err := next(subject, data); err != nil {
			return err
		}
	case "flip":
		if len(data) > 0 {
			data = append([]byte(nil), data...)
			data[bit/8] ^= 1 << (bit % 8)
		}
	}
	return next(subject, data)
}

package script

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// dialTimeout is the agent's own for one attempt.
const dialTimeout = 3 * time.Second

// gate is the network between an agent and its broker, which can be cut for a
// while. The agent notices and comes back by itself.
type gate struct {
	mu    sync.Mutex // guards the fields below
	until time.Time  // the end of the latest cut
	open  map[*passage]struct{}
}

func newGate() *gate { return &gate{open: make(map[*passage]struct{})} }

// option leads a connection through the gate, and over the dialer that earlier
// options chose.
func (g *gate) option(o *nats.Options) error {
	dialer := o.CustomDialer
	if dialer == nil {
		dialer = &net.Dialer{Timeout: dialTimeout}
	}
	o.CustomDialer = gatedDialer{g, dialer}
	return nil
}

// cut ends what is connected and refuses connections for d. A cut within
// another makes it longer, never shorter.
func (g *gate) cut(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if end := time.Now().Add(d); end.After(g.until) {
		g.until = end
	}
	for p := range g.open {
		_ = p.Conn.Close()
	}
	clear(g.open)
}

type gatedDialer struct {
	gate *gate
	next nats.CustomDialer
}

// Dial leaves the broker alone during a cut, and looks again afterwards: a cut
// may have come meanwhile.
func (d gatedDialer) Dial(network, address string) (net.Conn, error) {
	if err := d.gate.shut(); err != nil {
		return nil, err
	}
	conn, err := d.next.Dial(network, address)
	if err != nil {
		return nil, err
	}
	p := &passage{conn, d.gate}
	if err := d.gate.admit(p); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return p, nil
}

// shut is the error of an attempt to connect during a cut.
func (g *gate) shut() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shutLocked()
}

func (g *gate) admit(p *passage) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.shutLocked(); err != nil {
		return err
	}
	g.open[p] = struct{}{}
	return nil
}

// shutLocked names no time that is left: the agent logs each new text once.
func (g *gate) shutLocked() error {
	if time.Now().Before(g.until) {
		return errors.New("the script keeps the broker out of reach")
	}
	return nil
}

// passage is a connection that the gate let through.
type passage struct {
	net.Conn
	gate *gate
}

func (p *passage) Close() error {
	p.gate.mu.Lock()
	delete(p.gate.open, p)
	p.gate.mu.Unlock()
	return p.Conn.Close()
}

// Package relay is the reference relay of the stream plane: agents and viewers
// dial in, it pairs them by channel and passes their frames on, and it keeps
// the last ones for a side that comes late or comes back.
package relay

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"agentproof/relay/internal/ring"
	"agentproof/stream"
)

// sweepInterval is how often idle channels are looked for.
const sweepInterval = time.Second

// Relay is a relay without a listener: an http.Handler for /stream, /healthz
// and /metrics. It is safe for concurrent use.
type Relay struct {
	cfg        Config
	log        *slog.Logger
	verifier   stream.Verifier
	metrics    *metrics
	mux        *http.ServeMux
	memory     *ring.Memory
	handshakes chan struct{} // holds one element for each open handshake
	largeReads chan struct{} // and for each large message being read

	tasks   sync.WaitGroup // goroutines that are not a handler
	stop    chan struct{}  // closed by Close
	stopped sync.Once

	mu       sync.Mutex // guards the fields below; taken before a channel's
	stopping bool       // no new peers
	peers    map[*peer]struct{}
	channels map[stream.Route]*channel
	// streams holds the channels that differ in their channel id only, under
	// the route without one.
	streams map[stream.Route]map[*channel]struct{}
	order   uint64 // of the last producer that came
}

// New makes a relay. Close must be called when it is not needed any more.
func New(cfg Config) (*Relay, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, fmt.Errorf("configure the relay: %w", err)
	}
	r := &Relay{
		cfg: cfg,
		log: cfg.Logger,
		verifier: stream.Verifier{
			ViewerSecret: cfg.ViewerSecret, ProducerSecret: cfg.ProducerSecret, Now: cfg.Now,
		},
		memory:     &ring.Memory{Limit: cfg.Memory},
		handshakes: make(chan struct{}, cfg.MaxHandshakes),
		largeReads: make(chan struct{}, maxLargeReads),
		stop:       make(chan struct{}),
		peers:      make(map[*peer]struct{}),
		channels:   make(map[stream.Route]*channel),
		streams:    make(map[stream.Route]map[*channel]struct{}),
	}
	r.metrics = newMetrics(
		func() float64 { return float64(r.memory.HighWater()) },
		func() float64 { return float64(r.liveChannels()) },
	)
	r.mux = http.NewServeMux()
	r.mux.HandleFunc("GET "+stream.Path, r.serveStream)
	r.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, "ok")
	})
	r.mux.Handle("GET /metrics", r.metrics.handler())
	if cfg.ViewerSecret == "" {
		r.log.Warn("no viewers' secret is configured: every viewer will be refused")
	}
	r.tasks.Go(r.sweepIdle)
	return r, nil
}

// ServeHTTP implements http.Handler.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// track makes the peer known to Shutdown and Close; it is false when they were
// called already.
func (r *Relay) track(p *peer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return false
	}
	r.peers[p] = struct{}{}
	return true
}

func (r *Relay) untrack(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.peers, p)
	close(p.done)
}

func (r *Relay) liveChannels() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.channels {
		c.mu.Lock()
		if c.producer != nil || c.viewer != nil {
			n++
		}
		c.mu.Unlock()
	}
	return n
}

func (r *Relay) sweepIdle() {
	t := time.NewTicker(sweepInterval)
	defer t.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-t.C:
			r.sweep(r.cfg.Now())
		}
	}
}

// Package producer is the agent's end of a stream channel: it registers the
// channel at a relay, sends what a terminal or a screen produces, hands over
// what viewers type, and outlives the relay.
package producer

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

// Defaults of Config.
const (
	DefaultQueue      = 1 << 20
	DefaultResend     = 4 << 20
	DefaultBackoffMin = 500 * time.Millisecond
	DefaultBackoffMax = 30 * time.Second
)

// inputAhead is how many inputs wait for the agent before the relay does.
const inputAhead = 64

// smallWrite is how much a person's typing makes a terminal print, in bytes.
const smallWrite = 1 << 10

// Config says what to produce and where.
type Config struct {
	// RelayURL is dialled exactly as it stands, with the channel's route as
	// its query (stream.dial.producer).
	RelayURL string
	Token    stream.Secret
	// Channel names the stream; workspace, agent and channel id must be set.
	Channel *agentv1.StreamChannel

	// Timeout bounds one dial and handshake; 0 is stream.DefaultTimeout.
	Timeout time.Duration
	// TLS is for wss URLs; nil is Go's default.
	TLS *tls.Config
	// Backoff is between reconnects; zero fields are 500 ms and 30 s.
	Backoff stream.Backoff
	// Queue bounds the bytes that wait to be sent; 0 is DefaultQueue. When it
	// is full, Write blocks.
	Queue int
	// Resend bounds the bytes kept after they were sent, to send them again to
	// a relay that asks for it; 0 is DefaultResend. It should be more than
	// what a relay and the sockets hold for a viewer that reads.
	Resend int
	// Logger hears of lost and regained sockets; nil is silent.
	Logger *slog.Logger
}

// Input is one thing that a viewer did: Data typed, or an Event on a desktop.
type Input struct {
	Data  []byte
	Event *agentv1.DesktopInput
}

// Producer is an open channel. Its methods are safe for concurrent use.
type Producer struct {
	cfg      Config
	log      *slog.Logger
	url      string
	instance string // names this producer in the resend header
	dials    int    // connections made; the run goroutine's after Open

	ctx    context.Context // ends when the channel is over
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when run has ended
	inputs chan Input    // what was not taken at once
	queued atomic.Int64  // how many inputs are there, or being taken from there
	try    atomic.Pointer[func(Input) (Input, bool)]
	carry  *Input        // received but not handed over; the receiver's
	cursor stream.Cursor // of the input; the receiver's
	// closing is closed by Close: inputs are of no use any more.
	closing chan struct{}

	mu      sync.Mutex // guards the fields below
	box     outbox
	end     *agentv1.StreamClose // to send when the box is empty
	link    *link                // what frames go to; nil while the relay is away
	sending bool                 // a frame is on its way
	// wake is signalled when something can be sent or written, or conn ended.
	wake sync.Cond
}

// Open registers the channel and returns when the relay has accepted it. ctx
// bounds only that. Errors are those of stream.Connect.
func Open(ctx context.Context, cfg Config) (*Producer, error) {
	if cfg.Channel.GetChannelId() == "" {
		return nil, errors.New("open a stream: the channel has no id")
	}
	url, err := stream.ProducerURL(cfg.RelayURL, stream.RouteOf(cfg.Channel))
	if err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	if cfg.Queue <= 0 {
		cfg.Queue = DefaultQueue
	}
	if cfg.Resend <= 0 {
		cfg.Resend = DefaultResend
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Backoff = cfg.Backoff.WithDefaults(DefaultBackoffMin, DefaultBackoffMax)
	p := &Producer{
		cfg:      cfg,
		log:      cfg.Logger.With("channel", cfg.Channel.GetChannelId()),
		url:      url,
		instance: rand.Text(),
		done:     make(chan struct{}),
		inputs:   make(chan Input, inputAhead),
		closing:  make(chan struct{}),
		box:      outbox{channel: cfg.Channel.GetChannelId(), queue: cfg.Queue, keep: cfg.Resend},
	}
	p.wake.L = &p.mu
	conn, err := p.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	p.ctx, p.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	go p.run(conn)
	return p, nil
}

func (p *Producer) connect(ctx context.Context) (*stream.Conn, error) {
	conn, err := stream.Connect(ctx, p.url, &agentv1.StreamOpen{
		Channel:       p.cfg.Channel,
		Token:         string(p.cfg.Token),
		Role:          stream.RoleAgent,
		ResumeFromSeq: p.cursor.Next(),
	}, &stream.ConnectOptions{
		Timeout: p.cfg.Timeout,
		TLS:     p.cfg.TLS,
		Header:  http.Header{stream.ResendHeader: {stream.FormatResend(p.instance, p.dials)}},
	})
	if err == nil {
		p.dials++
	}
	return conn, err
}

// Write queues data for the viewer, in order and coalesced into frames below
// 256 KiB. It blocks while the queue is full, also while the relay is away, and
// with a small piece while the relay takes nothing. It fails only when the
// channel is over, with the reason Err gives, and then tells how much it took.
func (p *Producer) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	written := 0
	for written < len(data) {
		for p.box.full() && !p.ending() {
			p.wake.Wait()
		}
		if p.ending() {
			return written, p.endedBy()
		}
		direct := len(data) <= smallWrite && p.link != nil && p.box.empty()
		written += p.box.append(data[written:])
		if !direct || !p.sendDirect() {
			p.wake.Broadcast()
		}
	}
	return written, nil
}

// sendDirect sends what is queued without the goroutine that does so otherwise,
// since a keystroke's echo would wait for it to wake, and tells whether nothing
// is left for it. The caller holds mu.
func (p *Producer) sendDirect() bool {
	sent, _ := p.sendNext() // what keeps it from that keeps the other as well
	return sent && p.box.empty() && p.end == nil && p.link.ctx.Err() == nil
}

// WriteLatest queues data as one frame of its own, in the place of one that
// WriteLatest queued before and that is not on its way yet: newest wins. It
// never blocks. The data must stay below stream.MaxMessage and must not be
// changed afterwards.
func (p *Producer) WriteLatest(data []byte) error {
	if len(data) > maxLatest {
		return fmt.Errorf("write a frame of %d bytes: more than %d", len(data), maxLatest)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending() {
		return p.endedBy()
	}
	p.box.latest = data
	p.wake.Broadcast()
	return nil
}

// TakeInputs gives take what viewers type and do, one after the other, in order
// and each at most once, until the channel is over. While take is busy a few
// more wait, and then the viewers do. What comes when none waits is offered to
// try first, if there is one: it must not block, and returns what is left for
// take, or true when nothing is. TakeInputs may be called once.
func (p *Producer) TakeInputs(try func(Input) (rest Input, done bool), take func(Input)) {
	if try != nil {
		p.try.Store(&try)
	}
	for in := range p.inputs {
		take(in)
		p.queued.Add(-1)
	}
}

// Done is closed when the channel is over: after Close, or when the viewer's
// side closed it.
func (p *Producer) Done() <-chan struct{} { return p.done }

// Err is nil while the channel lives; then a *stream.CloseError when the
// viewer's side closed it, else stream.ErrClosed.
func (p *Producer) Err() error {
	if p.ctx.Err() == nil {
		return nil
	}
	return context.Cause(p.ctx)
}

// Close sends what is queued, then a StreamClose, and ends the channel. While
// the relay is away it waits for it. When ctx ends before that, the rest is
// given up and ctx's error returned. Closing twice is harmless.
func (p *Producer) Close(ctx context.Context, reason agentv1.StreamCloseReason, message string) error {
	p.mu.Lock()
	if p.end == nil {
		p.end = &agentv1.StreamClose{
			ChannelId: p.cfg.Channel.GetChannelId(), Reason: reason, Message: strings.ToValidUTF8(message, "\uFFFD"),
		}
		close(p.closing)
		p.wake.Broadcast()
	}
	p.mu.Unlock()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		p.cancel(stream.ErrClosed)
		<-p.done
		return fmt.Errorf("close the stream: %w", ctx.Err())
	}
}

func (p *Producer) wakeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake.Broadcast()
}

// ending tells that nothing may be queued any more. The caller holds mu.
func (p *Producer) ending() bool { return p.end != nil || p.ctx.Err() != nil }

// endedBy is Err for a producer that is still sending its last bytes.
func (p *Producer) endedBy() error {
	if err := p.Err(); err != nil {
		return err
	}
	return stream.ErrClosed
}

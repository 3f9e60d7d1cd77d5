package relay

import (
	"errors"
	"fmt"
	"log/slog"
	"path"
	"time"

	"agentproof/relay/internal/ring"
	"agentproof/stream"
)

// Defaults of Config.
const (
	DefaultHandshakeTimeout = 10 * time.Second
	DefaultMaxHandshakes    = 1024
	DefaultMaxChannels      = 16384
	DefaultMemory           = 1 << 30
	DefaultRateBurst        = 16 << 20
	DefaultRate             = 8 << 20
	DefaultPingInterval     = 30 * time.Second
	DefaultStallTimeout     = 10 * time.Minute
	DefaultIdleTimeout      = 120 * time.Second
	DefaultResendGrace      = 10 * time.Second
	DefaultShutdownGrace    = 5 * time.Second
)

// While a viewer reads, no more than this waits for it in the relay: the rest
// waits at the producer, which can send it again after a crash.
const (
	backlogFrames = ring.MaxFrames / 2
	backlogBytes  = 1 << 20
)

// maxLargeReads bounds how many large messages are read at once.
const maxLargeReads = 16

// Config says how a relay behaves. A zero field takes the default named beside
// it. The zero value is a relay that refuses everybody.
type Config struct {
	// ViewerSecret verifies viewers' tokens; without it viewers are refused.
	ViewerSecret stream.Secret
	// ProducerSecret verifies producers' tokens; without it ViewerSecret does
	// (relay.token.secret).
	ProducerSecret stream.Secret

	// Listen is the TCP address for Start: DefaultListen.
	Listen string
	// Origins are the patterns of hosts, as path.Match has them, whose web
	// pages may connect; none means any. A page cannot do anything without a
	// token, and tokens are in no cookie.
	Origins []string
	// Logger hears what happens; nil is silent. Tokens are never in it.
	Logger *slog.Logger
	// Now tells the time for tokens and idleness: time.Now.
	Now func() time.Time

	// HandshakeTimeout is how long a socket has for its StreamOpen:
	// DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// MaxHandshakes is how many may be open at once; a dial above it gets
	// HTTP 503: DefaultMaxHandshakes.
	MaxHandshakes int
	// MaxChannels is how many channels may exist: DefaultMaxChannels.
	MaxChannels int
	// Memory bounds what all rings hold together, in bytes: DefaultMemory.
	// Each direction of each channel may hold its equal share, up to 64 MiB,
	// and in any case one frame of up to 256 KiB; a larger frame that finds
	// no memory is lost, as a gap in seq.
	Memory int64
	// Rate limits the frame data of a connection, in bytes a second, after a
	// burst of RateBurst bytes: DefaultRate and DefaultRateBurst. A negative
	// Rate is no limit.
	Rate, RateBurst int
	// PingInterval is between keepalive pings: DefaultPingInterval. A peer
	// that leaves three in a row unanswered is gone.
	PingInterval time.Duration
	// StallTimeout is how long a peer may take nothing while something waits
	// for it: DefaultStallTimeout.
	StallTimeout time.Duration
	// IdleTimeout is how long a viewer waits for a producer, and how long a
	// channel that both left is kept: DefaultIdleTimeout.
	IdleTimeout time.Duration
	// ResendGrace is how long a producer that came back with frames sent
	// before waits for its viewer instead of pushing them out of the ring:
	// DefaultResendGrace.
	ResendGrace time.Duration
	// ShutdownGrace bounds how long Serve, after its ctx ended, delivers what
	// is on its way: DefaultShutdownGrace.
	ShutdownGrace time.Duration
}

// DefaultListen is a free port on loopback.
const DefaultListen = "127.0.0.1:0"

func (c *Config) setDefaults() error {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	var errs []error
	for _, origin := range c.Origins {
		if _, err := path.Match(origin, ""); err != nil {
			errs = append(errs, fmt.Errorf("origin %q: %w", origin, err))
		}
	}
	errs = append(errs,
		fill("HandshakeTimeout", &c.HandshakeTimeout, DefaultHandshakeTimeout),
		fill("MaxHandshakes", &c.MaxHandshakes, DefaultMaxHandshakes),
		fill("MaxChannels", &c.MaxChannels, DefaultMaxChannels),
		fill("Memory", &c.Memory, DefaultMemory),
		fill("RateBurst", &c.RateBurst, DefaultRateBurst),
		fill("PingInterval", &c.PingInterval, DefaultPingInterval),
		fill("StallTimeout", &c.StallTimeout, DefaultStallTimeout),
		fill("IdleTimeout", &c.IdleTimeout, DefaultIdleTimeout),
		fill("ResendGrace", &c.ResendGrace, DefaultResendGrace),
		fill("ShutdownGrace", &c.ShutdownGrace, DefaultShutdownGrace),
	)
	if c.Rate == 0 {
		c.Rate = DefaultRate
	}
	return errors.Join(errs...)
}

func fill[T ~int | ~int64](name string, field *T, standard T) error {
	if *field < 0 {
		return fmt.Errorf("%s is negative", name)
	}
	if *field == 0 {
		*field = standard
	}
	return nil
}

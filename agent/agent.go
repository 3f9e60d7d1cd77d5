// Package agent is the reference agent: it connects to a NATS broker, says
// hello, and operates the local machine for a control plane (docs/spec/agent.md)
// until it is told to stop.
//
// A request passes, in this order: the incoming half of Config.Wire, decoding,
// Config.Arrival, Config.Middleware, the epoch fence, the refusals of a
// draining agent, and the operation. Its response passes Config.Replies.
// Replies, hellos and events leave through the outgoing half of Config.Wire.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/agent/internal/buffers"
	"agentproof/agent/internal/files"
	"agentproof/agent/internal/git"
	"agentproof/agent/internal/metrics"
	"agentproof/agent/internal/process"
	"agentproof/agent/internal/workspace"
)

// An Agent serves one machine. Make one with New; Run it once.
type Agent struct {
	cfg     Config
	log     *slog.Logger
	root    workspace.Root
	files   *files.FS
	env     environment
	started time.Time // monotonic base of uptime and of ping's clock

	handle  Handler // middleware around the fence and the operations
	inline  bool    // whether handle may run on the subscription's goroutine
	respond ReplyFunc
	publish PublishFunc
	buffers buffers.List // of encoded replies
	running inflight
	writes  ordered

	ran      atomic.Bool
	draining atomic.Bool
	drained  chan struct{}             // holds one while a heartbeat is to tell of it
	conn     atomic.Pointer[nats.Conn] // the newest connection, perhaps closed

	// Set by Run before it serves.
	commands  *process.Runner
	git       *git.Runner
	metrics   *metrics.Sampler
	terminals Terminals // nil where there are none, and then why
	noPTY     string
	screen    Desktop
}

// New checks cfg and returns an agent that does nothing until Run.
func New(cfg Config) (*Agent, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	root, err := workspace.Open(cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	if cfg.CAFile != "" {
		option, err := trust(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("agent: %w", err)
		}
		cfg.NATSOptions = append([]nats.Option{option}, cfg.NATSOptions...)
	}
	a := &Agent{
		cfg:     cfg,
		log:     cfg.Logger.With("agent", cfg.AgentID, "workspace", cfg.WorkspaceID),
		root:    root,
		env:     newEnvironment(cfg),
		started: time.Now(),
		running: newInflight(cfg.MaxConcurrent),
		drained: make(chan struct{}, 1),
		// No middleware, no wait: then a ping is answered where it arrives,
		// without the cost of another goroutine.
		inline: len(cfg.Middleware) == 0 && cfg.Replies == nil,
	}
	a.files = files.New(root, func() int64 { return int64(a.MaxPayload()) })
	a.handle = a.serve
	for i := len(cfg.Middleware) - 1; i >= 0; i-- {
		a.handle = cfg.Middleware[i](a.handle)
	}
	a.respond = a.reply
	if cfg.Replies != nil {
		a.respond = cfg.Replies(a.reply)
	}
	a.publish = a.send
	if cfg.Wire.Out != nil {
		a.publish = cfg.Wire.Out(a.send)
	}
	return a, nil
}

// Run connects and serves until ctx ends, then stops in order: new work is
// refused, running commands and their trees are ended, and the goodbye is the
// last that the broker hears (lifecycle.stop-order). All that takes less than
// 10 s, and Run returns nil. The cause of ctx may be a *Goodbye that names the
// reason; it is USER_STOP otherwise.
//
// A broker that cannot be reached, goes away or refuses the token is tried
// again for ever (lifecycle.reconnect). An error means that the agent could
// not begin at all.
func (a *Agent) Run(ctx context.Context) (err error) {
	if !a.ran.CompareAndSwap(false, true) {
		return errors.New("agent: Run was called before")
	}
	a.commands, err = process.NewRunner(process.Options{
		AdoptOrphans: a.cfg.AdoptOrphans,
		Logger:       a.log,
	})
	if err != nil {
		return fmt.Errorf("agent: prepare to run commands: %w", err)
	}
	a.metrics = metrics.Start(a.root.Dir())
	defer a.metrics.Close()
	a.git = &git.Runner{Root: a.root, Commands: a.commands, Env: a.env.vars, MaxOutput: a.maxOutput}
	a.terminals, a.noPTY = a.newTerminals()
	a.screen = a.newDesktop()
	a.warnOfOpenCredentials()

	// Operations outlive ctx: stop ends them when their turn has come.
	ops, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	link := a.stayConnected(ctx, ops)
	a.stop(ctx, link, cancel)
	return nil
}

// stayConnected serves one connection after the other until ctx ends and
// returns the one that is open then, or nil.
func (a *Agent) stayConnected(ctx, ops context.Context) *link {
	var pace backoff
	for {
		l, err := a.connect(ctx, ops, &pace)
		if err != nil {
			return nil
		}
		since := time.Now()
		if a.attend(ctx, l) == nil {
			return l
		}
		a.log.Warn("connection lost", "error", l.nc.LastError())
		pace.lasted(time.Since(since))
	}
}

// warnOfOpenCredentials tells the owner of a file that others can read. The
// agent runs all the same: the file is not its to change.
func (a *Agent) warnOfOpenCredentials() {
	if a.cfg.CredentialsFile == "" || runtime.GOOS == "windows" {
		return
	}
	if info, err := os.Stat(a.cfg.CredentialsFile); err == nil && info.Mode().Perm()&0o077 != 0 {
		a.log.Warn("credentials can be read by other users", "file", a.cfg.CredentialsFile, "mode", info.Mode().Perm())
	}
}

// uptime is monotonic; it counts from New.
func (a *Agent) uptime() time.Duration { return time.Since(a.started) }

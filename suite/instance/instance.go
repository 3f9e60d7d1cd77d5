// Package instance is one running agent with everything around it: the broker
// and the relay that it is connected to, its screen, and what watches all of
// them.
package instance

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/fixtures/broker"
	"agentproof/internal/fold"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/monitor"
	"agentproof/suite/subject"
	"agentproof/suite/wire"
)

const (
	// readyLimit covers a launcher that compiles first.
	readyLimit = 90 * time.Second
	// attachLimit is for an agent that is just coming back from an outage.
	attachLimit = 5 * time.Second
	// stopLimit is what lifecycle.stop-order gives an agent, and some more.
	stopLimit = 15 * time.Second
	// outputLimit bounds what is kept of an agent's own output.
	outputLimit = 256 << 10
	// homeName is the directory of all cases.
	homeName = "agentproof"
)

// ErrNeverReady wraps the reason why an agent cannot be judged at all.
var ErrNeverReady = errors.New("the agent never became ready")

// Config is what the instances of a run have in common.
type Config struct {
	Subject subject.Subject
	// TimeoutScale stretches the harness's own limits; 0 means 1. Bounds that
	// the specification sets never stretch.
	TimeoutScale float64
	// Relay is the relay of the instances; nil starts one for each.
	Relay *VendorRelay
	// HelperProgram is an executable that calls helper.Intercept; empty where
	// no helper is run.
	HelperProgram string
}

// Scale stretches a limit of the harness.
func (c *Config) Scale(d time.Duration) time.Duration {
	if c.TimeoutScale <= 0 {
		return d
	}
	return time.Duration(float64(d) * c.TimeoutScale)
}

// Heard is told what an agent sent by itself, in the order of arrival and one
// message at a time from each subscription; kind is the transcript's.
type Heard func(kind string, msg *nats.Msg)

// Instance is one running agent and the broker that it is connected to. Its
// fields do not change once it is there. It is safe for concurrent use, and
// Stop ends it.
type Instance struct {
	// Base is the subject base, "agent.<workspace>.<agent>".
	Base        string
	WorkspaceID string
	AgentID     string
	// Token and RelayToken are the agent's own secrets, empty where they are
	// not known or there is none.
	Token      string
	RelayToken string
	// HeldEpoch is the epoch that the agent was started with; 0 where that is
	// none or unknown.
	HeldEpoch uint32
	// ControlURL is the broker with the control plane's credentials.
	ControlURL string
	// Broker is nil for an attached subject.
	Broker *broker.Broker
	// Relay is nil for an attached subject, and for one that was told of none.
	Relay *Relay
	// Process is nil for an attached subject.
	Process subject.Process
	// Watch sees what the agent announces, from before its start.
	Watch *wire.Watcher

	wire   *wire.Conn
	dog    *monitor.Watchdog
	helper string     // the program that runs the helper here; may be empty
	eye    *nats.Conn // the broker's observer; nil for an attached subject
	home   string     // the directory of all cases, relative to the root
	output *tailBuffer
	silent net.Listener
	dirs   []string
	local  string      // the root as this machine has it; empty for an attached subject
	marker string      // by which the agent's descendants are found; as local
	beside []string    // the environment of programs that run without the agent; as local
	screen *screen     // nil for an agent that was given no display
	asked  atomic.Bool // the suite sent the agent's process a signal

	mu       sync.Mutex
	root     string    // learnt from Hello, or by asking
	baseline *baseline // nil before it was ready

	helping sync.Mutex
	argv    []string // how the agent runs the helper; guarded by helping
}

// Start starts an instance of a subject that can be started. It waits until the
// agent is ready, unless the launch says that it must not. heard, if not nil, is
// told of what the agent sends by itself. Stop ends the instance; where the
// error is not nil, there is none to end.
func Start(ctx context.Context, cfg *Config, l *Launch, heard Heard) (*Instance, error) {
	inst, err := prepare(cfg, l, heard)
	if err != nil {
		return nil, err
	}
	inst.helper = cfg.HelperProgram
	if l.Display {
		if inst.screen, err = startScreen(ctx); err != nil {
			inst.Stop(ctx)
			return nil, err
		}
	}
	env, err := inst.environment(l)
	var p subject.Process
	if err == nil {
		p, err = cfg.Subject.Start(ctx, env)
	}
	if err != nil {
		inst.Stop(ctx)
		return nil, fmt.Errorf("start %s: %w", cfg.Subject.Name, err)
	}
	inst.Process = &told{Process: p, asked: &inst.asked}
	if !l.Ready() {
		return inst, nil
	}
	ctx, cancel := within(ctx, cfg.Scale(readyLimit))
	defer cancel()
	if err := inst.AwaitReady(ctx); err != nil {
		err = fmt.Errorf("%s: %w%s", cfg.Subject.Name, err, inst.outputNote())
		inst.Stop(ctx)
		return nil, err
	}
	return inst, nil
}

// Attach connects to the subject of cfg, which runs already, and waits until it
// answers. Stop ends the connection and not the agent.
func Attach(ctx context.Context, cfg *Config) (*Instance, error) {
	a := cfg.Subject.Attached
	inst := &Instance{
		Base:        a.SubjectBase,
		WorkspaceID: a.WorkspaceID,
		AgentID:     a.AgentID,
		HeldEpoch:   a.HeldEpoch,
		ControlURL:  a.URL,
		helper:      cfg.HelperProgram,
		home:        homeName + "-" + rand.Text()[:8],
		output:      &tailBuffer{limit: outputLimit},
	}
	if inst.Base == "" {
		inst.Base = "agent." + a.WorkspaceID + "." + a.AgentID
	}
	if err := inst.connect(nil); err != nil {
		inst.disconnect()
		return nil, err
	}
	ctx, cancel := within(ctx, cfg.Scale(attachLimit))
	defer cancel()
	if err := inst.AwaitReady(ctx); err != nil {
		inst.Stop(ctx)
		return nil, fmt.Errorf("%s on %s: %w", inst.Base, redactURL(a.URL), err)
	}
	return inst, nil
}

// Output is the last of what the agent printed.
func (i *Instance) Output() string { return i.output.String() }

// OutputMark is a place in what the agent printed, for OutputSince.
func (i *Instance) OutputMark() int64 { return i.output.mark() }

// OutputSince is what the agent printed after the mark, as far as that was kept.
func (i *Instance) OutputSince(mark int64) string { return i.output.since(mark) }

// prepare makes the broker and everything on the runner's side of it.
func prepare(cfg *Config, l *Launch, heard Heard) (*Instance, error) {
	b, err := broker.Start(broker.Config{
		MaxPayload: l.MaxPayload,
		TLS:        l.Transport == "tls" || l.Transport == "wss",
	})
	if err != nil {
		return nil, err
	}
	inst := &Instance{
		Broker:      b,
		ControlURL:  b.ControlURL(),
		WorkspaceID: "ws-" + rand.Text()[:8],
		AgentID:     "agent-" + rand.Text()[:8],
		Token:       cmp.Or(l.Token, rand.Text()),
		home:        homeName,
		output:      &tailBuffer{limit: outputLimit},
	}
	inst.Base = "agent." + inst.WorkspaceID + "." + inst.AgentID
	switch {
	case l.Epoch == 0:
		inst.HeldEpoch = SharedEpoch
	case l.Epoch > 0:
		inst.HeldEpoch = uint32(l.Epoch)
	}
	if !l.Unadmitted {
		inst.Admit()
	}
	if err := inst.connect(heard); err != nil {
		inst.disconnect()
		b.Close()
		return nil, err
	}
	if !l.NoRelay {
		if inst.Relay, err = startRelay(inst.WorkspaceID, inst.AgentID, cfg.Relay); err != nil {
			inst.disconnect()
			b.Close()
			return nil, err
		}
	}
	if l.BrokerDown {
		b.Stop()
	}
	return inst, nil
}

// Admit lets the agent's token in.
func (i *Instance) Admit() { i.Broker.Admit(i.WorkspaceID, i.Token) }

// done is closed when the agent's process has ended; never for an attached one.
func (i *Instance) done() <-chan struct{} {
	if i.Process == nil {
		return nil
	}
	return i.Process.Done()
}

// Ended tells whether the agent's process has ended.
func (i *Instance) Ended() bool {
	select {
	case <-i.done():
		return true
	default:
		return false
	}
}

// Crashed reports whether the agent's process has ended without a signal of the
// suite.
func (i *Instance) Crashed() bool { return i.Ended() && !i.asked.Load() }

// AwaitCrash is Crashed for an agent whose connection is gone, which its process
// may outlive for a moment.
func (i *Instance) AwaitCrash() bool {
	select {
	case <-i.done():
	case <-time.After(crashLimit):
	}
	return i.Crashed()
}

// Living returns a context that ends soon after the agent's process, in which
// nobody need wait for an agent that is gone.
func (i *Instance) Living(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if i.Process != nil {
		go func() {
			select {
			case <-i.done():
			case <-ctx.Done():
				return
			}
			select {
			case <-time.After(lastWords):
				cancel(errEnded)
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

// lastWords is how long a message of an agent that has ended may be on its way.
const lastWords = 500 * time.Millisecond

// crashLimit is how long a process that lost its connection may take to end.
const crashLimit = time.Second

// told is a process that notes when it is sent a signal.
type told struct {
	subject.Process
	asked *atomic.Bool
}

func (p *told) Signal(s os.Signal) error { p.asked.Store(true); return p.Process.Signal(s) }
func (p *told) Kill() error              { p.asked.Store(true); return p.Process.Kill() }

// AwaitExit waits for the end of the agent's process and returns its status.
func (i *Instance) AwaitExit(ctx context.Context) (int, error) {
	select {
	case <-i.done():
		return i.Process.ExitCode(), nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// Hello is the latest Hello, nil if none was seen.
func (i *Instance) Hello() *agentv1.Hello {
	var hello *agentv1.Hello
	for _, a := range i.Watch.All() {
		if a.Hello != nil {
			hello = a.Hello
		}
	}
	return hello
}

// Stable replaces what the suite made up for this instance in a text that may
// quote the agent: its root becomes {root}, and so on.
func (i *Instance) Stable(text string) string {
	if root := i.Hello().GetWorkspaceRoot(); len(root) > 1 {
		text = strings.ReplaceAll(text, root, "{root}")
	}
	if i.local != "" {
		text = strings.ReplaceAll(text, i.local, "{root}")
	}
	if i.helper != "" {
		text = strings.ReplaceAll(text, i.helper, "{helper}")
	}
	if i.Broker != nil { // the ids are random, too
		text = strings.NewReplacer(i.WorkspaceID, "{workspace}", i.AgentID, "{agent}").Replace(text)
	}
	return strings.ReplaceAll(text, i.home, homeName)
}

// outputNote is the end of what the agent printed, for an error message.
func (i *Instance) outputNote() string {
	const shown = 20
	said, before := fold.Tail(i.output.String(), shown)
	switch {
	case said == "":
		return ""
	case before > 0:
		return fmt.Sprintf("\nthe agent printed, after %d lines more:\n%s", before, said)
	default:
		return "\nthe agent printed:\n" + said
	}
}

// Stop ends the agent as an operator would, and at once if that does not work,
// everything around it, and what the agent left running. It is called once.
func (i *Instance) Stop(ctx context.Context) {
	if i.Process != nil {
		if !i.Ended() && i.Process.Signal(os.Interrupt) == nil {
			limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
			_, _ = i.AwaitExit(limit)
			cancel()
		}
		_ = i.Process.Kill()
		<-i.Process.Done()
	}
	i.sweep(ctx)
	if i.wire != nil && i.Process == nil && i.Broker == nil {
		// Somebody else's machine is left as it was found.
		_ = i.Notify(context.WithoutCancel(ctx), &agentv1.FsRemoveRequest{Path: i.home, Recursive: true}, wire.OpLimit)
	}
	i.disconnect()
	if i.silent != nil {
		_ = i.silent.Close()
	}
	if i.screen != nil {
		i.screen.stop()
	}
	if i.Relay != nil {
		i.Relay.Kill()
	}
	if i.Broker != nil {
		i.Broker.Close()
	}
	for _, dir := range i.dirs {
		_ = os.RemoveAll(dir)
	}
}

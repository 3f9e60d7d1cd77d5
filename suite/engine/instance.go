package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"agentproof/fixtures/broker"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/subject"
	"agentproof/suite/transcript"
)

const (
	// readyLimit covers a launcher that compiles first.
	readyLimit = 90 * time.Second
	// stopLimit is what lifecycle.stop-order gives an agent, and some more.
	stopLimit = 15 * time.Second
	// outputLimit bounds what is kept of an agent's own output.
	outputLimit = 256 << 10
	// homeName is the directory of all cases.
	homeName = "agentproof"
)

// Instance is one running agent and the broker that it is connected to.
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
	Watch *Watcher

	wire   *wire
	dog    *watchdog
	eye    *nats.Conn // the broker's observer; nil for an attached subject
	home   string     // the directory of all cases, relative to the root
	output *tailBuffer
	silent net.Listener
	dirs   []string
	local  string // the root as this machine has it; empty for an attached subject
	// monitor is nil for an agent that was given no display.
	monitor *monitor

	mu       sync.Mutex
	root     string    // learnt from Hello, or by asking
	baseline *baseline // nil before it was ready

	helping sync.Mutex
	argv    []string // how the agent runs the helper; guarded by helping
}

// launch starts an instance of a subject that can be started.
// rec, if not nil, records what it announces.
func launch(ctx context.Context, o *Options, l *Launch, rec *recorder) (*Instance, error) {
	s := &o.Subject
	inst, err := prepare(l, rec)
	if err != nil {
		return nil, err
	}
	if l.Display {
		if inst.monitor, err = startMonitor(ctx); err != nil {
			inst.stop(ctx)
			return nil, err
		}
	}
	env, err := inst.environment(l)
	if err == nil {
		inst.Process, err = s.Start(ctx, env)
	}
	if err != nil {
		inst.stop(ctx)
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	if !l.ready() {
		return inst, nil
	}
	ctx, cancel := within(ctx, o.scale(readyLimit))
	defer cancel()
	if err := inst.AwaitReady(ctx); err != nil {
		err = fmt.Errorf("%s: %w%s", s.Name, err, inst.outputNote())
		inst.stop(ctx)
		return nil, err
	}
	return inst, nil
}

// Start starts an instance of a subject for somebody who looks at it outside a
// run. It does not wait for the agent; Stop ends it.
func Start(ctx context.Context, s subject.Subject, l Launch) (*Instance, error) {
	l.Unawaited = true
	return launch(ctx, &Options{Subject: s}, &l, nil)
}

// Stop ends an instance that Start made, and everything around it.
func (i *Instance) Stop(ctx context.Context) { i.stop(ctx) }

// Output is the last of what the agent printed.
func (i *Instance) Output() string { return i.output.String() }

// prepare makes the broker and everything on the runner's side of it.
func prepare(l *Launch, rec *recorder) (*Instance, error) {
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
	if err := inst.connect(rec); err != nil {
		inst.disconnect()
		b.Close()
		return nil, err
	}
	if !l.NoRelay {
		if inst.Relay, err = startRelay(inst.WorkspaceID, inst.AgentID); err != nil {
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

// connect opens the control plane's connection and watches the agent.
func (i *Instance) connect(rec *recorder) error {
	i.dog = &watchdog{base: i.Base, agent: i.AgentID, gaps: i.Broker != nil, disturbed: i.disturbed}
	unasked := func() { i.dog.find(broke("subject.rpc", "one reply to one request", "a reply to none")) }
	var err error
	if i.wire, err = dialWire(i.ControlURL, unasked, i.natsOptions()...); err != nil {
		return err
	}
	if i.Watch, err = watch(i.wire.nc, i.Base, i.dog, rec); err != nil {
		return err
	}
	return i.observe(rec)
}

// disconnect closes what connect has opened so far.
func (i *Instance) disconnect() {
	if i.eye != nil {
		i.eye.Close()
	}
	if i.wire != nil {
		i.wire.close()
	}
	if i.Watch != nil {
		i.Watch.close()
	}
}

// disturbed counts what may have cost messages between the agent and the
// runner.
func (i *Instance) disturbed() int {
	n := int(i.wire.drops.Load())
	if i.Broker != nil {
		n += i.Broker.Disturbances()
	}
	return n
}

// observe watches the workspace's other subjects through the observer that the
// suite's own brokers have.
func (i *Instance) observe(rec *recorder) error {
	if i.Broker == nil {
		return nil
	}
	opts := append(i.natsOptions(), nats.Name("agentproof observer"), nats.MaxReconnects(-1),
		nats.ReconnectWait(100*time.Millisecond), nats.IgnoreAuthErrorAbort(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	nc, err := nats.Connect(i.Broker.ObserverURL(), opts...)
	if err != nil {
		return fmt.Errorf("connect to the broker as its observer: %w", err)
	}
	i.eye = nc
	_, err = nc.Subscribe("agent.>", func(msg *nats.Msg) {
		if i.dog.published(msg.Subject, msg.Header.Get(caseHeader) != "") && rec != nil {
			rec.heard(transcript.Other, msg)
		}
	})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		return fmt.Errorf("observe the broker: %w", err)
	}
	return nil
}

// knownRoot is the agent's root as far as it is known without asking.
func (i *Instance) knownRoot() string {
	if i.local != "" {
		return i.local
	}
	return i.Hello().GetWorkspaceRoot()
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

// stable replaces what differs from run to run in a text that quotes the
// agent.
func (i *Instance) stable(text string) string {
	if root := i.Hello().GetWorkspaceRoot(); len(root) > 1 {
		text = strings.ReplaceAll(text, root, "{root}")
	}
	return strings.ReplaceAll(text, i.home, homeName)
}

// features is what the agent claims. An attached agent that said nothing since
// is taken to claim everything.
func (i *Instance) features() Feature {
	hello := i.Hello()
	if hello == nil {
		return Exec | Filesystem | Git | PTY | Desktop
	}
	caps := hello.GetCapabilities()
	var f Feature
	for bit, on := range map[Feature]bool{
		Exec: caps.GetExec(), Filesystem: caps.GetFilesystem(), Git: caps.GetGit(),
		PTY: caps.GetPty(), Desktop: caps.GetDesktop(),
	} {
		if on {
			f |= bit
		}
	}
	return f
}

// outputNote is what the agent printed, for an error message.
func (i *Instance) outputNote() string {
	if text := i.output.String(); text != "" {
		return "\nthe agent printed:\n" + text
	}
	return ""
}

// stop ends the agent as an operator would, and at once if that does not work.
func (i *Instance) stop(ctx context.Context) {
	if i.Process != nil {
		if !i.Ended() && i.Process.Signal(os.Interrupt) == nil {
			limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
			_, _ = i.AwaitExit(limit)
			cancel()
		}
		_ = i.Process.Kill()
		<-i.Process.Done()
	}
	if i.wire != nil && i.Process == nil && i.Broker == nil {
		// Somebody else's machine is left as it was found.
		_ = i.discard(context.WithoutCancel(ctx), i.home, opLimit)
	}
	i.disconnect()
	if i.silent != nil {
		_ = i.silent.Close()
	}
	if i.monitor != nil {
		i.monitor.stop()
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

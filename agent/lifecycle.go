package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// heartbeatInterval is what the control plane counts on (lifecycle.heartbeat-first).
const heartbeatInterval = 5 * time.Second

// The parts of a stop; together they stay below the 10 s of lifecycle.stop-order.
const (
	stopOperations = 5 * time.Second
	stopBackends   = 2 * time.Second
	stopReplies    = time.Second
	stopFlush      = time.Second
)

// errStopping ends the operations of an agent that stops.
var errStopping = errors.New("the agent is stopping and ended the operation")

// attend announces the agent on l and keeps its heart beating. It returns nil
// when ctx ends and an error when the connection does.
func (a *Agent) attend(ctx context.Context, l *link) error {
	a.event(a.subject("hello"), a.hello(ctx))
	a.log.Info("connected", "url", l.nc.ConnectedUrlRedacted(), "subject", a.subject("rpc"),
		"max_payload", l.nc.MaxPayload())
	a.heartbeat(l)
	beat := time.NewTicker(heartbeatInterval)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
			a.heartbeat(l)
		case <-a.drained:
			a.heartbeat(l)
		case <-l.gone:
			return errors.New("connection ended")
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *Agent) hello(ctx context.Context) *agentv1.Hello {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	return &agentv1.Hello{
		AgentId:       a.cfg.AgentID,
		WorkspaceId:   a.cfg.WorkspaceID,
		AgentVersion:  a.cfg.Version,
		Os:            hostOS(),
		Arch:          hostArch(),
		MachineName:   name,
		WorkspaceRoot: a.root.Dir(),
		Capabilities:  a.capabilities(ctx),
		UpdateChannel: a.cfg.UpdateChannel,
		ResumeToken:   a.cfg.ResumeToken,
	}
}

func (a *Agent) capabilities(ctx context.Context) *agentv1.Capabilities {
	c := &agentv1.Capabilities{
		Exec:                   true,
		Filesystem:             true,
		Git:                    true,
		Pty:                    a.terminals != nil,
		ConsentedWholeMachine:  a.cfg.WholeMachine,
		ConsentedScreenControl: a.cfg.ScreenControl,
	}
	c.Display, c.DesktopUnavailableReason = a.offeredDesktop(ctx)
	c.Desktop = c.Display != nil
	return c
}

// heartbeat counts from 1 after each Hello (lifecycle.heartbeat-seq).
func (a *Agent) heartbeat(l *link) {
	l.seq++
	beat := &agentv1.Heartbeat{
		Seq:      l.seq,
		UptimeMs: uint64(a.uptime().Milliseconds()),
		Metrics:  a.metrics.Sample(time.Now()),
		Draining: a.draining.Load(),
	}
	if a.terminals != nil {
		beat.ActiveSessions = uint32(a.terminals.Active())
	}
	a.event(a.subject("events"), &agentv1.AgentEvent{
		AgentId: a.cfg.AgentID,
		Event:   &agentv1.AgentEvent_Heartbeat{Heartbeat: beat},
	})
}

// event publishes what nobody asked for. One that cannot be sent is lost: the
// next connection begins with a Hello anyway.
func (a *Agent) event(subject string, m proto.Message) {
	data, err := encode(nil, m)
	if err == nil {
		err = a.publish(subject, data)
	}
	if err != nil {
		a.log.Debug("event not sent", "subject", subject, "error", err)
	}
}

// Drain makes the agent refuse new work from now on and say so in a heartbeat
// at once, while running operations go on (lifecycle.draining). The end of the
// context of Run ends the drain too: there is no other way back.
func (a *Agent) Drain() {
	if a.draining.Swap(true) {
		return
	}
	a.drained <- struct{}{} // it has room for the only one
}

// stop ends the agent in the order of lifecycle.stop-order. l is nil without a
// connection; the rest is done all the same.
func (a *Agent) stop(ctx context.Context, l *link, endOperations context.CancelCauseFunc) {
	a.draining.Store(true)
	if l != nil {
		a.heartbeat(l)
	}
	endOperations(errStopping)
	within(stopOperations, a.running.wait)
	if err := within(stopBackends, a.shutdownBackends); err != nil {
		a.log.Warn("not everything ended with the agent", "error", err)
	}
	if l == nil {
		return
	}
	if err := a.sayGoodbye(ctx, l); err != nil {
		a.log.Warn("goodbye not delivered", "error", err)
	}
	l.nc.Close()
	<-l.gone
	<-l.quit
	a.log.Info("stopped")
}

// shutdownBackends ends what outlives a single operation.
func (a *Agent) shutdownBackends(ctx context.Context) error {
	var errs []error
	if a.terminals != nil {
		errs = append(errs, a.terminals.Shutdown(ctx))
	}
	return errors.Join(append(errs, a.screen.Shutdown(ctx), a.commands.Close(ctx))...)
}

// sayGoodbye makes the goodbye the last message: the subscription ends first,
// after what has arrived is answered.
func (a *Agent) sayGoodbye(ctx context.Context, l *link) error {
	if err := l.sub.Drain(); err != nil {
		return fmt.Errorf("end the subscription: %w", err)
	}
	within(stopReplies, func(limit context.Context) error {
		select {
		case <-l.quit: // the last request has been taken off, and may be refused right now
			return a.running.wait(limit)
		case <-l.gone:
		case <-limit.Done():
		}
		return nil
	})
	bye, ok := errors.AsType[*Goodbye](context.Cause(ctx))
	if !ok {
		bye = new(Goodbye)
	}
	event := &agentv1.GoingOffline{Reason: bye.Reason, Message: bye.Error()}
	if event.Reason == agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_UNSPECIFIED {
		event.Reason = agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_USER_STOP
	}
	a.event(a.subject("events"), &agentv1.AgentEvent{
		AgentId: a.cfg.AgentID,
		Event:   &agentv1.AgentEvent_GoingOffline{GoingOffline: event},
	})
	if err := l.nc.FlushTimeout(stopFlush); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return nil
}

// within gives f a context of its own that ends after d.
func within(d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return f(ctx)
}

func hostOS() agentv1.Os {
	switch runtime.GOOS {
	case "linux":
		return agentv1.Os_OS_LINUX
	case "darwin":
		return agentv1.Os_OS_MACOS
	case "windows":
		return agentv1.Os_OS_WINDOWS
	default:
		return agentv1.Os_OS_UNSPECIFIED
	}
}

func hostArch() agentv1.Arch {
	switch runtime.GOARCH {
	case "amd64":
		return agentv1.Arch_ARCH_X86_64
	case "arm64":
		return agentv1.Arch_ARCH_AARCH64
	default:
		return agentv1.Arch_ARCH_UNSPECIFIED
	}
}

package instance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/monitor"
	"agentproof/suite/transcript"
	"agentproof/suite/wait"
	"agentproof/suite/wire"
)

// connect opens the control plane's connection and watches the agent.
func (i *Instance) connect(heard Heard) error {
	i.dog = &monitor.Watchdog{Base: i.Base, Agent: i.AgentID, Gaps: i.Broker != nil, Disturbed: i.disturbed}
	unasked := func() { i.dog.Find(monitor.UnaskedReply()) }
	var err error
	if i.wire, err = wire.Dial(i.ControlURL, unasked, i.NATSOptions()...); err != nil {
		return err
	}
	if i.Watch, err = wire.Watch(i.wire.Conn, i.Base); err != nil {
		return err
	}
	i.Watch.Begin(func(a wire.Announcement, msg *nats.Msg) {
		i.dog.Announced(a)
		if heard != nil {
			heard(kindOf(msg.Subject), msg)
		}
	})
	return i.observe(heard)
}

// kindOf is what a transcript calls an announcement.
func kindOf(subject string) string {
	if strings.HasSuffix(subject, ".hello") {
		return transcript.Hello
	}
	return transcript.Event
}

// disconnect closes what connect has opened so far.
func (i *Instance) disconnect() {
	if i.eye != nil {
		i.eye.Close()
	}
	if i.wire != nil {
		i.wire.Close()
	}
	if i.Watch != nil {
		i.Watch.Close()
	}
}

// disturbed counts what may have cost messages between the agent and the
// runner.
func (i *Instance) disturbed() int {
	n := i.wire.Drops() + i.Watch.Lost()
	if i.Broker != nil {
		n += i.Broker.Disturbances()
	}
	return n
}

// observe watches the workspace's other subjects through the observer that the
// suite's own brokers have.
func (i *Instance) observe(heard Heard) error {
	if i.Broker == nil {
		return nil
	}
	opts := append(i.NATSOptions(), nats.Name("agentproof observer"), nats.MaxReconnects(-1),
		nats.ReconnectWait(100*time.Millisecond), nats.IgnoreAuthErrorAbort(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	nc, err := nats.Connect(i.Broker.ObserverURL(), opts...)
	if err != nil {
		return fmt.Errorf("connect to the broker as its observer: %w", err)
	}
	i.eye = nc
	_, err = nc.Subscribe("agent.>", func(msg *nats.Msg) {
		if i.dog.Published(msg.Subject, msg.Header.Get(wire.CaseHeader) != "") && heard != nil {
			heard(transcript.Other, msg)
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

// Send publishes a request on the agent's rpc subject, as wire.Conn.Send.
func (i *Instance) Send(payload []byte, header nats.Header, seen func([]byte, time.Time)) (<-chan *nats.Msg, error) {
	return i.wire.Send(i.Base+".rpc", payload, header, seen)
}

// Notify sends an operation and waits for its reply, whatever that says. It is
// for after a case, when no outcome may change its verdict.
func (i *Instance) Notify(ctx context.Context, op proto.Message, limit time.Duration) error {
	_, err := i.request(ctx, op, limit)
	return err
}

// Ask sends an operation and returns the response to it, whatever that says.
func (i *Instance) Ask(ctx context.Context, op proto.Message, limit time.Duration) (*agentv1.ControlResponse, error) {
	msg, err := i.request(ctx, op, limit)
	if err != nil {
		return nil, err
	}
	resp := new(agentv1.ControlResponse)
	if err := proto.Unmarshal(msg.Data, resp); err != nil {
		return nil, fmt.Errorf("decode the response: %w", err)
	}
	return resp, nil
}

func (i *Instance) request(ctx context.Context, op proto.Message, limit time.Duration) (*nats.Msg, error) {
	payload, err := proto.Marshal(wire.NewRequest(op))
	if err != nil {
		return nil, err
	}
	reply, err := i.Send(payload, nil, nil)
	if err != nil {
		return nil, err
	}
	return wire.Await(ctx, reply, limit)
}

// Connected tells whether the runner's connection to the broker is up.
func (i *Instance) Connected() bool { return i.wire.IsConnected() }

// Drops is how often that connection was lost so far.
func (i *Instance) Drops() int { return i.wire.Drops() }

// LostReplies is how many replies the runner was too slow to take.
func (i *Instance) LostReplies() int { return i.wire.Lost() }

// Ping sends a ping and waits for its reply, whatever that says.
func (i *Instance) Ping(ctx context.Context, limit time.Duration) error {
	return i.Notify(ctx, &agentv1.PingRequest{}, limit)
}

// Restore brings a stopped broker back. Agents get in after the runner's own
// connection, so that no announcement of theirs is missed.
func (i *Instance) Restore(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, restoreLimit)
	defer cancel()
	return i.Broker.RestartFor(func() error {
		for {
			// What was subscribed before the outage is subscribed again when the
			// server has seen all that the connection sent so far. One that has
			// not noticed yet that it was lost fails, and is asked again.
			err := nats.ErrConnectionClosed
			if i.wire.IsConnected() {
				err = i.wire.FlushWithContext(ctx)
			}
			if !errors.Is(err, nats.ErrConnectionClosed) || i.wire.IsClosed() {
				return err
			}
			if ctx.Err() != nil {
				return fmt.Errorf("connect to the broker again: %w", context.Cause(ctx))
			}
			wait.For(ctx, 5*time.Millisecond)
		}
	})
}

// restoreLimit is below the time that the broker gives a client that waits to
// be let in.
const restoreLimit = 8 * time.Second

// NATSOptions is what a connection of the control plane needs beside a URL.
func (i *Instance) NATSOptions() []nats.Option {
	if i.Broker == nil || i.Broker.CAFile() == "" {
		return nil
	}
	return []nats.Option{nats.RootCAs(i.Broker.CAFile())}
}

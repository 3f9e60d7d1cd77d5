package engine

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"agentproof/suite/instance"
	"agentproof/suite/record"
)

// Beside starts a second agent, with a broker of its own, and returns the
// case's view of it. It ends with the case. Through it a case sees what an
// agent that is gone has left on the machine. Cases that use it set Launch,
// which keeps them away from attached subjects.
func (t *T) Beside(ctx context.Context, l *Launch) *T {
	inst, err := instance.Start(ctx, &t.set.Config, l, t.rec.Heard)
	if err != nil {
		t.Logf("%v", err)
		t.Given().Fatalf("a second agent that becomes ready", "one that does not")
	}
	t.knows(inst)
	t.Cleanup(func(ctx context.Context) {
		t.rec.Adopt(inst.Findings())
		inst.Stop(ctx)
	})
	return &T{state: t.state, place: &place{inst: inst}, given: t.given}
}

// Dial opens another connection of the control plane, for what must not pass
// through the runner's own: messages without a reply subject, callers that
// leave, listening in order of arrival. What is published through it names the
// case and is recorded, while what arrives is the case's alone. It ends with
// the case.
func (t *T) Dial() *Conn {
	nc, err := nats.Connect(t.inst.ControlURL, append(t.inst.NATSOptions(), nats.NoReconnect())...)
	if err != nil {
		t.Harness(fmt.Errorf("open another connection to the broker: %w", err))
	}
	t.Cleanup(func(context.Context) { nc.Close() })
	return &Conn{Conn: nc, t: t}
}

// Conn is a connection of a case's own.
type Conn struct {
	*nats.Conn
	t *T
}

// Publish sends a message without a reply subject.
func (c *Conn) Publish(subject string, data []byte) error { return c.PublishRequest(subject, "", data) }

// PublishRequest sends a message whose reply belongs on a subject.
func (c *Conn) PublishRequest(subject, reply string, data []byte) error {
	c.t.rec.Request(record.Sending{Subject: subject, Payload: data, Header: c.t.header()})
	return c.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: data, Header: c.t.header()})
}

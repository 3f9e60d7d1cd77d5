package engine

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Beside starts a second agent, with a broker of its own, and returns the
// case's view of it. It ends with the case. Through it a case sees what an
// agent that is gone has left on the machine. Cases that use it set Launch,
// which keeps them away from attached subjects.
func (t *T) Beside(ctx context.Context, l *Launch) *T {
	inst, err := launch(ctx, t.opts, l)
	if err != nil {
		t.Logf("%v", err)
		t.Given().Fatalf("a second agent that becomes ready", "one that does not")
	}
	t.Cleanup(inst.stop)
	return &T{state: t.state, place: &place{inst: inst}, given: t.given}
}

// Dial opens another connection of the control plane, for what must not pass
// through the runner's own: messages without a reply subject, callers that
// leave, listening in order of arrival. It ends with the case.
func (t *T) Dial() *nats.Conn {
	nc, err := nats.Connect(t.inst.ControlURL, append(t.inst.natsOptions(), nats.NoReconnect())...)
	if err != nil {
		t.Harness(fmt.Errorf("open another connection to the broker: %w", err))
	}
	t.Cleanup(func(context.Context) { nc.Close() })
	return nc
}

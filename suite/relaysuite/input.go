package relaysuite

import (
	"context"
	"fmt"

	"agentproof/stream"
)

var inputs = []testCase{
	{clause: "relay.input-once", behaviour: "taken-input-is-not-kept", run: inputTaken,
		explain: "A command that is typed a second time after a reconnect can destroy something."},
	{clause: "relay.input-once", behaviour: "waits-for-the-producer", run: inputWaits,
		explain: "What is typed while the machine reconnects should get there."},
	{clause: "relay.input-once", behaviour: "left-over-is-dropped", run: inputLeftOver,
		explain: "Half a command of somebody who left must not run under the next one's hands."},
	{clause: "relay.input-once", behaviour: "any-seq-is-passed", run: inputAnySeq,
		explain: "Every viewer page starts at 0, and a relay that sorts by seq swallows what the second types."},
}

func inputTaken(ctx context.Context, b *bench) {
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	for i := range uint64(5) {
		v.frame(ctx, i, fmt.Sprint("taken ", i))
		p.wantData(ctx, fmt.Sprint("taken ", i))
	}
	_ = p.ws.CloseNow()
	// Deployed producers ask for everything again, whatever they had.
	for _, cursor := range []uint64{0, 3} {
		open := b.open(stream.RoleAgent, b.channel("c"))
		open.ResumeFromSeq = cursor
		p = b.given().accepted(ctx, "a producer that comes back", open)
		p.b = b
		v.frame(ctx, 5+cursor, fmt.Sprint("new ", cursor))
		p.wantData(ctx, fmt.Sprint("new ", cursor))
	}
}

func inputWaits(ctx context.Context, b *bench) {
	v := b.viewer(ctx, "c", 0)
	v.frame(ctx, 0, "one")
	v.frame(ctx, 1, "two")
	p := b.producer(ctx, "c")
	p.wantData(ctx, "one")
	p.wantData(ctx, "two")
}

func inputLeftOver(ctx context.Context, b *bench) {
	v := b.viewer(ctx, "c", 0)
	v.frame(ctx, 0, "left over")
	v.leave()
	v = b.viewer(ctx, "c", 0)
	v.frame(ctx, 0, "new")
	b.producer(ctx, "c").wantData(ctx, "new")
}

func inputAnySeq(ctx context.Context, b *bench) {
	p := b.producer(ctx, "c")
	for _, page := range []string{"first", "second"} {
		v := b.viewer(ctx, "c", 0)
		for i := range uint64(3) {
			data := fmt.Sprint(page, " page, ", i)
			v.frame(ctx, i, data)
			p.wantData(ctx, data)
		}
		v.leave()
	}
}

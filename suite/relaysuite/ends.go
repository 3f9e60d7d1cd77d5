package relaysuite

import (
	"context"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

var ends = []testCase{
	{clause: "relay.displace", behaviour: "newer-producer", run: newerProducer,
		explain: "An agent that comes back before its old socket was missed must not be locked out by itself."},
	{clause: "relay.displace", behaviour: "newer-viewer", run: newerViewer,
		explain: "A reloaded page takes its terminal over from the page before."},
	{clause: "relay.displace", behaviour: "lower-epoch-does-not", run: lowerEpochDisplacesNobody,
		explain: "A viewer from before a takeover must not throw the new owner out."},
	{clause: "relay.viewer-gone", behaviour: "producer-goes-on-and-viewer-resumes", run: viewerGone,
		explain: "Closing the laptop does not end the work."},
	{clause: "relay.producer-gone", behaviour: "viewer-stays", run: producerGone,
		explain: "A machine's network fails for a moment; the viewer should see only a pause."},
	{clause: "relay.close", behaviour: "from-the-producer", run: closeFromProducer,
		explain: "The viewer learns that the shell has ended, and does not wait for more."},
	{clause: "relay.close", behaviour: "from-the-viewer", run: closeFromViewer,
		explain: "Closing a terminal in the viewer ends it on the machine."},
	{clause: "relay.close", behaviour: "output-comes-first", run: closeAfterOutput,
		explain: "The last words of a command are often the ones that matter."},
	{clause: "relay.close", behaviour: "the-channel-ends", run: closedChannel,
		explain: "Who uses the id again must not see the dead terminal's bytes."},
	{clause: "relay.bare-end", behaviour: "displaced-producer", run: bareEnd,
		explain: "Deployed agents end the terminal when they see a Close frame, and reconnect when they see none."},
}

func newerProducer(ctx context.Context, b *bench) {
	older, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	older.frame(ctx, 0, "older")
	v.want(ctx, 0, "older")
	newer := b.producer(ctx, "c")
	older.wantEnd(ctx, "the displaced producer's")
	newer.frame(ctx, 1, "newer")
	v.want(ctx, 1, "newer")
	v.frame(ctx, 0, "input")
	newer.wantData(ctx, "input")
}

func newerViewer(ctx context.Context, b *bench) {
	p, older := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	p.frame(ctx, 0, "first")
	older.want(ctx, 0, "first")
	newer := b.viewer(ctx, "c", 1)
	older.wantEnd(ctx, "the displaced viewer's")
	p.frame(ctx, 1, "second")
	newer.want(ctx, 1, "second")
}

func lowerEpochDisplacesNobody(ctx context.Context, b *bench) {
	p := b.producer(ctx, "c")
	open := b.open(stream.RoleClient, b.channel("c"))
	open.Token = b.viewerToken(5)
	v := b.given().accepted(ctx, "a viewer with a good token", open)
	v.b = b
	late := b.open(stream.RoleClient, b.channel("c"))
	late.Token = b.viewerToken(4)
	b.refused(ctx, "a viewer of an older epoch", late)
	p.frame(ctx, 0, "output")
	v.want(ctx, 0, "output")
}

func viewerGone(ctx context.Context, b *bench) {
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	p.numbered(ctx, 0, 4)
	v.wantNumbered(ctx, 0, 4)
	v.leave()
	p.numbered(ctx, 5, 99)
	v = b.viewer(ctx, "c", 5)
	v.wantNumbered(ctx, 5, 99)
	v.frame(ctx, 0, "input")
	p.wantData(ctx, "input")
}

func producerGone(ctx context.Context, b *bench) {
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	p.numbered(ctx, 0, 4)
	v.wantNumbered(ctx, 0, 4)
	_ = p.ws.CloseNow()
	p = b.producer(ctx, "c")
	p.numbered(ctx, 5, 9)
	v.wantNumbered(ctx, 5, 9)
	v.frame(ctx, 0, "input")
	p.wantData(ctx, "input")
}

const exited = agentv1.StreamCloseReason_STREAM_CLOSE_REASON_PROCESS_EXIT

func closeFromProducer(ctx context.Context, b *bench) {
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	p.send(ctx, &agentv1.StreamClose{ChannelId: "c", Reason: exited})
	v.wantClose(ctx, exited)
	v.wantEnd(ctx, "the viewer's")
	p.wantEnd(ctx, "the producer's")
}

func closeFromViewer(ctx context.Context, b *bench) {
	const reason = agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	v.send(ctx, &agentv1.StreamClose{ChannelId: "c", Reason: reason})
	p.wantClose(ctx, reason)
	p.wantEnd(ctx, "the producer's")
	v.wantEnd(ctx, "the viewer's")
}

func closeAfterOutput(ctx context.Context, b *bench) {
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	p.numbered(ctx, 0, 299)
	p.send(ctx, &agentv1.StreamClose{ChannelId: "c", Reason: exited})
	v.wantNumbered(ctx, 0, 299)
	v.wantClose(ctx, exited)
}

func closedChannel(ctx context.Context, b *bench) {
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	p.frame(ctx, 0, "the dead terminal's")
	v.want(ctx, 0, "the dead terminal's")
	p.send(ctx, &agentv1.StreamClose{ChannelId: "c", Reason: exited})
	v.wantClose(ctx, exited)
	v.wantEnd(ctx, "the viewer's")
	p.wantEnd(ctx, "the producer's")
	p = b.producer(ctx, "c")
	p.frame(ctx, 0, "the new terminal's")
	b.viewer(ctx, "c", 0).want(ctx, 0, "the new terminal's")
}

func bareEnd(ctx context.Context, b *bench) {
	older := b.producer(ctx, "c")
	b.producer(ctx, "c")
	status := older.wantEnd(ctx, "the displaced producer's")
	b.Check(status == -1, "no websocket Close frame for a producer that should come back", "one with status %d", status)
}

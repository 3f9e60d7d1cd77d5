package relaysuite

import "context"

var replays = []testCase{
	{clause: "relay.replay", behaviour: "from-the-cursor", run: replayFromCursor,
		explain: "A viewer that had ten frames must not see them again, nor miss the eleventh."},
	{clause: "relay.replay", behaviour: "joins-the-live-frames", run: replayJoinsLive,
		explain: "The seam between what was held and what comes is where relays lose or double bytes."},
	{clause: "relay.replay", behaviour: "gap-shows-in-seq", run: replayGap,
		explain: "What is lost must be seen to be lost."},
	{clause: "relay.replay", behaviour: "after-the-producer-left", judges: "relay.idle", run: replayWithoutProducer,
		explain: "What a command printed before the network failed is still there to read."},
}

func replayFromCursor(ctx context.Context, b *bench) {
	p := b.producer(ctx, "c")
	p.numbered(ctx, 0, 49)
	p.settle(ctx)
	for _, cursor := range []uint64{0, 10, 49} {
		v := b.viewer(ctx, "c", cursor)
		v.wantNumbered(ctx, cursor, 49)
	}
	v := b.viewer(ctx, "c", 50)
	p.frame(ctx, 50, "live")
	v.want(ctx, 50, "live")
}

func replayJoinsLive(ctx context.Context, b *bench) {
	p := b.producer(ctx, "c")
	p.numbered(ctx, 0, 99)
	v := b.viewer(ctx, "c", 20)
	p.numbered(ctx, 100, 299)
	v.wantNumbered(ctx, 20, 299)
}

func replayGap(ctx context.Context, b *bench) {
	p := b.producer(ctx, "c")
	p.numbered(ctx, 0, 4)
	p.numbered(ctx, 10, 14)
	v := b.viewer(ctx, "c", 0)
	v.wantNumbered(ctx, 0, 4)
	v.wantNumbered(ctx, 10, 14)
}

func replayWithoutProducer(ctx context.Context, b *bench) {
	p := b.producer(ctx, "c")
	p.numbered(ctx, 0, 9)
	p.settle(ctx)
	_ = p.ws.CloseNow()
	b.viewer(ctx, "c", 3).wantNumbered(ctx, 3, 9)
}

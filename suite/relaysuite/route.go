package relaysuite

import (
	"context"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

var routes = []testCase{
	{clause: "relay.route.key", behaviour: "both-ends-of-a-channel-meet", run: ends2meet,
		explain: "This is what a relay is for."},
	{clause: "relay.route.key", behaviour: "no-channel-id-joins-the-newest-producer", run: newestProducer,
		explain: "A viewer that knows only the port wants the terminal that was opened last."},
	{clause: "relay.route.key", behaviour: "no-channel-id-waits-for-the-first-producer", run: firstProducer,
		explain: "A viewer may be there before the terminal."},
	{clause: "relay.route.key", behaviour: "channel-id-of-later-messages-is-not-compared", run: laterChannelID,
		explain: "Deployed clients put other things there; the socket says whose message it is."},
	{clause: "relay.route.key", behaviour: "kind-is-not-inspected", run: kindIgnored,
		explain: "Both ends name the kind differently or not at all."},
	{clause: "relay.route.isolation", behaviour: "channels", run: isolated(func(ch *agentv1.StreamChannel) { ch.ChannelId += "x" }),
		explain: "Two terminals of one machine must not mix."},
	{clause: "relay.route.isolation", behaviour: "ports", run: isolated(func(ch *agentv1.StreamChannel) { ch.Port++ }),
		explain: "A terminal's viewer must not see another service."},
	{clause: "relay.route.isolation", behaviour: "agents", run: isolated(func(ch *agentv1.StreamChannel) { ch.AgentId += "x" }),
		explain: "One machine's bytes in another's terminal are the worst that a relay can do."},
	{clause: "relay.route.isolation", behaviour: "workspaces", run: isolated(func(ch *agentv1.StreamChannel) { ch.WorkspaceId += "x" }),
		explain: "Workspaces belong to different customers."},
	{clause: "relay.order", behaviour: "viewer-first", run: firstProducerOfChannel,
		explain: "Nobody can promise which side dials faster."},
	{clause: "relay.order", behaviour: "producer-first-is-replayed", run: producerFirst,
		explain: "The prompt was printed before anybody could look."},
}

func ends2meet(ctx context.Context, b *bench) {
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	p.numbered(ctx, 0, 9)
	v.wantNumbered(ctx, 0, 9)
	v.frame(ctx, 0, "input")
	p.wantData(ctx, "input")
}

func newestProducer(ctx context.Context, b *bench) {
	older, newer := b.producer(ctx, "older"), b.producer(ctx, "newer")
	older.frame(ctx, 0, "older")
	newer.frame(ctx, 0, "newer")
	v := b.viewer(ctx, "", 0)
	v.want(ctx, 0, "newer")
	v.frame(ctx, 0, "input")
	newer.wantData(ctx, "input")
}

func firstProducer(ctx context.Context, b *bench) {
	v := b.viewer(ctx, "", 0)
	p := b.producer(ctx, "c")
	p.frame(ctx, 0, "output")
	v.want(ctx, 0, "output")
}

func laterChannelID(ctx context.Context, b *bench) {
	p, v := b.producer(ctx, "c"), b.viewer(ctx, "c", 0)
	p.send(ctx, &agentv1.StreamFrame{ChannelId: "another", Data: []byte("output")})
	v.want(ctx, 0, "output")
	v.send(ctx, &agentv1.StreamFrame{ChannelId: "another", Data: []byte("input")})
	p.wantData(ctx, "input")
}

func kindIgnored(ctx context.Context, b *bench) {
	p := b.producer(ctx, "c")
	open := b.open(stream.RoleClient, b.channel("c"))
	open.Channel.Kind = 0
	v := b.accepted(ctx, "a viewer that names no kind", open)
	p.frame(ctx, 0, "output")
	v.want(ctx, 0, "output")
}

// isolated runs two channels that differ in one part side by side.
func isolated(change func(*agentv1.StreamChannel)) func(context.Context, *bench) {
	return func(ctx context.Context, b *bench) {
		there := b.channel("c")
		change(there)
		join := func(role agentv1.StreamRole, ch *agentv1.StreamChannel) *socket {
			o := *b
			o.workspace, o.agent = ch.GetWorkspaceId(), ch.GetAgentId()
			open := o.open(role, ch)
			if role == stream.RoleClient {
				open.Token = o.viewerTokenFor(1, ch.GetPort())
			}
			s := b.given().accepted(ctx, "a peer with a good token", open)
			s.b = b
			return s
		}
		p1, p2 := join(stream.RoleAgent, b.channel("c")), join(stream.RoleAgent, there)
		v1, v2 := join(stream.RoleClient, b.channel("c")), join(stream.RoleClient, there)
		for i := range uint64(20) {
			p1.frame(ctx, i, "one")
			p2.frame(ctx, i, "two")
			v1.frame(ctx, i, "typed one")
			v2.frame(ctx, i, "typed two")
		}
		for i := range uint64(20) {
			v1.want(ctx, i, "one")
			v2.want(ctx, i, "two")
			p1.wantData(ctx, "typed one")
			p2.wantData(ctx, "typed two")
		}
	}
}

func firstProducerOfChannel(ctx context.Context, b *bench) {
	v := b.viewer(ctx, "c", 0)
	p := b.producer(ctx, "c")
	p.frame(ctx, 0, "output")
	v.want(ctx, 0, "output")
	v.frame(ctx, 0, "input")
	p.wantData(ctx, "input")
}

func producerFirst(ctx context.Context, b *bench) {
	p := b.producer(ctx, "c")
	p.numbered(ctx, 0, 99)
	v := b.viewer(ctx, "c", 0)
	v.wantNumbered(ctx, 0, 99)
	p.numbered(ctx, 100, 109)
	v.wantNumbered(ctx, 100, 109)
}

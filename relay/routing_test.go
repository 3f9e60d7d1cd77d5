package relay_test

import (
	"testing"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
)

func TestAByteCrossesInsideItsChannelOnly(t *testing.T) { // relay.route.key, relay.route.isolation
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	base := terminal("c")
	keys := map[string]where{
		"base":              base,
		"another workspace": {"ws2", base.agent, base.channel, base.port, 1, 0},
		"another agent":     {base.ws, "ag2", base.channel, base.port, 1, 0},
		"another port":      {base.ws, base.agent, base.channel, 7682, 1, 0},
		"another channel":   {base.ws, base.agent, "c2", base.port, 1, 0},
		"joined alike":      {base.ws, base.agent + base.channel, "", base.port, 1, 0},
	}
	type pair struct{ producer, viewer *socket }
	pairs := make(map[string]pair)
	for name, w := range keys {
		pairs[name] = pair{agent(t, s, w), client(t, s, w)}
	}
	for name, p := range pairs {
		p.producer.text(0, "from "+name)
		p.viewer.text(0, "to "+name)
	}
	// What strayed would stand before the mark.
	for name, p := range pairs {
		p.producer.text(1, "mark")
		p.viewer.text(1, "mark")
		p.viewer.wantText("from " + name)
		p.viewer.wantText("mark")
		p.producer.wantText("to " + name)
		p.producer.wantText("mark")
	}
}

func TestTheChannelIDOfLaterMessagesAndTheKindDoNotRoute(t *testing.T) { // relay.route.key
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := agent(t, s, terminal("c"))
	w := terminal("c")
	open := w.open(t, stream.RoleClient)
	open.Channel.Kind = agentv1.StreamKind_STREAM_KIND_DESKTOP
	conn, err := tryDial(t, s, w, open)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Drop)
	v := &socket{t, conn, "elsewhere"}
	p.channel = "nowhere"
	p.frames(0, 2)
	v.wantFrames(0, 2)
	v.text(0, "typed")
	p.wantText("typed")
}

func TestEitherSideMayComeFirst(t *testing.T) { // relay.order
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	t.Run("the producer, whose output is replayed", func(t *testing.T) {
		t.Parallel()
		p := agent(t, s, terminal("producer first"))
		p.frames(0, 9)
		v := client(t, s, terminal("producer first"))
		v.wantFrames(0, 9)
		p.frames(10, 12)
		v.wantFrames(10, 12)
	})
	t.Run("the viewer, whose typing is kept", func(t *testing.T) {
		t.Parallel()
		v := client(t, s, terminal("viewer first"))
		v.frames(0, 3)
		p := agent(t, s, terminal("viewer first"))
		p.wantFrames(0, 3)
		p.frames(0, 1)
		v.wantFrames(0, 1)
	})
}

func TestAViewerWithoutAChannelJoinsTheNewestProducer(t *testing.T) { // relay.route.key
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	agent(t, s, terminal("a")).text(0, "old")
	agent(t, s, terminal("b")).text(0, "new")
	gone := agent(t, s, terminal("c"))
	gone.text(0, "newer, but gone")
	gone.conn.Drop()
	other := terminal("d")
	other.agent = "another"
	agent(t, s, other).text(0, "another agent's")
	anyone := terminal("")
	eventually(t, "the relay has seen the newest producer go", func() bool {
		v := client(t, s, anyone)
		defer v.conn.Drop()
		f, ok := v.next().(*agentv1.StreamFrame)
		return ok && string(f.GetData()) == "new"
	})
}

func TestAViewerWithoutAChannelWaitsForTheFirstProducer(t *testing.T) { // relay.route.key
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	v := client(t, s, terminal(""))
	v.text(0, "typed in advance")
	p := agent(t, s, terminal("some channel"))
	p.wantText("typed in advance")
	v.text(1, "and after")
	p.wantText("and after")
	p.frames(0, 4)
	v.wantFrames(0, 4)
	// It sits in that channel now, and a later producer does not get it.
	agent(t, s, terminal("a later channel")).text(0, "stray")
	p.frames(5, 6)
	v.wantFrames(5, 6)
}

func TestANewerConnectionOfTheSameRoleDisplaces(t *testing.T) { // relay.displace, relay.bare-end
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p1, v1 := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	p1.frames(0, 1)
	v1.wantFrames(0, 1)

	p2 := agent(t, s, terminal("c"))
	p1.wantEnd(bare)
	p2.frames(2, 3)
	v1.wantFrames(2, 3)

	later := terminal("c")
	later.resume = 4
	v2 := client(t, s, later)
	v1.wantEnd(stream.StatusDisplaced)
	p2.frames(4, 5)
	v2.wantFrames(4, 5)
	v2.text(0, "hello")
	p2.wantText("hello")
}

func TestTheProducerGoesOnWithoutAViewerWhoMayResume(t *testing.T) { // relay.viewer-gone, relay.replay
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p, v := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	p.frames(0, 4)
	v.wantFrames(0, 4)
	v.conn.Drop()
	p.frames(5, 9)
	back := terminal("c")
	back.resume = 3
	v = client(t, s, back)
	v.wantFrames(3, 9)
	p.frames(10, 10)
	v.wantFrames(10, 10)
}

func TestTheViewerStaysForAProducerThatReturns(t *testing.T) { // relay.producer-gone, relay.input-once
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p, v := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	p.frames(0, 2)
	v.wantFrames(0, 2)
	v.text(0, "taken")
	p.wantText("taken")
	p.conn.Drop()

	// The wrong cursor that deployed producers send must change nothing.
	back := terminal("c")
	back.resume = 0
	p = agent(t, s, back)
	v.text(1, "not taken")
	p.wantText("not taken")
	p.frames(3, 5)
	v.wantFrames(3, 5)
}

func TestInputGoesOutOnceAndToNobodyLater(t *testing.T) { // relay.input-once
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	first := client(t, s, terminal("c"))
	first.frames(0, 2)
	first.text(3, "rm -rf, typed by somebody who left")
	second := client(t, s, terminal("c"))
	first.wantEnd(stream.StatusDisplaced)
	second.frames(0, 1)
	p := agent(t, s, terminal("c"))
	p.wantFrames(0, 1)
	again := agent(t, s, terminal("c"))
	second.text(2, "mark")
	again.wantText("mark")
}

func TestStreamCloseReachesTheOtherSideAfterEverythingBefore(t *testing.T) { // relay.close
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	const normal = 1000
	t.Run("from the producer", func(t *testing.T) {
		t.Parallel()
		p, v := agent(t, s, terminal("a")), client(t, s, terminal("a"))
		p.frames(0, 99)
		p.send(closing(exited, "exit 0"))
		v.wantFrames(0, 99)
		v.wantClose("exit 0")
		v.wantEnd(normal)
		p.wantEnd(normal)
	})
	t.Run("from the viewer", func(t *testing.T) {
		t.Parallel()
		p, v := agent(t, s, terminal("b")), client(t, s, terminal("b"))
		v.frames(0, 9)
		v.send(closing(agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, "enough"))
		p.wantFrames(0, 9)
		p.wantClose("enough")
		p.wantEnd(normal)
		v.wantEnd(normal)
	})
	t.Run("to a viewer who comes later", func(t *testing.T) {
		t.Parallel()
		p := agent(t, s, terminal("c"))
		p.frames(0, 3)
		p.send(closing(exited, "exit 3"))
		p.wantEnd(normal)
		v := client(t, s, terminal("c"))
		v.wantFrames(0, 3)
		v.wantClose("exit 3")
	})
	t.Run("to a producer who was away", func(t *testing.T) {
		t.Parallel()
		v := client(t, s, terminal("d"))
		v.send(closing(agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, "enough"))
		v.wantEnd(normal)
		agent(t, s, terminal("d")).wantClose("enough")
	})
	t.Run("to a viewer whose socket ended too early", func(t *testing.T) {
		t.Parallel()
		p, v := agent(t, s, terminal("f")), client(t, s, terminal("f"))
		p.frames(0, 1)
		v.wantFrames(0, 1)
		v.conn.Drop()
		p.text(2, "last words")
		p.send(closing(exited, "exit 5"))
		p.wantEnd(normal)
		v = client(t, s, resumeAt("f", 2))
		v.wantText("last words")
		v.wantClose("exit 5")
	})
	t.Run("and the next producer begins anew", func(t *testing.T) {
		t.Parallel()
		p, v := agent(t, s, terminal("e")), client(t, s, terminal("e"))
		p.frames(0, 9)
		p.send(closing(exited, "exit 0"))
		v.wantFrames(0, 9)
		v.wantClose("exit 0")
		p = agent(t, s, terminal("e"))
		p.text(0, "anew")
		client(t, s, terminal("e")).wantText("anew")
	})
}

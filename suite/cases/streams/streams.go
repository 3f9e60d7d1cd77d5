// Package streams holds the cases about the agent's side of the stream plane:
// how it dials the relay, numbers its frames, comes back, and takes input.
package streams

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wait"
)

// goneWithin is how long a child may outlive its terminal (pty.close).
const goneWithin = 2 * time.Second

// startLimit is for a program on a terminal to show that it runs, and for an agent
// to come back to a relay.
const startLimit = 20 * time.Second

const needs = engine.PTY | engine.Filesystem | engine.Exec

// Cases returns the cases of this area.
func Cases() []engine.Case {
	cases := slices.Concat(dialCases(), frameCases(), reconnectCases())
	for i, c := range cases {
		if c.Launch != nil {
			continue // what they see is the first terminal's
		}
		cases[i].Run = func(ctx context.Context, t *engine.T) {
			t.PlainTerminal(ctx)
			c.Run(ctx, t)
		}
	}
	return cases
}

func dialCases() []engine.Case {
	return []engine.Case{
		{
			ID: "stream.dial.producer/routing-key", Clause: "stream.dial.producer", Needs: needs, Launch: &engine.Launch{},
			Explain: "The relay pairs the two ends by what the agent dials; a part in the wrong place pairs it with nobody, or with somebody else.",
			Run:     func(ctx context.Context, t *engine.T) { dialled(ctx, t, "/stream?") },
		},
		{
			ID: "stream.dial.producer/keeps-the-urls-own-query", Clause: "stream.dial.producer", Needs: needs,
			Launch:  &engine.Launch{RelayQuery: "?tenant=a%20b&x=1"},
			Explain: "Operators route relays by a query of their own; the agent adds to it and rewrites nothing.",
			Run:     func(ctx context.Context, t *engine.T) { dialled(ctx, t, "/stream?tenant=a%20b&x=1&") },
		},
		{
			ID: "stream.dial.producer/keeps-the-urls-own-path", Clause: "stream.dial.producer", Needs: needs,
			Launch:  &engine.Launch{RelayPath: "/some%20tenant"},
			Explain: "A relay behind an ingress has a path of its own; one that the agent knows by heart leads nowhere.",
			Run:     func(ctx context.Context, t *engine.T) { dialled(ctx, t, "/some%20tenant/stream?") },
		},
		{
			ID: "stream.dial.producer-channel/in-the-query", Clause: "stream.dial.producer-channel", Needs: needs, Launch: &engine.Launch{},
			Explain: "Later relays choose a node by the channel before they have read a byte.",
			Run:     dialledChannel,
		},
	}
}

// firstDial opens a terminal and returns what the agent dialled for it.
func firstDial(ctx context.Context, t *engine.T) (uri string, term *engine.Terminal) {
	term = t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: t.Helper(ctx, "sleep", "60s"), Cwd: t.Dir(ctx)})
	dials := t.Instance().Relay.Dials()
	if len(dials) == 0 {
		t.Fatalf("the agent to dial the relay that it was told", "no dial")
	}
	return dials[0], term
}

// dialled checks what the agent makes of its relay URL: start is all of it
// after the host, with what separates the rest.
func dialled(ctx context.Context, t *engine.T, start string) {
	uri, _ := firstDial(ctx, t)
	inst := t.Instance()
	want := start + "ws=" + inst.WorkspaceID + "&agent=" + inst.AgentID + "&port=7681"
	rest, ok := strings.CutPrefix(uri, want)
	if !ok || rest != "" && !strings.HasPrefix(rest, "&") {
		t.Logf("the agent dialled %s", uri)
		t.Errorf("the relay URL as it stands, then ws, agent and port in this order", "another URL")
	}
}

func dialledChannel(ctx context.Context, t *engine.T) {
	uri, term := firstDial(ctx, t)
	route, err := stream.ParseRoute(uri[strings.IndexByte(uri, '?')+1:])
	t.Check(err == nil && route.ChannelID == term.Channel.GetChannelId(), "the channel's id in the query", "another, or none")
}

func frameCases() []engine.Case {
	return []engine.Case{
		{
			ID: "stream.seq/from-nought-by-one", Clause: "stream.seq", Needs: needs,
			Explain: "A viewer knows by seq alone whether it has missed something.",
			Run:     seqFromNought,
		},
		{
			ID: "stream.close-ends-terminal/child-is-gone", Clause: "stream.close-ends-terminal", Needs: needs,
			Explain: "A person who closes the tab for good ends the terminal; the shell must not run on unseen.",
			Run:     closeEndsTerminal,
		},
		{
			ID: "stream.input.any-seq/every-viewer-starts-at-nought", Clause: "stream.input.any-seq", Needs: needs,
			Explain: "Every page that opens the terminal counts its keys from 0; an agent that waits for the next number is deaf to the second one.",
			Run:     anySeq,
		},
		{
			ID: "stream.input.any-seq/typed-bytes-arrive-whole", Clause: "stream.input.any-seq", Needs: needs,
			Explain: "What is typed or pasted at a viewer reaches the child byte for byte.",
			Run:     inputWhole,
		},
	}
}

func seqFromNought(ctx context.Context, t *engine.T) {
	// The terminal's reader checks every frame's seq. What is in the frames is the
	// matter of pty.output-complete.
	term := t.HelperTerminal(ctx, "pty-source", "2000000", "5")
	term.Until(ctx, helper.BeginMarker)
	term.Until(ctx, helper.EndMarker)
}

func closeEndsTerminal(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "tree.json")
	given := t.Given()
	term := given.HelperTerminal(ctx, "tree", "--sleep", "60s", "--file", t.Abs(ctx, name))
	var started helper.Tree
	if !t.AwaitJSON(ctx, name, t.Scale(startLimit), &started) {
		given.Fatalf("a process on the terminal", "none")
	}
	term.CloseAtViewer(ctx)
	args := []string{"alive", "--until-dead", goneWithin.String(), started.Root.Ref()}
	left := engine.Probe[helper.Processes](ctx, t, args...)
	if len(left.Living()) > 0 {
		t.MissedIfBusy(ctx)
	}
	t.Check(len(left.Living()) == 0, "the terminal's child gone within 2 s", "still there: %s", left.Running())
	refused := wait.Until(ctx, goneWithin, func(ctx context.Context) bool {
		return t.Call(ctx, &agentv1.PtyWriteRequest{PtyId: term.ID, Data: []byte("x")}).GetError() != nil
	})
	t.Check(refused, "a terminal that takes no more input", "one that does")
}

func anySeq(ctx context.Context, t *engine.T) {
	term := t.HelperTerminal(ctx, "pty-echo")
	term.Given().Until(ctx, helper.ReadyMarker)
	term.TypeAtViewer(ctx, []byte(helper.BeginMarker+"first-"))
	term.Until(ctx, "first-")
	for _, word := range []string{"second-", "third-"} {
		term.Attach(ctx) // a new viewer, which counts from 0 again
		term.TypeAtViewer(ctx, []byte(word))
		term.Until(ctx, word)
	}
}

func inputWhole(ctx context.Context, t *engine.T) {
	const size = 1 << 20
	name := t.Path(ctx, "read.json")
	term := t.HelperTerminal(ctx, "pty-sink", "--file", t.Abs(ctx, name), strconv.Itoa(size))
	term.Given().Until(ctx, helper.ReadyMarker)
	data := helper.Pattern(6, size)
	term.TypeAtViewer(ctx, append([]byte(helper.BeginMarker), data...))
	var got helper.Content
	if t.Check(t.AwaitJSON(ctx, name, t.Scale(startLimit), &got), "all that was typed at the child", "less in time") {
		t.Check(got.Digest == helper.DigestOf(data), "the digest of what was typed", "another")
	}
}

func reconnectCases() []engine.Case {
	return []engine.Case{
		{
			ID: "stream.reconnect/comes-back-and-goes-on", Clause: "stream.reconnect", Needs: needs, Launch: &engine.Launch{},
			Explain: "A lost socket is a drop, not the end: the agent dials again and nobody's shell is gone.",
			Run:     comesBack,
		},
		{
			ID: "stream.reconnect/keeps-what-was-not-sent", Clause: "stream.reconnect", Needs: needs, Launch: &engine.Launch{},
			Explain: "What a program prints while the relay is away is shown when it is back.",
			Run:     keepsUnsent,
		},
		{
			ID: "stream.reconnect/resumes-from-the-next-input", Clause: "stream.reconnect", Needs: needs,
			Launch:  &engine.Launch{RelayPath: "/tapped"},
			Explain: "resume_from_seq speaks of what comes from the peer; the count of what the agent sent itself has no place there.",
			Run:     resumesFromNextInput,
		},
		{
			ID: "stream.seq/goes-on-after-a-reconnect", Clause: "stream.seq", Needs: needs,
			Launch:  &engine.Launch{RelayPath: "/tapped"},
			Explain: "A count that starts again at 0 makes a viewer throw away all that is new.",
			Run:     countsOn,
		},
	}
}

// echo types a word at the control plane and waits for it at the viewer.
func echo(ctx context.Context, term *engine.Terminal, word string) {
	term.Type(ctx, word)
	term.Until(ctx, word)
}

// echoing opens a terminal that echoes what is typed.
func echoing(ctx context.Context, t *engine.T) *engine.Terminal {
	term := t.HelperTerminal(ctx, "pty-echo")
	term.Given().Until(ctx, helper.ReadyMarker)
	echo(ctx, term.Given(), helper.BeginMarker)
	return term
}

// countsOn looks at the frames as the agent sends them. That it comes back at all
// is another clause's matter.
func countsOn(ctx context.Context, t *engine.T) {
	given := t.Given()
	term := echoing(ctx, given)
	echo(ctx, term, "before")
	relay := t.Instance().Relay
	opens, frames := len(relay.Opens()), len(relay.Frames())
	relay.Shutdown(ctx)
	if err := relay.Restart(); err != nil {
		t.Harness(err)
	}
	for _, word := range []string{"after-one", "after-two"} {
		term.Type(ctx, word)
		if !wait.Until(ctx, t.Scale(startLimit), func(context.Context) bool {
			return len(relay.Opens()) > opens && len(relay.Frames()) > frames
		}) {
			given.Fatalf("a producer that comes back and sends on", "none in time")
		}
		frames = len(relay.Frames())
	}
	wrong := miscounted(relay.Frames())
	t.Check(wrong == "", "frames that count on after a reconnect", "%s", wrong)
}

// miscounted says what is wrong with the seq of frames. One that was sent before
// may be sent again.
func miscounted(frames []*agentv1.StreamFrame) string {
	var sent [][]byte
	for _, f := range frames {
		switch seq := f.GetSeq(); {
		case seq == uint64(len(sent)):
			sent = append(sent, f.GetData())
		case seq > uint64(len(sent)):
			return "a gap"
		case !bytes.Equal(sent[seq], f.GetData()):
			return "a number again for other bytes"
		}
	}
	return ""
}

func comesBack(ctx context.Context, t *engine.T) {
	term := echoing(ctx, t)
	echo(ctx, term.Given(), "before")
	relay := t.Instance().Relay
	for _, word := range []string{"after-one", "after-two"} {
		relay.Shutdown(ctx)
		if err := relay.Restart(); err != nil {
			t.Harness(err)
		}
		echo(ctx, term, word)
	}
}

func keepsUnsent(ctx context.Context, t *engine.T) {
	term := echoing(ctx, t)
	t.Instance().Relay.Shutdown(ctx)
	term.Type(ctx, "printed while the relay was away")
	t.Settle(ctx)
	if err := t.Instance().Relay.Restart(); err != nil {
		t.Harness(err)
	}
	term.Until(ctx, "printed while the relay was away")
}

func resumesFromNextInput(ctx context.Context, t *engine.T) {
	const typed = 3
	given := t.Given()
	term := echoing(ctx, given)
	for _, word := range []string{"one", "two", "three"}[:typed] {
		term.TypeAtViewer(ctx, []byte(word))
		term.Until(ctx, word)
	}
	relay := t.Instance().Relay
	relay.Shutdown(ctx)
	if err := relay.Restart(); err != nil {
		t.Harness(err)
	}
	echo(ctx, term, "back")
	opens := relay.Opens()
	given.Check(len(opens) > 1, "a StreamOpen before and one after the drop", "fewer")
	engine.Equal(t, "resume_from_seq of the first StreamOpen", opens[0].GetResumeFromSeq(), 0)
	engine.Equal(t, "resume_from_seq after 3 inputs", opens[len(opens)-1].GetResumeFromSeq(), typed)
}

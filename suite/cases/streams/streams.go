// Package streams holds the cases about the agent's side of the stream plane:
// how it dials the relay, numbers its frames, comes back, and takes input.
package streams

import (
	"context"
	"encoding/json"
	"slices"
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

const needs = engine.PTY | engine.Filesystem | engine.Exec

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return slices.Concat(dialCases(), frameCases(), reconnectCases())
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
	term = t.OpenTerminal(ctx, &agentv1.PtyOpenRequest{Command: t.Helper(ctx, "sleep", "60s")})
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
	// The terminal's reader checks every frame's seq.
	term := t.HelperTerminal(ctx, "pty-source", "2000000", "5")
	term.Until(ctx, helper.BeginMarker)
	got := term.Until(ctx, helper.EndMarker)
	engine.EqualBytes(t, "the output", got, helper.Pattern(5, 2_000_000))
}

func closeEndsTerminal(ctx context.Context, t *engine.T) {
	name := t.Path(ctx, "tree.json")
	term := t.HelperTerminal(ctx, "tree", "--for", "60s", "--sleep", "60s", "--file", t.Abs(ctx, name), "child", "setpgid")
	var started helper.Tree
	given := t.Given()
	if !wait.Until(ctx, t.Scale(20*time.Second), func(ctx context.Context) bool {
		return given.Exists(ctx, name) && json.Unmarshal(given.Read(ctx, name), &started) == nil
	}) {
		given.Fatalf("a process tree on the terminal", "none")
	}
	term.CloseAtViewer(ctx)
	var alive helper.Processes
	gone := wait.Until(ctx, goneWithin, func(ctx context.Context) bool {
		alive = engine.Probe[helper.Processes](ctx, t, append([]string{"alive"}, started.Refs()...)...)
		resp := t.Call(ctx, &agentv1.PtyWriteRequest{PtyId: term.ID, Data: []byte("x")})
		return len(alive.Living()) == 0 && resp.GetError().GetCode() == agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	})
	still := "the terminal still open"
	if len(alive.Living()) > 0 {
		still = "some still there: " + alive.Running()
	}
	t.Check(gone, "the terminal, its child and what that started gone within 2 s", "%s", still)
}

func anySeq(ctx context.Context, t *engine.T) {
	term := t.HelperTerminal(ctx, "pty-echo")
	term.Until(ctx, helper.ReadyMarker)
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
	term := t.HelperTerminal(ctx, "pty-sink", "1048576")
	term.Until(ctx, helper.ReadyMarker)
	data := helper.Pattern(6, size)
	term.TypeAtViewer(ctx, append([]byte(helper.BeginMarker), data...))
	got := string(term.Rest(ctx))
	t.Check(strings.Contains(got, helper.DigestOf(data).SHA256), "the digest of what was typed", "another")
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
			ID: "stream.seq/goes-on-after-a-reconnect", Clause: "stream.seq", Needs: needs, Launch: &engine.Launch{},
			Explain: "A count that starts again at 0 makes a viewer throw away all that is new.",
			Run:     comesBack,
		},
	}
}

// echo types a word at the control plane and waits for it at the viewer.
func echo(ctx context.Context, term *engine.Terminal, word string) {
	term.Type(ctx, word)
	term.Until(ctx, word)
}

func comesBack(ctx context.Context, t *engine.T) {
	term := t.HelperTerminal(ctx, "pty-echo")
	term.Until(ctx, helper.ReadyMarker)
	echo(ctx, term, helper.BeginMarker)
	echo(ctx, term, "before")
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
	term := t.HelperTerminal(ctx, "pty-echo")
	term.Until(ctx, helper.ReadyMarker)
	echo(ctx, term, helper.BeginMarker)
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
	term := t.HelperTerminal(ctx, "pty-echo")
	term.Until(ctx, helper.ReadyMarker)
	echo(ctx, term, helper.BeginMarker)
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
	engine.Equal(t, "resume_from_seq of the first StreamOpen", opens[0].GetResumeFromSeq(), 0)
	engine.Equal(t, "resume_from_seq after 3 inputs", opens[len(opens)-1].GetResumeFromSeq(), typed)
}

package lifecycle

import (
	"context"
	"errors"
	"path"
	"runtime"
	"strings"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/wire"
)

// helloCases are about what an agent says of itself.
func helloCases() []engine.Case {
	return []engine.Case{
		{
			ID:      "lifecycle.hello/once-after-the-start",
			Clause:  "lifecycle.hello",
			Explain: "Each Hello is a new life of the machine to the control plane, which drops what the old one was doing.",
			Try:     "nats subscribe 'agent.WS.AGENT.>', then start the agent",
			Launch:  &engine.Launch{}, // one that others used may have been cut off
			Idle:    2 * interval,
			Run:     onceAfterStart,
		},
		{
			ID:      "lifecycle.hello/identity",
			Clause:  "lifecycle.hello",
			Explain: "A Hello that names another machine, or swaps its two ids, registers the wrong one.",
			Run:     helloIdentity,
		},
		{
			ID:      "lifecycle.hello/host",
			Clause:  "lifecycle.hello",
			Explain: "The control plane chooses commands, paths and updates by these fields.",
			Run:     helloHost,
		},
		{
			ID:      "lifecycle.hello/absolute-root",
			Clause:  "lifecycle.hello",
			Explain: "Callers join their paths onto the root; a relative one means something else to each of them.",
			Run:     helloRoot,
		},
		{
			ID:      "lifecycle.hello/capabilities",
			Clause:  "lifecycle.hello",
			Explain: "What is not advertised is not offered to anybody.",
			Run:     helloCapabilities,
		},
		{
			ID:      "lifecycle.hello/consent-granted",
			Clause:  "lifecycle.hello",
			Explain: "A user who consented expects the buttons to be there.",
			Launch:  &engine.Launch{},
			Run:     helloConsent(true),
		},
		{
			ID:      "lifecycle.hello/consent-withheld",
			Clause:  "lifecycle.hello",
			Explain: "A Hello that claims consent which nobody gave invites clicks on somebody's screen.",
			Launch:  &engine.Launch{NoScreenControl: true},
			Run:     helloConsent(false),
		},
		{
			ID:      "lifecycle.hello/no-display",
			Clause:  "lifecycle.hello",
			Explain: "A display in the Hello of a headless machine is a desktop that shows nothing.",
			Launch:  &engine.Launch{NoDisplay: true},
			Run:     helloNoDisplay,
		},
		{
			ID:      "lifecycle.hello/no-reply-subject",
			Clause:  "lifecycle.hello",
			Explain: "A Hello is published, not asked: an agent that waits for an answer waits for ever.",
			Launch:  &engine.Launch{},
			Run:     helloBare,
		},
		{
			ID:      "lifecycle.hello-after-subscribe/at-the-start",
			Clause:  "lifecycle.hello-after-subscribe",
			Explain: "Control planes send their first request the moment they hear the Hello; an agent that is not there yet looks broken.",
			Launch:  &engine.Launch{Unawaited: true},
			Run:     respondsAtStart,
		},
	}
}

// hello is the latest Hello, or the end of the case where it was sent before
// the run began.
func hello(t *engine.T) *agentv1.Hello {
	h := t.Instance().Hello()
	if h == nil {
		t.Untestable("the agent said Hello before the run began: leave out --attach and give the agent's command after --")
	}
	return h
}

func onceAfterStart(ctx context.Context, t *engine.T) {
	hello(t)
	// By the second heartbeat an agent has settled.
	mark := 0
	for range 2 {
		var ok bool
		if _, mark, ok = awaitNext(ctx, t, mark, 2*returnLimit, wire.IsHeartbeat); !ok {
			t.Given().Fatalf("a heartbeat", "none")
		}
	}
	engine.Equal(t, "Hellos after a start:", count(t.Instance().Watch.All(), wire.IsHello), 1)
}

func helloIdentity(_ context.Context, t *engine.T) {
	h := hello(t)
	engine.Same(t, "the agent's own id as agent_id", h.GetAgentId(), t.Instance().AgentID)
	engine.Same(t, "the agent's workspace as workspace_id", h.GetWorkspaceId(), t.Instance().WorkspaceID)
}

func helloHost(_ context.Context, t *engine.T) {
	h := hello(t)
	t.Check(agentv1.Os_name[int32(h.GetOs())] != "" && h.GetOs() != 0, "an os of LINUX, MACOS or WINDOWS", "%v", h.GetOs())
	t.Check(h.GetAgentVersion() != "", "an agent_version", "none")
	t.Check(h.GetMachineName() != "", "a machine_name", "none")
	_, known := agentv1.Arch_name[int32(h.GetArch())]
	t.Check(known, "an arch that is known", "%v", h.GetArch())
	if t.Instance().Process == nil {
		return
	}
	// The runner's own machine. A program translated to another architecture
	// may tell either.
	os := map[string]agentv1.Os{"linux": agentv1.Os_OS_LINUX, "darwin": agentv1.Os_OS_MACOS, "windows": agentv1.Os_OS_WINDOWS}
	engine.Equal(t, "os", h.GetOs(), os[runtime.GOOS])
	arch := map[string]agentv1.Arch{"amd64": agentv1.Arch_ARCH_X86_64, "arm64": agentv1.Arch_ARCH_AARCH64}
	if runtime.GOOS == "linux" {
		engine.Equal(t, "arch", h.GetArch(), arch[runtime.GOARCH])
	}
}

func helloRoot(ctx context.Context, t *engine.T) {
	root := hello(t).GetWorkspaceRoot()
	if !t.Check(strings.HasPrefix(root, "/"), "an absolute workspace_root", "a relative one, or none") {
		return
	}
	name := t.File(ctx, "landmark", "here")
	t.Logf("the Hello has the workspace_root %q", root)
	if content, _ := t.Look(ctx, name); string(content) != "here" {
		t.Given().Fatalf("a file written where its relative path leads", "none")
	}
	content, _ := t.Look(ctx, path.Join(root, name))
	t.Check(string(content) == "here", "the workspace_root under which relative paths lie", "another directory")
}

func helloCapabilities(_ context.Context, t *engine.T) {
	caps := hello(t).GetCapabilities()
	engine.Equal(t, "the capability exec", caps.GetExec(), true)
	engine.Equal(t, "the capability filesystem", caps.GetFilesystem(), true)
	engine.Equal(t, "the capability git", caps.GetGit(), true)
	t.Check(caps.GetDisplay() == nil || caps.GetDesktop(), "a display only with the capability desktop", "one without")
}

func helloConsent(granted bool) func(context.Context, *engine.T) {
	return func(_ context.Context, t *engine.T) {
		engine.Equal(t, "consented_screen_control", hello(t).GetCapabilities().GetConsentedScreenControl(), granted)
	}
}

func helloNoDisplay(_ context.Context, t *engine.T) {
	t.Check(hello(t).GetCapabilities().GetDisplay() == nil, "no display in the Hello of a headless machine", "one")
}

func helloBare(_ context.Context, t *engine.T) {
	for _, a := range t.Instance().Watch.All() {
		t.Check(a.Reply == "", "announcements without a reply subject", "one with")
	}
}

// respondsAtOnce sends a ping when the Hello arrives and never a second one.
func respondsAtOnce(ctx context.Context, t *engine.T, mark int) {
	if _, _, ok := awaitNext(ctx, t, mark, t.Scale(returnLimit), wire.IsHello); !ok {
		t.Given().Fatalf("a Hello", "none")
	}
	_, err := t.Start(wire.NewRequest(&agentv1.PingRequest{})).Try(ctx, t.Scale(5*time.Second))
	switch {
	case errors.Is(err, wire.ErrNoResponder):
		t.Errorf("a responder at the moment of the Hello", "nobody subscribed")
	case err != nil:
		t.Errorf("a responder at the moment of the Hello", "silence")
	}
}

func respondsAtStart(ctx context.Context, t *engine.T) { respondsAtOnce(ctx, t, 0) }

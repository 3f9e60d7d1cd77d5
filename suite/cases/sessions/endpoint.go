package sessions

import (
	"context"
	"net/url"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/suite/engine"
)

func endpointCases() []engine.Case {
	return []engine.Case{
		{
			ID: "session.endpoint.query/terminal-routing-key", Clause: "session.endpoint.query", Needs: engine.PTY, Launch: plainShell(),
			Explain: "A viewer and the agent meet at the relay by this key; one wrong part and they wait for ever.",
			Run:     terminalRoutingKey,
		},
		{
			ID: "session.endpoint.fresh-terminal/two-calls-two-terminals", Clause: "session.endpoint.fresh-terminal", Needs: engine.PTY, Launch: plainShell(),
			Explain: "Two people who each open a terminal must not type into the same one.",
			Run:     freshTerminal,
		},
		{
			ID: "session.endpoint.query/desktop-routing-key", Clause: "session.endpoint.query", Needs: engine.Desktop,
			Explain: "The desktop's viewer meets the agent by the same kind of key.",
			Run:     desktopRoutingKey,
		},
	}
}

// plainShell keeps these cases from cutting off the user's own shell in the
// middle of its start-up files.
func plainShell() *engine.Launch { return &engine.Launch{Env: []string{"SHELL=/bin/sh", "ENV"}} }

func relayed(t *engine.T) *session.Session {
	return t.Session(session.Config{Relay: t.RelayEndpoint()})
}

// leave ends a terminal as its viewer would: the session gives no other handle
// to it.
func leave(ctx context.Context, t *engine.T, e session.Endpoint) {
	v := t.ViewURL(ctx, e.URL(), session.TerminalPort, nil)
	_ = v.Close(ctx, agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, "done")
}

// routingKey checks every part of an endpoint but the channel, which it
// returns.
func routingKey(t *engine.T, e session.Endpoint, port string, protocol session.Protocol) string {
	prefix := "ws=" + t.Instance().WorkspaceID + "&agent=" + t.Instance().AgentID + "&port=" + port + "&channel="
	if !strings.HasPrefix(e.Query, prefix) {
		query, _, _ := strings.Cut(e.Query, "channel=")
		t.Fatalf("the query ws, agent, port, channel in this order, of this agent", "%q and what follows", query)
	}
	engine.Equal(t, "the path", e.Path, "/stream")
	engine.Equal(t, "the protocol", e.Protocol, protocol)
	channel, err := url.PathUnescape(strings.TrimPrefix(e.Query, prefix))
	t.Check(err == nil && channel != "", "a channel that decodes", "one that does not, or none")
	return channel
}

func terminalRoutingKey(ctx context.Context, t *engine.T) {
	e := ok[session.Endpoint](t, "resolving the terminal's port")(relayed(t).ResolveExposedPort(ctx, session.TerminalPort))
	routingKey(t, e, "7681", session.ProtocolPTY)
	leave(ctx, t, e)
}

func freshTerminal(ctx context.Context, t *engine.T) {
	s := relayed(t)
	var channels [2]string
	for i := range channels {
		e := ok[session.Endpoint](t, "resolving the terminal's port")(s.ResolveExposedPort(ctx, session.TerminalPort))
		channels[i] = routingKey(t, e, "7681", session.ProtocolPTY)
		leave(ctx, t, e)
	}
	t.Check(channels[0] != channels[1], "two channels", "the same twice")
}

func desktopRoutingKey(ctx context.Context, t *engine.T) {
	e := ok[session.Endpoint](t, "resolving the desktop's port")(relayed(t).ResolveExposedPort(ctx, session.DesktopPort))
	routingKey(t, e, "6080", session.ProtocolVNC)
}

package session_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
	"agentproof/session/internal/machine"
)

// streams answers desktop_ensure and pty_open with one channel.
func streams(ch *agentv1.StreamChannel) machine.Handler {
	return func(req *agentv1.ControlRequest) *agentv1.ControlResponse {
		switch req.GetOp().(type) {
		case *agentv1.ControlRequest_DesktopEnsure:
			return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_DesktopEnsure{
				DesktopEnsure: &agentv1.DesktopEnsureResponse{Channel: ch},
			}}
		case *agentv1.ControlRequest_PtyOpen:
			return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_PtyOpen{
				PtyOpen: &agentv1.PtyOpenResponse{PtyId: "pty-1", Channel: ch},
			}}
		case *agentv1.ControlRequest_PtyClose:
			return &agentv1.ControlResponse{Result: &agentv1.ControlResponse_PtyClose{PtyClose: &agentv1.PtyCloseResponse{}}}
		default:
			return machine.Error(agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED, "")
		}
	}
}

func channel(kind agentv1.StreamKind, port uint32, id string) *agentv1.StreamChannel {
	return &agentv1.StreamChannel{ChannelId: id, WorkspaceId: machine.WorkspaceID, AgentId: machine.AgentID, Kind: kind, Port: port}
}

const (
	kindPTY     = agentv1.StreamKind_STREAM_KIND_PTY
	kindDesktop = agentv1.StreamKind_STREAM_KIND_DESKTOP
)

func TestResolveExposedPort(t *testing.T) {
	t.Parallel()
	const query = "ws=ws-1&agent=agent-1&port="
	relay := session.Relay{Host: "relay.example"}
	tests := map[string]struct {
		relay   session.Relay
		port    int
		channel *agentv1.StreamChannel
		want    session.Endpoint
	}{
		"a terminal": {
			relay, 7681, channel(kindPTY, 7681, "ch-1"),
			session.Endpoint{Host: "relay.example", Port: 443, TLS: true, Path: "/stream", Query: query + "7681&channel=ch-1", Protocol: "pty"},
		},
		"the desktop": {
			relay, 6080, channel(kindDesktop, 6080, "ch-2"),
			session.Endpoint{Host: "relay.example", Port: 443, TLS: true, Path: "/stream", Query: query + "6080&channel=ch-2", Protocol: "vnc"},
		},
		"another port that the channel carries": {
			relay, 8080, channel(kindPTY, 8080, "ch-3"),
			session.Endpoint{Host: "relay.example", Port: 443, TLS: true, Path: "/stream", Query: query + "8080&channel=ch-3", Protocol: "pty"},
		},
		"an unknown kind is raw": {
			relay, 7681, channel(9, 7681, "c"),
			session.Endpoint{Host: "relay.example", Port: 443, TLS: true, Path: "/stream", Query: query + "7681&channel=c", Protocol: "raw"},
		},
		"no kind is raw": {
			relay, 6080, channel(0, 6080, "c"),
			session.Endpoint{Host: "relay.example", Port: 443, TLS: true, Path: "/stream", Query: query + "6080&channel=c", Protocol: "raw"},
		},
		"without TLS the port is 80": {
			session.Relay{Host: "localhost", NoTLS: true}, 7681, channel(kindPTY, 7681, "c"),
			session.Endpoint{Host: "localhost", Port: 80, Path: "/stream", Query: query + "7681&channel=c", Protocol: "pty"},
		},
		"port and path may be given": {
			session.Relay{Host: "localhost", NoTLS: true, Port: 9000, Path: "/r"}, 7681, channel(kindPTY, 7681, "c"),
			session.Endpoint{Host: "localhost", Port: 9000, Path: "/r", Query: query + "7681&channel=c", Protocol: "pty"},
		},
		"an empty channel id has a default": {
			relay, 7681, channel(kindPTY, 7681, ""),
			session.Endpoint{Host: "relay.example", Port: 443, TLS: true, Path: "/stream", Query: query + "7681&channel=ws-1%3Aagent-1%3A7681", Protocol: "pty"},
		},
		"so has a missing channel": {
			relay, 6080, nil,
			session.Endpoint{Host: "relay.example", Port: 443, TLS: true, Path: "/stream", Query: query + "6080&channel=ws-1%3Aagent-1%3A6080", Protocol: "raw"},
		},
		"every other byte is escaped": {
			relay, 7681, channel(kindPTY, 7681, "aZ09-_.!~*'() +&=%/?#:@,;$\"<>[]\\^`{|}\x00\x7fé€😀"),
			session.Endpoint{Host: "relay.example", Port: 443, TLS: true, Path: "/stream", Protocol: "pty", Query: query + "7681&channel=aZ09-_.!~*'()" +
				"%20%2B%26%3D%25%2F%3F%23%3A%40%2C%3B%24%22%3C%3E%5B%5D%5C%5E%60%7B%7C%7D%00%7F%C3%A9%E2%82%AC%F0%9F%98%80"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			cfg.Relay = tc.relay
			s, m := newSession(t, cfg, streams(tc.channel))
			got, err := s.ResolveExposedPort(t.Context(), tc.port)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("endpoint (-want +got):\n%s", diff)
			}
			want := &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyOpen{PtyOpen: &agentv1.PtyOpenRequest{
				Cwd: "/home/me/project", Term: "xterm-256color",
			}}}
			if tc.port == 6080 {
				want.Op = &agentv1.ControlRequest_DesktopEnsure{DesktopEnsure: &agentv1.DesktopEnsureRequest{}}
			}
			sent := m.Requests()[0]
			sent.RequestId = ""
			if diff := cmp.Diff(want, sent, protocmp.Transform()); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIDsAreEscapedToo(t *testing.T) {
	t.Parallel()
	cfg := config()
	cfg.WorkspaceID, cfg.AgentID, cfg.SubjectBase = "w&s", "ä/1", "agent.ws-1.agent-1"
	s, _ := newSession(t, cfg, streams(nil))
	got, err := s.ResolveExposedPort(t.Context(), 7681)
	if err != nil {
		t.Fatal(err)
	}
	const want = "ws=w%26s&agent=%C3%A4%2F1&port=7681&channel=w%26s%3A%C3%A4%2F1%3A7681"
	if got.Query != want {
		t.Errorf("query = %q, want %q", got.Query, want)
	}
}

func TestTerminalsOpenInTheWorkingDirectory(t *testing.T) {
	t.Parallel()
	for workingDir, want := range map[string]string{
		"": "", "/": "/", "/home/me": "/home/me", "/home/me/": "/home/me", "project": "project", "project/": "project",
	} {
		cfg := config()
		cfg.WorkingDir = workingDir
		s, m := newSession(t, cfg, streams(channel(kindPTY, 7681, "c")))
		if _, err := s.ResolveExposedPort(t.Context(), 7681); err != nil {
			t.Fatal(err)
		}
		if got := m.Requests()[0].GetPtyOpen().GetCwd(); got != want {
			t.Errorf("working dir %q: cwd = %q, want %q", workingDir, got, want)
		}
	}
}

func TestEachCallOpensAnotherTerminal(t *testing.T) {
	t.Parallel()
	s, m := newSession(t, config(), streams(channel(kindPTY, 7681, "c")))
	for range 3 {
		if _, err := s.ResolveExposedPort(t.Context(), 7681); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(m.Requests()); n != 3 {
		t.Errorf("3 calls opened %d terminals", n)
	}
}

func TestAPortThatTheChannelDoesNotCarryIsRefused(t *testing.T) {
	t.Parallel()
	for name, ch := range map[string]*agentv1.StreamChannel{
		"a terminal's channel": channel(kindPTY, 7681, "c"),
		"a channel of port 0":  channel(kindPTY, 0, "c"),
		"no channel":           nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := newSession(t, config(), streams(ch))
			if got, err := s.ResolveExposedPort(t.Context(), 8080); err == nil || !strings.Contains(err.Error(), "8080") {
				t.Errorf("ResolveExposedPort = %+v, %v, want an error that names the port", got, err)
			}
			reqs := m.Requests()
			if len(reqs) != 2 || reqs[1].GetPtyClose().GetPtyId() != "pty-1" {
				t.Errorf("sent %v, want the useless terminal closed again", reqs)
			}
		})
	}
}

func TestWhatCannotBeResolvedOpensNothing(t *testing.T) {
	t.Parallel()
	s, m := newSession(t, config(), streams(nil))
	for _, port := range []int{-1, 0, 65536} {
		if got, err := s.ResolveExposedPort(t.Context(), port); err == nil {
			t.Errorf("port %d: %+v", port, got)
		}
	}
	if n := len(m.Requests()); n != 0 {
		t.Errorf("sent %d requests", n)
	}
	cfg := config()
	cfg.Relay = session.Relay{}
	s, m = newSession(t, cfg, streams(nil))
	if got, err := s.ResolveExposedPort(t.Context(), 7681); err == nil || !strings.Contains(err.Error(), "relay") {
		t.Errorf("without a relay: %+v, %v", got, err)
	}
	if n := len(m.Requests()); n != 0 {
		t.Errorf("sent %d requests", n)
	}
}

func TestEndpointURL(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]session.Endpoint{
		"wss://relay.example/stream?a=b":      {Host: "relay.example", Port: 443, TLS: true, Path: "/stream", Query: "a=b"},
		"wss://relay.example:80/stream?a=b":   {Host: "relay.example", Port: 80, TLS: true, Path: "/stream", Query: "a=b"},
		"ws://localhost/stream?a=b%20'()":     {Host: "localhost", Port: 80, Path: "/stream", Query: "a=b%20'()"},
		"ws://localhost:9000/r?a=b":           {Host: "localhost", Port: 9000, Path: "/r", Query: "a=b"},
		"wss://[::1]/stream?a=b":              {Host: "::1", Port: 443, TLS: true, Path: "/stream", Query: "a=b"},
		"wss://[::1]:8443/stream?a=b":         {Host: "::1", Port: 8443, TLS: true, Path: "/stream", Query: "a=b"},
		"wss://[fe80::1]:8443/stream?a=b":     {Host: "[fe80::1]", Port: 8443, TLS: true, Path: "/stream", Query: "a=b"},
		"ws://[fe80::1]/stream?a=b":           {Host: "[fe80::1]", Port: 80, Path: "/stream", Query: "a=b"},
		"wss://relay.example:443443/s?ws=a&b": {Host: "relay.example", Port: 443443, TLS: true, Path: "/s", Query: "ws=a&b"},
	} {
		if got := e.URL(); got != want {
			t.Errorf("URL of %+v = %q, want %q", e, got, want)
		}
	}
}

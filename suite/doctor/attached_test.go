package doctor_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"agentproof/fixtures/broker"
	"agentproof/fixtures/broker/brokertest"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/suite/doctor"
	"agentproof/suite/subject"
)

// attach examines an agent "machine" of the workspace "ws".
func attach(t *testing.T, url string, change func(*subject.Attachment)) (steps, bool) {
	t.Helper()
	at := subject.Attachment{URL: url, WorkspaceID: "ws", AgentID: "machine"}
	if change != nil {
		change(&at)
	}
	var s steps
	d := doctor.Doctor{Say: s.say, TimeoutScale: quick}
	well := d.Attached(t.Context(), at, "")
	return s, well
}

// admitted is a broker that lets the agent of the tests in.
func admitted(t *testing.T, cfg broker.Config) *broker.Broker {
	t.Helper()
	b := brokertest.Start(t, cfg)
	b.Admit("ws", "token")
	return b
}

func TestAHealthyAgentIsReached(t *testing.T) {
	t.Parallel()
	b := admitted(t, broker.Config{})
	play(t, script{}, b.URL(), "token", "ws", "machine")
	s, well := attach(t, b.ControlURL(), nil)
	s.want(t, true, "heartbeat", "number ", "")
	if !well || len(s) != 7 {
		t.Errorf("well: %t, after %+v", well, s)
	}
}

func TestWhatIsNoBrokerIsTold(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	secure := brokertest.Start(t, broker.Config{TLS: true})
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	ssh := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n") })
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	closed := listen(t, func(net.Conn) {})
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	scheme := func(raw, scheme string) string {
		return with(t, raw, func(u *url.URL) { u.Scheme = scheme })
	}
	for _, tt := range []struct{ name, url, step, found, advice string }{
		{"no URL", "me@host", "address", "no URL", "nats://"},
		{"a name without address", "nats://no.such.name.invalid", "name", "the name no.such.name.invalid has no address", "correct the host"},
		{"nobody", "nats://" + gone.Addr().String(), "port", "nobody listens on " + gone.Addr().String(), "start the broker"},
		{"a websocket port", scheme(b.WebsocketURL(), "nats"), "broker", "a web server answers there", "ws://"},
		{"a websocket port with TLS", scheme(secure.WebsocketURL(), "nats"), "broker", "it wants TLS before a word is said", "wss://"},
		{"a websocket port with TLS, without", scheme(secure.WebsocketURL(), "ws"), "broker", "it speaks TLS, and ws:// does not", "wss://"},
		{"a websocket port without TLS, with", scheme(b.WebsocketURL(), "wss"), "broker", "it speaks no TLS, and wss:// does", "ws://"},
		{"a plain port for a websocket", scheme(b.ControlURL(), "ws"), "broker", "this is a broker's plain port", "nats://"},
		{"a web server", scheme(web.URL, "nats"), "broker", "a web server answers there", "4222"},
		{"something else", "nats://" + ssh, "broker", `it says "SSH-2.0-OpenSSH_9.9"`, "correct the host and port"},
		{"something silent", "nats://" + silent, "broker", "what listens there says nothing", "look at its log"},
		{"something that hangs up", "nats://" + closed, "broker", "what listens there says nothing", "look at its log"},
		{"a broker without TLS", scheme(b.ControlURL(), "tls"), "tls", "the broker speaks no TLS", "nats://"},
		{"a broker whose issuer nobody knows", secure.ControlURL(), "tls", "nobody that this machine trusts", "$SSL_CERT_FILE"},
		{"a websocket whose issuer nobody knows", secure.WebsocketURL(), "tls", "nobody that this machine trusts", "$SSL_CERT_FILE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			s, well := attach(t, tt.url, nil)
			s.want(t, false, tt.step, tt.found, tt.advice)
			if took := time.Since(start); well || took > 10*time.Second {
				t.Errorf("well: %t, after %v", well, took)
			}
		})
	}
}

func TestWrongCredentialsAreToldFromAWrongAddress(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, broker.Config{})
	user := func(info *url.Userinfo) string {
		return with(t, b.ControlURL(), func(u *url.URL) { u.User = info })
	}
	for _, tt := range []struct{ name, url, found, advice string }{
		{"none", user(nil), "the broker wants credentials, and the URL has none", "user:password"},
		{"a wrong password", user(url.UserPassword("control-plane", "secret-guess")), `the broker refuses the user "control-plane" or its password`, "the host and port are right"},
		{"a wrong token", user(url.User("secret-token")), "the broker refuses the token", "the host and port are right"},
		{"over a websocket", b.WebsocketURL(), "the broker wants credentials, and the URL has none", "user:password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, _ := attach(t, tt.url, nil)
			s.want(t, false, "login", tt.found, tt.advice)
			for _, step := range s {
				if strings.Contains(step.Found+step.Advice, "secret") {
					t.Errorf("it gives a secret away: %+v", step)
				}
			}
		})
	}
}

// limited is a broker that grants its one user no more than this.
func limited(t *testing.T, allow *server.Permissions) string {
	t.Helper()
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, MaxPayload: 64 << 10,
		Users: []*server.User{{Username: "me", Password: "secret", Permissions: allow}},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(20 * time.Second) {
		t.Fatal("the broker did not start")
	}
	return with(t, srv.ClientURL(), func(u *url.URL) { u.User = url.UserPassword("me", "secret") })
}

func TestMissingPermissionsAreNamed(t *testing.T) {
	t.Parallel()
	all := &server.SubjectPermission{Allow: []string{">"}}
	for _, tt := range []struct {
		name          string
		allow         *server.Permissions
		found, advice string
		step          string
	}{
		{"to hear replies", &server.Permissions{Publish: all, Subscribe: &server.SubjectPermission{Allow: []string{"agent.>"}}},
			"may not subscribe to _INBOX.", "_INBOX.>", "permission"},
		{"to hear the agent", &server.Permissions{Publish: all, Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}}},
			"may not subscribe to agent.ws.machine.events", "agent.>", "permission"},
		{"to ask", &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"nothing"}}, Subscribe: all},
			"nothing can be published on agent.ws.machine.rpc", "publish to agent.>", "agent"},
		{"to see others", &server.Permissions{Publish: all, Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>", "agent.ws.machine.>"}}},
			"nobody serves agent.ws.machine.rpc", "this user may not see which others there are", "agent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, _ := attach(t, limited(t, tt.allow), nil)
			last := s[len(s)-1]
			if last.Name != tt.step || last.OK || !strings.Contains(last.Found, tt.found) || !strings.Contains(last.Advice, tt.advice) {
				t.Errorf("got %+v, want %s, %q, %q", last, tt.step, tt.found, tt.advice)
			}
		})
	}
}

func TestASmallMaxPayloadIsNotOverlooked(t *testing.T) {
	t.Parallel()
	b := admitted(t, broker.Config{MaxPayload: 100 << 10})
	play(t, script{}, b.URL(), "token", "ws", "machine")
	s, well := attach(t, b.ControlURL(), nil)
	if len(s) != 7 || well || s[2].Name != "payload" || s[2].OK || !strings.Contains(s[2].Found, "0.09766 MiB") || !s[6].OK {
		t.Errorf("well: %t, got %+v", well, s)
	}
}

func TestAnAgentThatDoesNotServeIsExplained(t *testing.T) {
	t.Parallel()
	fenced := func(req *agentv1.ControlRequest) []byte {
		if req.GetEpoch() != 3 {
			return pong(req)
		}
		return encode(&agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: &agentv1.AgentError{
			Code: agentv1.ErrorCode_ERROR_CODE_FENCED, Detail: map[string]string{"held_epoch": "9"},
		}})
	}
	for _, tt := range []struct {
		name          string
		script        script
		step          string
		found, advice string
	}{
		{"one that is not subscribed", script{deaf: true}, "agent", "the agent is alive and not subscribed to agent.ws.machine.rpc", "its log"},
		{"one under another name", script{base: "agent.ws.other"}, "agent", "nobody serves agent.ws.machine.rpc, but agent.ws.other is alive", "--agent"},
		{"none at all", script{deaf: true, dumb: true}, "agent", "no agent was heard within 3s", "start the agent"},
		{"one that does not answer", script{answer: func(*agentv1.ControlRequest) []byte { return nil }}, "agent",
			"did not answer a ping within 1s", "the agent hangs"},
		{"one that answers with garbage", script{answer: func(*agentv1.ControlRequest) []byte { return []byte("\xff\xff") }}, "answer",
			"its 2 bytes are no ControlResponse", "protobuf"},
		{"one that answers another question", script{answer: func(*agentv1.ControlRequest) []byte {
			return encode(&agentv1.ControlResponse{Result: &agentv1.ControlResponse_FsRead{FsRead: &agentv1.FsReadResponse{}}})
		}}, "answer", "answers a ping with something else", "PingResponse"},
		{"one that echoes nothing", script{answer: func(req *agentv1.ControlRequest) []byte { req.RequestId = ""; return pong(req) }}, "answer",
			`answers request "" with the nonce 20261`, "echo both"},
		{"one that refuses", script{answer: func(*agentv1.ControlRequest) []byte {
			return encode(&agentv1.ControlResponse{Error: &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_DRAINING, Message: "bye"}})
		}}, "answer", `refuses a ping: ERROR_CODE_DRAINING "bye"`, "log"},
		{"one that holds another epoch", script{answer: fenced}, "answer", "holds the epoch 9, and refuses requests of the epoch 3", "--held-epoch 9"},
		{"one without heartbeats", script{dumb: true}, "heartbeat", "none came on agent.ws.machine.events within 3s", "every 5 s"},
		{"one whose heartbeats are garbage", script{event: []byte("\xff")}, "heartbeat", "is no AgentEvent", "wire.md"},
		{"one that takes itself for another", script{name: "laptop"}, "heartbeat", `calls itself "laptop" in its heartbeats, and is "machine"`, "as it was told"},
		{"two of a name", script{answer: func(req *agentv1.ControlRequest) []byte { return pong(req) }}, "alone", "one ping got 2 answers", "end one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := admitted(t, broker.Config{})
			play(t, tt.script, b.URL(), "token", "ws", "machine")
			if strings.HasPrefix(tt.name, "two") {
				play(t, tt.script, b.URL(), "token", "ws", "machine")
			}
			s, well := attach(t, b.ControlURL(), func(a *subject.Attachment) { a.HeldEpoch = 3 })
			s.want(t, false, tt.step, tt.found, tt.advice)
			if well {
				t.Error("it calls that well")
			}
		})
	}
}

func TestTheRelayIsLookedAtToo(t *testing.T) {
	t.Parallel()
	b := admitted(t, broker.Config{})
	play(t, script{}, b.URL(), "token", "ws", "machine")
	good := relaytest.Start(t, relay.Config{}).URL()
	for _, tt := range []struct {
		name, url     string
		well          bool
		found, advice string
	}{
		{"a relay", good, true, "answers as a relay does", ""},
		{"another path", with(t, good, func(u *url.URL) { u.Path = "/" }), false, "and a relay with 400 or 426", "/stream"},
		{"nobody", "ws://127.0.0.1:1/stream", false, "cannot be reached (connection refused)", "start the relay"},
		{"no URL", "here", false, "it is no URL of a relay", "ws://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var s steps
			at := subject.Attachment{URL: b.ControlURL(), WorkspaceID: "ws", AgentID: "machine"}
			d := doctor.Doctor{Say: s.say}
			if well := d.Attached(t.Context(), at, tt.url); well != tt.well {
				t.Errorf("well: %t", well)
			}
			s.want(t, tt.well, "relay", tt.found, tt.advice)
		})
	}
}

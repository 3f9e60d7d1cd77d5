package relaysuite_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
	"agentproof/suite/relaysuite"
	"agentproof/suite/verdict"
)

// TestWrongRelaysAreNoticed shows that cases can fail: each relay has one
// fault.
func TestWrongRelaysAreNoticed(t *testing.T) {
	t.Parallel()
	const secret stream.Secret = "one for both"
	for _, tt := range []struct {
		name, cases, says string
		fault             func(http.Handler) http.Handler
	}{
		{"answers a plain GET", "relay.dial.upgrade/plain-get*", "want HTTP status 400 or 426; got 200", answering("/stream", "a page")},
		{"upgrades whatever the query says", "relay.dial.query/missing", "want HTTP status 400", withQuery("ws=w&agent=a&port=1")},
		{"is never healthy", "relay.healthz/*", "got 503", failing("/healthz")},
		{"has no metrics", "relay.metrics/*", "none of that name", answering("/metrics", "")},
	} {
		t.Run("the relay "+tt.name, func(t *testing.T) {
			t.Parallel()
			inner, err := relay.New(relay.Config{ViewerSecret: secret})
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(tt.fault(inner))
			defer srv.Close()
			defer inner.Close()
			wantBroken(t, &relaysuite.Relay{
				Name: "a wrong relay", URL: "ws" + strings.TrimPrefix(srv.URL, "http") + stream.Path, ViewerSecret: secret,
			}, tt.cases, tt.says)
		})
	}
}

func wantBroken(t *testing.T, r *relaysuite.Relay, cases, says string) {
	t.Helper()
	rep, err := relaysuite.Run(t.Context(), r, relaysuite.Options{
		Spec: load(t), Selection: verdict.Selection{Cases: []string{cases}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range rep.Results {
		if res.Status == verdict.NotSelected {
			continue
		}
		if res.Status != verdict.Fail && res.Status != verdict.Warn || !strings.Contains(res.Reason, says) {
			t.Errorf("%s is %s, want it broken with %q: %s", res.ID, res.Status, says, res.Reason)
		}
	}
}

func answering(path, body string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == path && req.Header.Get("Upgrade") == "" {
				_, _ = w.Write([]byte(body))
				return
			}
			next.ServeHTTP(w, req)
		})
	}
}

func withQuery(query string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			req.URL.RawQuery = query
			next.ServeHTTP(w, req)
		})
	}
}

func failing(path string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == path {
				http.Error(w, "not today", http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, req)
		})
	}
}

// liar stands before a good relay and changes what passes.
type liar struct {
	target string
	// open changes what a peer opens with, and query the query likewise.
	open  func(*agentv1.StreamOpen)
	query func(string) string
	// down and up change what goes to a peer and comes from it: nothing, one
	// message or several.
	down, up func(proto.Message) []proto.Message
	// strict ends a socket at bytes that do not decode; typed makes binary
	// messages of text; polite ends sockets with a Close frame.
	strict, typed, polite bool
}

func (l *liar) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	query := req.URL.RawQuery
	if l.query != nil {
		query = l.query(query)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	far, _, err := websocket.Dial(req.Context(), l.target+"?"+query, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	near, err := websocket.Accept(w, req, nil)
	if err != nil {
		_ = far.CloseNow()
		return
	}
	ctx, cancel := context.WithCancel(req.Context())
	var wg sync.WaitGroup
	wg.Go(func() { l.pump(ctx, near, far, l.up); _ = far.CloseNow() })
	wg.Go(func() {
		l.pump(ctx, far, near, l.down)
		if l.polite {
			_ = near.Close(websocket.StatusNormalClosure, "")
		}
		_ = near.CloseNow()
	})
	wg.Wait()
	cancel()
}

func (l *liar) pump(ctx context.Context, from, to *websocket.Conn, change func(proto.Message) []proto.Message) {
	from.SetReadLimit(stream.MaxMessage)
	for {
		typ, data, err := from.Read(ctx)
		if err != nil {
			return
		}
		if l.typed {
			typ = websocket.MessageBinary
		}
		m, err := stream.Decode(data)
		if err != nil {
			if l.strict || to.Write(ctx, typ, data) != nil {
				return
			}
			continue
		}
		out := []proto.Message{m}
		if open, ok := m.(*agentv1.StreamOpen); ok && l.open != nil {
			l.open(open)
		} else if change != nil {
			out = change(m)
		}
		for _, m := range out {
			data, err := stream.Encode(m)
			if err != nil || to.Write(ctx, typ, data) != nil {
				return
			}
		}
	}
}

// goodToken makes whatever a peer came with a token that fits.
func goodToken(open *agentv1.StreamOpen) {
	ch, exp := open.GetChannel(), time.Now().Add(time.Hour).Unix()
	token, _ := stream.MintViewer(relaytest.Secret, stream.ViewerClaims{
		WorkspaceID: ch.GetWorkspaceId(), SessionID: "s", ViewerID: "v", Mode: stream.ModeView, Port: ch.GetPort(), Exp: exp,
	})
	if open.GetRole() == stream.RoleAgent {
		token, _ = stream.MintProducer(relaytest.Secret, stream.ProducerClaims{
			WorkspaceID: ch.GetWorkspaceId(), AgentID: ch.GetAgentId(), Exp: exp,
		})
	}
	open.Token = string(token)
}

func ack(change func(*agentv1.StreamOpenAck)) func(proto.Message) []proto.Message {
	return func(m proto.Message) []proto.Message {
		if a, ok := m.(*agentv1.StreamOpenAck); ok {
			change(a)
		}
		return []proto.Message{m}
	}
}

func frame(change func(*agentv1.StreamFrame) []proto.Message) func(proto.Message) []proto.Message {
	return func(m proto.Message) []proto.Message {
		if f, ok := m.(*agentv1.StreamFrame); ok {
			return change(f)
		}
		return []proto.Message{m}
	}
}

func withoutClose(m proto.Message) []proto.Message {
	if _, ok := m.(*agentv1.StreamClose); ok {
		return nil
	}
	return []proto.Message{m}
}

func twice(f *agentv1.StreamFrame) []proto.Message { return []proto.Message{f, f} }

func TestLyingRelaysAreNoticed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, cases, says string
		liar              liar
	}{
		{"takes any token", "relay.token.scope/*", "refused; got an ack that accepts", liar{open: goodToken}},
		{"never looks at signatures", "relay.token.order/signature", "refused; got an ack that accepts", liar{open: goodToken}},
		{"forgets epochs", "relay.token.epoch/floor", "a viewer of epoch 4 after one of 5 refused", liar{open: goodToken}},
		{"takes any role", "relay.handshake.checks/unknown-role", "refused", liar{open: func(o *agentv1.StreamOpen) {
			o.Role = stream.RoleClient
			goodToken(o)
		}}},
		{"has one channel for all", "relay.route.isolation/channels", "want ", liar{
			open:  func(o *agentv1.StreamOpen) { o.GetChannel().ChannelId = "one" },
			query: func(q string) string { head, _, _ := strings.Cut(q, "&channel="); return head },
		}},
		{"calls refusals retryable", "relay.handshake.refusal/*", "not retryable", liar{down: ack(func(a *agentv1.StreamOpenAck) {
			if a.GetError() != nil {
				a.Error.Retryable = true
			}
		})}},
		{"does not echo the cursor", "relay.handshake.ack/*", "echoes the cursor", liar{down: ack(func(a *agentv1.StreamOpenAck) { a.ResumeFromSeq = 0 })}},
		{"replays everything", "relay.replay/from-the-cursor", "want a frame with seq 10", liar{open: func(o *agentv1.StreamOpen) { o.ResumeFromSeq = 0 }}},
		{"forgets what a producer sent that left", "relay.replay/after-the-producer-left", "want a frame with seq 3", liar{open: func(o *agentv1.StreamOpen) {
			if o.GetResumeFromSeq() == 3 {
				o.ResumeFromSeq = 4
			}
		}}},
		{"takes any payload", "relay.token.order/payload-encoding", "refused; got an ack that accepts", liar{open: goodToken}},
		{"types twice", "relay.input-once/taken-input-is-not-kept", `want a frame with "taken 1"`, liar{up: frame(twice)}},
		{"loses a frame", "relay.order/producer-first-is-replayed", "want a frame with seq 7 ", liar{down: frame(func(f *agentv1.StreamFrame) []proto.Message {
			if f.GetSeq() == 7 {
				return nil
			}
			return []proto.Message{f}
		})}},
		{"tears a frame", "relay.no-loss/slow-viewer", "byte for byte", liar{down: frame(func(f *agentv1.StreamFrame) []proto.Message {
			if f.GetSeq() == 99 {
				f.Data = f.GetData()[1:]
			}
			return []proto.Message{f}
		})}},
		{"keeps the end to itself", "relay.close/from-the-producer", "StreamClose", liar{down: withoutClose}},
		{"keeps the viewer's close to itself", "relay.close/from-the-viewer", "StreamClose", liar{up: withoutClose}},
		{"tells the token", "relay.token.silence/acks-and-metrics", "no part of a token in an ack", tellTale()},
		{"takes text for messages", "relay.framing.text/*", "", liar{typed: true}},
		{"ends at bad bytes", "relay.framing.bad-bytes/ignored-after-the-open", "", liar{strict: true}},
		{"says goodbye to producers", "relay.bare-end/*", "no websocket Close frame", liar{polite: true}},
	} {
		t.Run("the relay "+tt.name, func(t *testing.T) {
			t.Parallel()
			tt.liar.target = relaytest.Start(t, relay.Config{}).URL()
			srv := httptest.NewServer(&tt.liar)
			defer srv.Close()
			wantBroken(t, &relaysuite.Relay{
				Name: "a lying relay", URL: "ws" + strings.TrimPrefix(srv.URL, "http") + stream.Path,
				ViewerSecret: relaytest.Secret, ProducerSecret: relaytest.Secret,
			}, tt.cases, tt.says)
		})
	}
}

// tellTale puts the last token that it saw into the next refusal.
func tellTale() liar {
	var mu sync.Mutex
	var token string
	return liar{
		open: func(o *agentv1.StreamOpen) {
			mu.Lock()
			defer mu.Unlock()
			token = o.GetToken()
		},
		down: ack(func(a *agentv1.StreamOpenAck) {
			mu.Lock()
			defer mu.Unlock()
			if a.GetError() != nil {
				a.Error.Message = "refused: " + token
			}
		}),
	}
}

package relay_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
)

func httpURL(s *relay.Server, path string) string { return "http://" + s.Addr().String() + path }

// get is an HTTP request without an upgrade.
func get(tb testing.TB, url string) (status int, body string) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, nil)
	if err != nil {
		tb.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// upgrade makes a websocket and sends nothing on it.
func upgrade(tb testing.TB, url string) *websocket.Conn {
	tb.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ws, _, err := websocket.Dial(tb.Context(), url, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { ws.CloseNow() })
	return ws
}

func write(tb testing.TB, ws *websocket.Conn, typ websocket.MessageType, b []byte) {
	tb.Helper()
	if err := ws.Write(tb.Context(), typ, b); err != nil {
		tb.Fatalf("write: %v", err)
	}
}

func encode(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	b, err := stream.Encode(m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// wantAck reads the answer to an open and tells whether it accepts.
func wantAck(tb testing.TB, ws *websocket.Conn) *agentv1.StreamOpenAck {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	_, b, err := ws.Read(ctx)
	if err != nil {
		tb.Fatalf("no answer to the open: %v", err)
	}
	m, err := stream.Decode(b)
	ack, ok := m.(*agentv1.StreamOpenAck)
	if !ok {
		tb.Fatalf("the answer to the open is %v, %v", m, err)
	}
	return ack
}

func TestHTTPAnswersWithoutAWebsocket(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	good := "/stream?" + terminal("c").route().Query()
	tests := map[string]struct {
		path   string
		status []int
	}{
		"a plain GET":          {good, []int{400, 426}},
		"no query":             {"/stream", []int{400}},
		"no port":              {"/stream?ws=ws&agent=ag", []int{400}},
		"a port that is text":  {"/stream?ws=ws&agent=ag&port=x", []int{400}},
		"a port too large":     {"/stream?ws=ws&agent=ag&port=4294967296", []int{400}},
		"the workspace twice":  {good + "&ws=ws", []int{400}},
		"the channel twice":    {good + "&channel=c", []int{400}},
		"another path":         {"/streams?" + good, []int{404}},
		"the root":             {"/", []int{404}},
		"a deeper path":        {"/stream/x", []int{404}},
		"health":               {"/healthz", []int{200}},
		"metrics":              {"/metrics", []int{200}},
		"an escape cut in two": {good + "&x=%2", []int{400}},
	}
	for name, tc := range tests {
		status, body := get(t, httpURL(s, tc.path))
		ok := false
		for _, want := range tc.status {
			ok = ok || status == want
		}
		if !ok {
			t.Errorf("%s: %d %q, want one of %v", name, status, body, tc.status)
		}
	}
	if _, body := get(t, httpURL(s, "/healthz")); body != "ok" {
		t.Errorf("/healthz says %q", body)
	}
	// The query is judged before the upgrade.
	_, err := stream.Connect(t.Context(), s.URL()+"?ws=ws&agent=ag", terminal("c").open(t, stream.RoleAgent), nil)
	if se := (*stream.StatusError)(nil); !errors.As(err, &se) || se.Code != 400 {
		t.Errorf("upgrade without a port: %v, want status 400", err)
	}
}

// sign makes a token that names what the test wants.
func viewerToken(tb testing.TB, secret stream.Secret, c stream.ViewerClaims) string {
	tb.Helper()
	token, err := stream.MintViewer(secret, c)
	if err != nil {
		tb.Fatal(err)
	}
	return string(token)
}

func producerToken(tb testing.TB, secret stream.Secret, c stream.ProducerClaims) string {
	tb.Helper()
	token, err := stream.MintProducer(secret, c)
	if err != nil {
		tb.Fatal(err)
	}
	return string(token)
}

func TestChecksOfAnOpenAreMadeInOrder(t *testing.T) { // relay.token.order, relay.token.scope, relay.token.secret
	t.Parallel()
	const viewers, producers stream.Secret = "for viewers", "for producers"
	s := relaytest.Start(t, relay.Config{ViewerSecret: viewers, ProducerSecret: producers})
	future := time.Now().Add(time.Hour).Unix()
	viewerClaims := stream.ViewerClaims{
		WorkspaceID: "ws", SessionID: "s", ViewerID: "v", LeaseEpoch: 1,
		Mode: stream.ModeView, Port: stream.TerminalPort, Exp: future,
	}
	asViewer := viewerToken(t, viewers, viewerClaims)
	asProducer := producerToken(t, producers, stream.ProducerClaims{WorkspaceID: "ws", AgentID: "ag", Exp: future})

	const (
		noChannel = "names no channel"
		mismatch  = "not the one of the URL"
		role      = "neither agent nor client"
		scope     = "another stream"
		family    = "not a token of this family"
		signature = "signature does not match"
		expired   = "expired"
	)
	tests := map[string]struct {
		change func(*agentv1.StreamOpen)
		want   string // "" is accepted
	}{
		"a good producer":           {func(*agentv1.StreamOpen) {}, ""},
		"a good viewer":             {func(o *agentv1.StreamOpen) { o.Role, o.Token = stream.RoleClient, asViewer }, ""},
		"no channel, no role":       {func(o *agentv1.StreamOpen) { o.Channel, o.Role = nil, 0 }, noChannel},
		"another workspace":         {func(o *agentv1.StreamOpen) { o.Channel.WorkspaceId = "other" }, mismatch},
		"another agent":             {func(o *agentv1.StreamOpen) { o.Channel.AgentId = "other" }, mismatch},
		"another port":              {func(o *agentv1.StreamOpen) { o.Channel.Port = 1 }, mismatch},
		"another channel":           {func(o *agentv1.StreamOpen) { o.Channel.ChannelId = "other" }, mismatch},
		"no channel id":             {func(o *agentv1.StreamOpen) { o.Channel.ChannelId = "" }, mismatch},
		"another port, no role":     {func(o *agentv1.StreamOpen) { o.Channel.Port, o.Role = 1, 0 }, mismatch},
		"no role":                   {func(o *agentv1.StreamOpen) { o.Role = 0 }, role},
		"no role and no token":      {func(o *agentv1.StreamOpen) { o.Role, o.Token = 0, "" }, role},
		"an unknown role":           {func(o *agentv1.StreamOpen) { o.Role = 3 }, role},
		"no token":                  {func(o *agentv1.StreamOpen) { o.Token = "" }, family},
		"a viewer's token":          {func(o *agentv1.StreamOpen) { o.Token = asViewer }, family},
		"a producer's, for viewers": {func(o *agentv1.StreamOpen) { o.Role = stream.RoleClient }, family},
		"the viewers' secret": {func(o *agentv1.StreamOpen) {
			o.Token = producerToken(t, viewers, stream.ProducerClaims{WorkspaceID: "ws", AgentID: "ag", Exp: future})
		}, signature},
		"an old token of another agent": {func(o *agentv1.StreamOpen) {
			o.Token = producerToken(t, producers, stream.ProducerClaims{WorkspaceID: "ws", AgentID: "other", Exp: 1})
		}, expired},
		"another agent's token": {func(o *agentv1.StreamOpen) {
			o.Token = producerToken(t, producers, stream.ProducerClaims{WorkspaceID: "ws", AgentID: "other", Exp: future})
		}, scope},
		"another workspace's token": {func(o *agentv1.StreamOpen) {
			o.Token = producerToken(t, producers, stream.ProducerClaims{WorkspaceID: "other", AgentID: "ag", Exp: future})
		}, scope},
		"a viewer of another port": {func(o *agentv1.StreamOpen) {
			c := viewerClaims
			c.Port = stream.DesktopPort
			o.Role, o.Token = stream.RoleClient, viewerToken(t, viewers, c)
		}, scope},
		"a viewer of another workspace": {func(o *agentv1.StreamOpen) {
			c := viewerClaims
			c.WorkspaceID = "other"
			o.Role, o.Token = stream.RoleClient, viewerToken(t, viewers, c)
		}, scope},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := terminal(name)
			open := &agentv1.StreamOpen{
				Channel: &agentv1.StreamChannel{WorkspaceId: "ws", AgentId: "ag", Port: stream.TerminalPort, ChannelId: name},
				Token:   asProducer, Role: stream.RoleAgent, ResumeFromSeq: 7,
			}
			tc.change(open)
			conn, err := tryDial(t, s, w, open)
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Drop()
				if got := conn.Ack().GetResumeFromSeq(); got != 7 {
					t.Errorf("resume_from_seq is echoed as %d, want 7", got)
				}
				return
			}
			re := (*stream.RejectedError)(nil)
			if !errors.As(err, &re) {
				t.Fatalf("err = %v, want a rejection", err)
			}
			if re.Code != agentv1.ErrorCode_ERROR_CODE_STREAM || re.Retryable || !strings.Contains(re.Message, tc.want) {
				t.Errorf("rejected with %+v, want STREAM, not retryable, because %q", re, tc.want)
			}
		})
	}
}

func TestARejectedSocketEnds(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	url := s.URL() + "?" + terminal("c").route().Query()
	long := terminal("c").open(t, stream.RoleAgent)
	long.Token = strings.Repeat("t", stream.MaxOpen)
	for name, first := range map[string][]byte{
		"after a bad token":        encode(t, &agentv1.StreamOpen{Channel: &agentv1.StreamChannel{}, Role: stream.RoleAgent}),
		"after bytes of no kind":   []byte("\x01\xff\xff"),
		"after nothing":            {},
		"after another message":    encode(t, &agentv1.StreamFrame{Data: []byte("x")}),
		"after 64 KiB and more":    encode(t, long),
		"after an unknown tag":     {9, 9, 9},
		"after a megabyte of zero": make([]byte, 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws := upgrade(t, url)
			write(t, ws, websocket.MessageBinary, first)
			ack := wantAck(t, ws)
			if ack.GetAccepted() || ack.GetError().GetCode() != agentv1.ErrorCode_ERROR_CODE_STREAM || ack.GetError().GetRetryable() {
				t.Errorf("answered with %v", ack)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if _, b, err := ws.Read(ctx); err == nil || ctx.Err() != nil {
				t.Errorf("the socket goes on: % x, %v", b, err)
			}
		})
	}
}

func TestTheLargestOpenIsAccepted(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	open := terminal("c").open(t, stream.RoleAgent)
	b := encode(t, open)
	// An unknown field fills it up to the limit.
	room := stream.MaxOpen - len(b) - protowire.SizeTag(100) - 3
	b = protowire.AppendTag(b, 100, protowire.BytesType)
	b = protowire.AppendBytes(b, make([]byte, room))
	if len(b) != stream.MaxOpen {
		t.Fatalf("the open has %d bytes", len(b))
	}
	ws := upgrade(t, s.URL()+"?"+terminal("c").route().Query())
	write(t, ws, websocket.MessageBinary, b)
	if ack := wantAck(t, ws); !ack.GetAccepted() {
		t.Errorf("answered with %v", ack)
	}
}

func TestSilentSocketsAreDroppedAndLimited(t *testing.T) { // relay.handshake.timeout
	t.Parallel()
	s := relaytest.Start(t, relay.Config{HandshakeTimeout: 500 * time.Millisecond, MaxHandshakes: 3})
	url := s.URL() + "?" + terminal("c").route().Query()
	open := encode(t, terminal("c").open(t, stream.RoleAgent))

	silent := upgrade(t, url)
	chatty := upgrade(t, url)
	write(t, chatty, websocket.MessageText, []byte("text does not count"))
	slow := upgrade(t, url)
	w, err := slow.Writer(t.Context(), websocket.MessageBinary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(open[:10]); err != nil {
		t.Fatal(err)
	}
	_, err = stream.Connect(t.Context(), url, terminal("c").open(t, stream.RoleAgent), nil)
	if se := (*stream.StatusError)(nil); !errors.As(err, &se) || se.Code != http.StatusServiceUnavailable {
		t.Errorf("a fourth handshake: %v, want status 503", err)
	}
	for name, ws := range map[string]*websocket.Conn{"silent": silent, "chatty": chatty, "slow": slow} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, b, err := ws.Read(ctx)
		if err == nil || ctx.Err() != nil {
			t.Errorf("the %s socket goes on: % x, %v", name, b, err)
		}
		cancel()
	}
	// The places are free again.
	eventually(t, "somebody gets in", func() bool {
		conn, err := tryDial(t, s, terminal("c"), terminal("c").open(t, stream.RoleAgent))
		if err == nil {
			conn.Drop()
		}
		return err == nil
	})
}

func TestTextBeforeTheOpenIsIgnored(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	ws := upgrade(t, s.URL()+"?"+terminal("c").route().Query())
	write(t, ws, websocket.MessageText, []byte("hello"))
	write(t, ws, websocket.MessageBinary, encode(t, terminal("c").open(t, stream.RoleAgent)))
	if ack := wantAck(t, ws); !ack.GetAccepted() {
		t.Errorf("answered with %v", ack)
	}
}

func TestAHeaderThatTricklesInIsCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the ten seconds that a header has")
	}
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /stream HTTP/1.1\r\nHost: x\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		t.Errorf("the relay still waits for the header")
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

func TestWithoutSecretsEverybodyIsRefused(t *testing.T) { // relay.token.secret
	t.Parallel()
	future := time.Now().Add(time.Hour).Unix()
	asViewer := func(key stream.Secret) string {
		return viewerToken(t, key, stream.ViewerClaims{
			WorkspaceID: "ws", SessionID: "s", ViewerID: "v", Mode: stream.ModeView, Port: stream.TerminalPort, Exp: future,
		})
	}
	asProducer := func(key stream.Secret) string {
		return producerToken(t, key, stream.ProducerClaims{WorkspaceID: "ws", AgentID: "ag", Exp: future})
	}
	tests := map[string]struct {
		cfg              relay.Config
		key              stream.Secret
		viewer, producer bool
	}{
		"neither":        {relay.Config{}, "k", false, false},
		"viewers' only":  {relay.Config{ViewerSecret: "k"}, "k", true, true},
		"producers only": {relay.Config{ProducerSecret: "k"}, "k", false, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.cfg.Logger = slog.New(slog.DiscardHandler)
			s, err := relay.Start(tc.cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Kill)
			open := terminal("c").open(t, stream.RoleClient)
			open.Token = asViewer(tc.key)
			check(t, s, open, tc.viewer)
			open.Role, open.Token = stream.RoleAgent, asProducer(tc.key)
			check(t, s, open, tc.producer)
		})
	}
}

func check(tb testing.TB, s *relay.Server, open *agentv1.StreamOpen, accepted bool) {
	tb.Helper()
	conn, err := tryDial(tb, s, terminal("c"), open)
	if conn != nil {
		conn.Drop()
	}
	if accepted && err != nil || !accepted && !errors.Is(err, stream.ErrRejected) {
		tb.Errorf("%v: %v, want accepted to be %v", open.GetRole(), err, accepted)
	}
}

func TestTheEpochIsAFloorForEachChannel(t *testing.T) { // relay.token.epoch, relay.displace
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := agent(t, s, terminal("c"))
	at := func(channel string, epoch uint64) where {
		w := terminal(channel)
		w.epoch = epoch
		return w
	}
	v := client(t, s, at("c", 7))
	check := func(w where, accepted bool) *stream.Conn {
		t.Helper()
		conn, err := tryDial(t, s, w, w.open(t, stream.RoleClient))
		if accepted && err != nil || !accepted && !errors.Is(err, stream.ErrRejected) {
			t.Errorf("epoch %d: %v, want accepted to be %v", w.epoch, err, accepted)
		}
		if conn != nil {
			t.Cleanup(conn.Drop)
		}
		return conn
	}
	check(at("c", 6), false)
	p.text(0, "the viewer was not displaced")
	v.wantText("the viewer was not displaced")
	check(at("", 6), false) // the same channel, as the newest
	check(at("another channel", 6), true)
	if conn := check(at("c", 7), true); conn != nil {
		v.wantEnd(stream.StatusDisplaced)
		conn.Drop()
	}
	check(at("c", 9), true)
	check(at("c", 8), false) // also when nobody is there
	agent(t, s, terminal("c"))
	check(at("c", 8), false) // and after another producer
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestTokensAndSecretsAreNowhereToBeSeen(t *testing.T) { // relay.token.silence
	t.Parallel()
	const key stream.Secret = "a-secret-that-must-not-show"
	var log lockedBuffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 4}))
	cfg := relay.Config{ViewerSecret: key, ProducerSecret: key + "-too", Logger: logger}
	logger.Info("starting", "config", cfg)
	s := relaytest.Start(t, cfg)
	future := time.Now().Add(time.Hour).Unix()
	claims := stream.ProducerClaims{WorkspaceID: "ws", AgentID: "ag", Exp: future}
	expired, scoped := claims, claims
	expired.Exp, scoped.AgentID = 1, "other"
	tokens := []string{
		producerToken(t, key+"-too", claims), producerToken(t, key+"-too", expired), producerToken(t, key+"-too", scoped),
		producerToken(t, "wrong", claims), "ogr_no-dot-token", "garbage-token", "ogr_.dot-first-token",
	}
	w := terminal("c")
	var seen strings.Builder
	for _, token := range tokens {
		open := w.open(t, stream.RoleAgent)
		open.Token = token
		// A token in the URL is ignored, and no more shown than another one.
		url := s.URL() + "?" + w.route().Query() + "&token=" + token
		conn, err := stream.Connect(t.Context(), url, open, nil)
		if err == nil {
			frame := encode(t, &agentv1.StreamFrame{Data: []byte(token)})
			for _, b := range [][]byte{append([]byte{9}, token...), append([]byte{1}, token...), encode(t, open), frame[:len(frame)-1]} {
				if err := conn.SendEncoded(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			}
			if err := conn.Close(); err != nil {
				t.Logf("close: %v", err)
			}
		} else {
			seen.WriteString(err.Error())
		}
		_, body := get(t, httpURL(s, "/stream?"+w.route().Query()+"&ws=twice&token="+token))
		seen.WriteString(body)
	}
	_, metrics := get(t, httpURL(s, "/metrics"))
	seen.WriteString(metrics)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text := log.String() + seen.String()
	if !strings.Contains(text, "an open was rejected") || !strings.Contains(text, "ignoring a message") {
		t.Fatalf("the log does not show what happened:\n%s", text)
	}
	for _, secret := range append(tokens, string(key)) {
		for part := range strings.SplitSeq(secret, ".") {
			if len(part) > 6 && strings.Contains(text, part) {
				t.Errorf("%q shows in:\n%s", part, text)
			}
		}
	}
}

func TestAPageOfAnotherOriginNeedsToBeListedWhenAnyIs(t *testing.T) {
	t.Parallel()
	dial := func(s *relay.Server, origin string) error {
		conn, err := stream.Connect(t.Context(), s.URL()+"?"+terminal("c").route().Query(),
			terminal("c").open(t, stream.RoleAgent), &stream.ConnectOptions{Header: http.Header{"Origin": {origin}}})
		if conn != nil {
			conn.Drop()
		}
		return err
	}
	open := relaytest.Start(t, relay.Config{})
	if err := dial(open, "https://anywhere.example"); err != nil {
		t.Errorf("without a list: %v", err)
	}
	listed := relaytest.Start(t, relay.Config{Origins: []string{"*.example.com"}})
	if err := dial(listed, "https://app.example.com"); err != nil {
		t.Errorf("a listed origin: %v", err)
	}
	if se := (*stream.StatusError)(nil); !errors.As(dial(listed, "https://evil.example"), &se) || se.Code != http.StatusForbidden {
		t.Errorf("an origin that is not listed: want status 403")
	}
	if _, err := relay.New(relay.Config{Origins: []string{"["}}); err == nil {
		t.Errorf("a malformed pattern was accepted")
	}
}

package stream_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

// scripted is a websocket server that does what a test says, for what no
// proper relay does. It gives the script the open and the connection under the
// websocket.
func scripted(t *testing.T, script func(ws *websocket.Conn, raw net.Conn)) (url string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := &hijacker{ResponseWriter: w}
		ws, err := websocket.Accept(h, r, nil)
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		defer ws.CloseNow()
		if _, _, err := ws.Read(context.Background()); err == nil {
			script(ws, h.conn)
		}
	}))
	t.Cleanup(srv.Close)
	return "ws" + strings.TrimPrefix(srv.URL, "http") + "/stream?ws=ws&agent=ag&port=7681&channel=ch-1"
}

type hijacker struct {
	http.ResponseWriter
	conn net.Conn
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.conn = conn
	return conn, rw, err
}

func answer(t *testing.T, ws *websocket.Conn, messages ...proto.Message) {
	t.Helper()
	for _, m := range messages {
		if err := ws.Write(context.Background(), websocket.MessageBinary, must(stream.Encode(m))); err != nil {
			t.Errorf("answer: %v", err)
		}
	}
}

func open() *agentv1.StreamOpen {
	return &agentv1.StreamOpen{Channel: channel(), Token: "ogr_x", Role: stream.RoleAgent}
}

func TestConnectTellsWhyItFailed(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	refusal := &agentv1.StreamOpenAck{Error: &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_STREAM, Message: "no"}}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	redirect := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound))
	t.Cleanup(redirect.Close)
	tests := map[string]struct {
		ctx  context.Context
		url  string
		want error
		as   any
	}{
		"nobody listens": {url: "ws://127.0.0.1:1/stream", as: new(*net.OpError)},
		"a redirect":     {url: "ws" + strings.TrimPrefix(redirect.URL, "http"), as: new(*stream.StatusError)},
		"a rejection": {
			url: scripted(t, func(ws *websocket.Conn, _ net.Conn) { answer(t, ws, refusal) }), want: stream.ErrRejected,
		},
		"a rejection's code": {
			url: scripted(t, func(ws *websocket.Conn, _ net.Conn) { answer(t, ws, refusal) }), as: new(*stream.RejectedError),
		},
		"another message": {
			url: scripted(t, func(ws *websocket.Conn, _ net.Conn) { answer(t, ws, &agentv1.StreamFrame{}) }),
			as:  new(*stream.DecodeError),
		},
		"an end without an answer": {
			url: scripted(t, func(*websocket.Conn, net.Conn) {}), want: stream.ErrDropped,
		},
		"no answer at all": {
			url: scripted(t, func(*websocket.Conn, net.Conn) { <-hang }), want: stream.ErrHandshakeTimeout,
		},
		"a caller who left": {
			ctx: cancelled, url: scripted(t, func(*websocket.Conn, net.Conn) { <-hang }), want: context.Canceled,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := tc.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			timeout := patience
			if tc.want == stream.ErrHandshakeTimeout {
				timeout = 50 * time.Millisecond
			}
			conn, err := stream.Connect(ctx, tc.url, open(), &stream.ConnectOptions{Timeout: timeout})
			if conn != nil || err == nil {
				t.Fatal("connected")
			}
			if tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("err = %v, want %v", err, tc.want)
			}
			if tc.as != nil && !errors.As(err, tc.as) {
				t.Errorf("err = %#v, want a %T", err, tc.as)
			}
			if strings.Contains(err.Error(), "ogr_x") {
				t.Errorf("the token shows in %q", err)
			}
		})
	}
}

func TestTheCallersContextBoundsTheHandshakeOnly(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	url := scripted(t, func(ws *websocket.Conn, _ net.Conn) {
		answer(t, ws, &agentv1.StreamOpenAck{Accepted: true, ResumeFromSeq: 3})
		<-more
		answer(t, ws, &agentv1.StreamFrame{Seq: 1})
	})
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := stream.Connect(ctx, url, open(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Drop()
	cancel()
	close(more)
	m, err := conn.Receive(t.Context())
	if f, ok := m.(*agentv1.StreamFrame); !ok || f.GetSeq() != 1 {
		t.Errorf("got %v, %v", m, err)
	}
	if conn.Ack().GetResumeFromSeq() != 3 {
		t.Errorf("the ack is %v", conn.Ack())
	}
}

func TestAMessageThatTheSocketsEndCutIsNoMessage(t *testing.T) {
	t.Parallel()
	message := must(stream.Encode(&agentv1.StreamFrame{ChannelId: "c", Seq: 1, Data: make([]byte, 9000), ProducedAtMs: 1}))
	header := binary.BigEndian.AppendUint16([]byte{0x82, 126}, uint16(len(message)))
	for _, cut := range []int{0, 1, 512, 4095, 4096, 4097, 8192, len(message) - 1} {
		url := scripted(t, func(ws *websocket.Conn, raw net.Conn) {
			answer(t, ws, &agentv1.StreamOpenAck{Accepted: true})
			if _, err := raw.Write(append(header, message[:cut]...)); err != nil {
				t.Error(err)
			}
		})
		conn, err := stream.Connect(t.Context(), url, open(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := conn.Receive(t.Context()); err == nil {
			t.Errorf("%d of %d bytes gave %d bytes of data", cut, len(message), len(m.(*agentv1.StreamFrame).GetData()))
		}
		conn.Drop()
	}
}

func TestTextIsPassedOverAndNonsenseReported(t *testing.T) {
	t.Parallel()
	url := scripted(t, func(ws *websocket.Conn, _ net.Conn) {
		answer(t, ws, &agentv1.StreamOpenAck{Accepted: true})
		for _, typ := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			if err := ws.Write(context.Background(), typ, []byte("nonsense")); err != nil {
				t.Error(err)
			}
		}
		answer(t, ws, &agentv1.StreamFrame{Seq: 9})
		ws.Close(websocket.StatusCode(stream.StatusNoProducer), "")
	})
	conn, err := stream.Connect(t.Context(), url, open(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Drop()
	if _, err := conn.Receive(t.Context()); !errors.Is(err, stream.ErrUnknownTag) {
		t.Errorf("nonsense gives %v, want %v", err, stream.ErrUnknownTag)
	}
	if m, err := conn.Receive(t.Context()); err != nil || m.(*agentv1.StreamFrame).GetSeq() != 9 {
		t.Errorf("after it: %v, %v", m, err)
	}
	_, err = conn.Receive(t.Context())
	if !errors.Is(err, stream.ErrDropped) || stream.CloseStatus(err) != stream.StatusNoProducer {
		t.Errorf("the end is %v", err)
	}
}

func TestBackoffGrowsWithinItsBounds(t *testing.T) {
	t.Parallel()
	b := stream.Backoff{}.WithDefaults(500*time.Millisecond, 30*time.Second)
	seen := make(map[time.Duration]bool)
	for attempt := range 100 {
		high := min(b.Max, b.Min<<min(attempt+1, 20))
		for range 20 {
			d := b.Delay(attempt)
			if d < b.Min || d > high {
				t.Fatalf("attempt %d waits %v, want %v to %v", attempt, d, b.Min, high)
			}
			seen[d] = true
		}
	}
	if len(seen) < 1000 {
		t.Errorf("only %d different delays in 2000: no jitter", len(seen))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Sleep(ctx, 50); !errors.Is(err, context.Canceled) {
		t.Errorf("Sleep = %v", err)
	}
	if d := (stream.Backoff{Min: time.Hour}).WithDefaults(1, 2).Delay(3); d != time.Hour {
		t.Errorf("a maximum below the minimum gives %v", d)
	}
}

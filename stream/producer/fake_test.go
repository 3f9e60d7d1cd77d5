package producer_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	"agentproof/stream"
)

// fakeRelay hands every websocket to the test, which says what a relay would.
// It stands for the relays that this project's is not: without the resend
// extension, rejecting, or rude.
type fakeRelay struct{ conns chan<- *fake }

type fake struct {
	query  string
	header http.Header
	ws     *websocket.Conn
	raw    net.Conn
}

func startFake(t *testing.T, conns chan *fake) (url string) {
	t.Helper()
	srv := httptest.NewServer(&fakeRelay{conns})
	t.Cleanup(srv.Close)
	t.Cleanup(func() {
		for len(conns) > 0 {
			(<-conns).drop()
		}
	})
	return "ws" + strings.TrimPrefix(srv.URL, "http") + "/some/stream"
}

func (r *fakeRelay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	f := &fake{query: req.URL.RawQuery, header: req.Header}
	ws, err := websocket.Accept(&hijacker{ResponseWriter: w, conn: &f.raw}, req, nil)
	if err != nil {
		return
	}
	ws.SetReadLimit(stream.MaxMessage)
	f.ws = ws
	r.conns <- f
}

type hijacker struct {
	http.ResponseWriter
	conn *net.Conn
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	*h.conn = conn
	return conn, rw, err
}

func (f *fake) receive(t *testing.T) proto.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, b, err := f.ws.Read(ctx)
	if err != nil {
		t.Fatalf("the relay receives: %v", err)
	}
	m, err := stream.Decode(b)
	if err != nil {
		t.Fatalf("the relay receives: %v", err)
	}
	return m
}

func (f *fake) send(t *testing.T, m proto.Message) {
	t.Helper()
	b, err := stream.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.ws.Write(context.Background(), websocket.MessageBinary, b); err != nil {
		t.Fatalf("the relay sends: %v", err)
	}
}

// drop ends the socket without a close frame.
func (f *fake) drop() {
	f.raw.Close()
	f.ws.CloseNow()
}

// closeFrame ends it with one.
func (f *fake) closeFrame() { f.ws.Close(websocket.StatusGoingAway, "") }

package relay_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
)

// BenchmarkForwarding passes frames from a producer through the relay to a
// viewer, beside the floor: the same bytes through a websocket server that
// sends back what it gets. Both are two hops.
func BenchmarkForwarding(b *testing.B) {
	for _, size := range []int{256, 8 << 10, 32 << 10, 128 << 10} {
		name := strconv.Itoa(size)
		b.Run("echo/"+name, func(b *testing.B) {
			ws := dialWebsocket(b, echoServer(b))
			pump(b, size, ws, ws)
		})
		b.Run("relay/"+name, func(b *testing.B) {
			s := relaytest.Start(b, relay.Config{Rate: -1})
			url := s.URL() + "?" + terminal("c").route().Query()
			from, to := dialWebsocket(b, url), dialWebsocket(b, url)
			for ws, role := range map[*websocket.Conn]stream.Role{from: stream.RoleAgent, to: stream.RoleClient} {
				write(b, ws, websocket.MessageBinary, encode(b, terminal("c").open(b, role)))
				if ack := wantAck(b, ws); !ack.GetAccepted() {
					b.Fatal(ack)
				}
			}
			pump(b, size, from, to)
		})
	}
}

// BenchmarkRoundTrip is the latency of one small frame there and back: what a
// keystroke and its echo meet.
func BenchmarkRoundTrip(b *testing.B) {
	small := encode(b, &agentv1.StreamFrame{ChannelId: "c", Data: []byte("x")})
	roundTrip := func(b *testing.B, from, to *websocket.Conn) {
		for b.Loop() {
			if err := from.Write(context.Background(), websocket.MessageBinary, small); err != nil {
				b.Fatal(err)
			}
			if _, _, err := to.Read(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("echo", func(b *testing.B) {
		ws := dialWebsocket(b, echoServer(b))
		roundTrip(b, ws, ws)
	})
	b.Run("relay", func(b *testing.B) { // viewer to producer: input does not look at seq
		s := relaytest.Start(b, relay.Config{Rate: -1})
		url := s.URL() + "?" + terminal("c").route().Query()
		from, to := dialWebsocket(b, url), dialWebsocket(b, url)
		write(b, to, websocket.MessageBinary, encode(b, terminal("c").open(b, stream.RoleAgent)))
		wantAck(b, to)
		write(b, from, websocket.MessageBinary, encode(b, terminal("c").open(b, stream.RoleClient)))
		wantAck(b, from)
		roundTrip(b, from, to)
	})
}

func echoServer(b *testing.B) (url string) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			b.Error(err)
			return
		}
		defer ws.CloseNow()
		ws.SetReadLimit(stream.MaxMessage)
		for {
			typ, data, err := ws.Read(context.Background())
			if err != nil || ws.Write(context.Background(), typ, data) != nil {
				return
			}
		}
	}))
	b.Cleanup(srv.Close)
	return "ws" + strings.TrimPrefix(srv.URL, "http")
}

func dialWebsocket(b *testing.B, url string) *websocket.Conn {
	ws := upgrade(b, url)
	ws.SetReadLimit(stream.MaxMessage)
	return ws
}

// pump sends frames on one end as fast as they go, and reads them at the other.
func pump(b *testing.B, size int, from, to *websocket.Conn) {
	sent := make(chan error, 1)
	n := 0
	data := make([]byte, size)
	b.SetBytes(int64(size))
	stop := make(chan struct{})
	go func() {
		for seq := uint64(0); ; seq++ {
			select {
			case <-stop:
				sent <- nil
				return
			default:
			}
			m, err := stream.Encode(&agentv1.StreamFrame{ChannelId: "c", Seq: seq, Data: data})
			if err == nil {
				err = from.Write(context.Background(), websocket.MessageBinary, m)
			}
			if err != nil {
				sent <- nil // the reader has left
				return
			}
		}
	}()
	for b.Loop() {
		_, m, err := to.Read(context.Background())
		if err != nil || len(m) < size {
			b.Fatalf("frame %d: %d bytes, %v", n, len(m), err)
		}
		n++
	}
	close(stop)
	to.CloseNow()
	from.CloseNow()
	<-sent
}

package relay_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/coder/websocket"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
)

// FuzzAfterTheHandshake sends anything from both sides. Whatever it is, the
// relay lives and goes on passing sensible frames, or a side was closed.
func FuzzAfterTheHandshake(f *testing.F) {
	for _, b := range [][]byte{{}, {0}, {3}, {3, 0xff}, {4, 0xff}, {5, 0x12, 2, 8, 1}, {2, 8, 1}, {1, 10, 0}} {
		f.Add(b, false)
		f.Add(b, true)
	}
	f.Add(encode(f, &agentv1.StreamFrame{Seq: 1 << 63, Data: []byte("x")}), true)
	f.Add(encode(f, closing(exited, "x")), false)
	s := relaytest.Start(f, relay.Config{Logger: slog.New(slog.DiscardHandler)})
	w := terminal("c")
	f.Fuzz(func(t *testing.T, b []byte, fromProducer bool) {
		p, v := agent(t, s, w), client(t, s, w)
		from, to := v, p
		if fromProducer {
			from, to = p, v
		}
		if err := from.conn.SendEncoded(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		mark := &agentv1.StreamFrame{Seq: 1<<64 - 2, Data: []byte("mark")}
		_ = from.conn.Send(t.Context(), mark)
		for {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			m, err := to.conn.Receive(ctx)
			cancel()
			if ctx.Err() == context.DeadlineExceeded {
				t.Fatal("neither the mark nor an end came")
			}
			if fr, ok := m.(*agentv1.StreamFrame); err != nil || ok && string(fr.GetData()) == "mark" {
				break
			}
		}
		p.conn.Drop()
		v.conn.Drop()
	})
}

// FuzzHandshake opens with anything. The relay answers with a rejection.
func FuzzHandshake(f *testing.F) {
	open := terminal("c").open(f, stream.RoleAgent)
	open.Token = "ogr_x.y"
	f.Add(encode(f, open))
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add([]byte{3, 1, 2})
	s := relaytest.Start(f, relay.Config{Logger: slog.New(slog.DiscardHandler)})
	url := s.URL() + "?" + terminal("c").route().Query()
	f.Fuzz(func(t *testing.T, b []byte) {
		ws := upgrade(t, url)
		write(t, ws, websocket.MessageBinary, b)
		if ack := wantAck(t, ws); ack.GetAccepted() || ack.GetError().GetCode() != agentv1.ErrorCode_ERROR_CODE_STREAM {
			t.Errorf("% x was answered with %v", b, ack)
		}
	})
}

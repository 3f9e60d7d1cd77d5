package relay_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
)

func TestWhatMakesNoSenseIsIgnoredAfterTheHandshake(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	v := client(t, s, terminal("c"))
	ws := upgrade(t, s.URL()+"?"+terminal("c").route().Query())
	write(t, ws, websocket.MessageBinary, encode(t, terminal("c").open(t, stream.RoleAgent)))
	if ack := wantAck(t, ws); !ack.GetAccepted() {
		t.Fatal(ack)
	}
	input := &agentv1.DesktopInput{Event: &agentv1.DesktopInput_Key{Key: &agentv1.KeyEvent{Key: "a"}}}
	for _, b := range [][]byte{
		{}, {0}, {9, 1, 2}, {3, 0xff}, {4, 0x0a, 4, 'x'}, {5, 0xff}, // nonsense
		encode(t, terminal("c").open(t, stream.RoleAgent)), {2, 8, 1}, encode(t, input), // out of place
	} {
		write(t, ws, websocket.MessageBinary, b)
	}
	write(t, ws, websocket.MessageText, []byte("text"))
	write(t, ws, websocket.MessageText, nil)
	write(t, ws, websocket.MessageBinary, encode(t, &agentv1.StreamFrame{Data: []byte("sense")}))
	v.wantText("sense")

	for _, b := range [][]byte{{}, {0}, {3, 0xff}, {5, 0xff}, {2, 8, 1}} {
		if err := v.conn.SendEncoded(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	v.send(input)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, b, err := ws.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := stream.Decode(b); err != nil || !proto.Equal(m, input) {
		t.Errorf("the producer got %v, %v; want %v", m, err, input)
	}
}

func TestFramesArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p, v := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	f := &agentv1.StreamFrame{ChannelId: "whatever", Seq: 0, Data: []byte{0, 0xff, '\n', 0x80}, ProducedAtMs: 1_700_000_000_123}
	// A field from a later revision goes through, too.
	f.ProtoReflect().SetUnknown([]byte{0xa2, 0x06, 1, 'x'})
	for _, from := range []*socket{p, v} {
		to := v
		if from == v {
			to = p
		}
		from.send(f)
		if got := to.next(); !proto.Equal(got, f) {
			t.Errorf("got %v, want %v", got, f)
		}
	}
}

func TestMessagesOfUpTo16MiBPass(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p, v := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	data := bytes.Repeat([]byte("0123456789abcdef"), stream.MaxMessage/16)
	f := &agentv1.StreamFrame{Data: data[:stream.MaxMessage-1-5]} // tag, field and length
	if n := len(encode(t, f)); n != stream.MaxMessage {
		t.Fatalf("the message has %d bytes, want %d", n, stream.MaxMessage)
	}
	p.send(f)
	if got := v.next(); !proto.Equal(got, f) {
		t.Errorf("the largest message did not arrive as it was")
	}
	v.send(f)
	if got := p.next(); !proto.Equal(got, f) {
		t.Errorf("the largest input did not arrive as it was")
	}
	p.conn.SendEncoded(t.Context(), append([]byte{3, 0x1a}, make([]byte, stream.MaxMessage)...))
	p.wantEnd(bare)
}

func TestAConnectionIsHeldToItsRateWithoutLoss(t *testing.T) { // relay.no-loss
	t.Parallel()
	const size, count, burst, perSecond = 16 << 10, 32, 64 << 10, 512 << 10
	s := relaytest.Start(t, relay.Config{RateBurst: burst, Rate: perSecond})
	for name, w := range map[string]where{"output": terminal("o"), "input": terminal("i")} {
		from, to := agent(t, s, w), client(t, s, w)
		if name == "input" {
			from, to = to, from
		}
		start := time.Now()
		go func() {
			for seq := range uint64(count) {
				from.send(&agentv1.StreamFrame{Seq: seq, Data: make([]byte, size)})
			}
		}()
		for seq := range uint64(count) {
			if f, ok := to.next().(*agentv1.StreamFrame); !ok || f.GetSeq() != seq {
				t.Fatalf("%s: got frame %d, want %d", name, f.GetSeq(), seq)
			}
		}
		// The last frame needs no more tokens than those before it took.
		least := time.Duration(size*(count-1)-burst) * time.Second / perSecond
		if took := time.Since(start); took < least*9/10 {
			t.Errorf("%s: %d bytes took %v, want at least %v", name, size*count, took, least)
		}
	}
}

func TestWithoutAViewerTheProducerIsNeverSlowed(t *testing.T) { // relay.no-loss
	t.Parallel()
	s := relaytest.Start(t, relay.Config{RateBurst: 1, Rate: 1})
	p := agent(t, s, terminal("c"))
	const count = 1500
	for seq := range uint64(count) { // at its rate, this would take months
		p.send(&agentv1.StreamFrame{Seq: seq, Data: make([]byte, 8<<10)})
	}
	eventually(t, "the relay has all frames", func() bool { return metric(t, s, "buffer_drops_total") == count-1024 })
}

func TestAViewerThatStopsReadingHoldsTheProducerUpAndLosesNothing(t *testing.T) { // relay.no-loss
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1})
	p, v := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	const size, count = 16 << 10, 800 // 13 MB
	var sent atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for seq := range uint64(count) {
			p.send(&agentv1.StreamFrame{Seq: seq, Data: bytes.Repeat([]byte{byte(seq)}, size)})
			sent.Add(1)
		}
	}()
	// It stops for good only when every buffer on the way is full.
	stuck := int64(-1)
	eventually(t, "the producer is stuck", func() bool {
		time.Sleep(100 * time.Millisecond)
		now := sent.Load()
		same := now > 0 && now == stuck
		stuck = now
		return same
	})
	if stuck == count {
		t.Fatalf("the producer was not held up: %d frames went somewhere", stuck)
	}
	if held := metric(t, s, "buffer_high_water"); held > 4<<20 {
		t.Errorf("the relay held %v bytes for one viewer", held)
	}
	for seq := range uint64(count) {
		f := v.next().(*agentv1.StreamFrame)
		if f.GetSeq() != seq || len(f.GetData()) != size || f.GetData()[0] != byte(seq) {
			t.Fatalf("frame %d came as %d", seq, f.GetSeq())
		}
	}
	<-done
}

func TestAProducerThatStopsReadingHoldsTheViewerUpAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1})
	p, v := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	const count = 2000
	done := make(chan struct{})
	go func() {
		defer close(done)
		for seq := range uint64(count) {
			v.send(&agentv1.StreamFrame{Seq: seq, Data: bytes.Repeat([]byte{byte(seq)}, 4<<10)})
		}
	}()
	eventually(t, "the ring has a backlog", func() bool { return metric(t, s, "buffer_high_water") > 500<<10 })
	for seq := range uint64(count) {
		if f := p.next().(*agentv1.StreamFrame); f.GetSeq() != seq || f.GetData()[0] != byte(seq) {
			t.Fatalf("frame %d came as %d", seq, f.GetSeq())
		}
	}
	<-done
}

func TestChannelsAreLimited(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{MaxChannels: 2})
	agent(t, s, terminal("a"))
	client(t, s, terminal("b"))
	for channel, accepted := range map[string]bool{"a": true, "b": true, "c": false} {
		w := terminal(channel)
		conn, err := tryDial(t, s, w, w.open(t, stream.RoleClient))
		if (err == nil) != accepted {
			t.Errorf("channel %s: %v, want accepted to be %v", channel, err, accepted)
		}
		if conn != nil {
			conn.Drop()
		}
	}
}

func TestMetricsCountWhatHappened(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p, v := agent(t, s, terminal("c")), client(t, s, terminal("c"))
	p.text(0, "12345")
	p.text(1, "678")
	v.wantText("12345")
	v.wantText("678")
	v.text(0, "ab")
	p.wantText("ab")
	v.send(&agentv1.DesktopInput{Event: &agentv1.DesktopInput_Scroll{Scroll: &agentv1.ScrollEvent{DeltaY: 1}}})
	p.next()
	v.conn.Drop()
	client(t, s, resumeAt("c", 2))
	w := terminal("c")
	open := w.open(t, stream.RoleClient)
	open.Token = "ogs_x.y"
	if _, err := tryDial(t, s, w, open); err == nil {
		t.Fatal("a bad token was accepted")
	}
	for name, want := range map[string]float64{
		"bytes_agent_to_viewer_total": 8,
		"bytes_viewer_to_agent_total": 2,
		"frames_spliced_total":        4,
		"opens_accepted_total":        3,
		"opens_rejected_total":        1,
		"reconnects_total":            1,
		"rate_limit_drops_total":      0,
		"buffer_drops_total":          0,
		"live_channels":               1,
	} {
		// What was written is counted right after.
		eventually(t, fmt.Sprintf("%s is %v", name, want), func() bool { return metric(t, s, name) == want })
	}
	if high := metric(t, s, "buffer_high_water"); high < 8 || high > 4096 {
		t.Errorf("buffer_high_water = %v", high)
	}
}

func TestAMessageThatTheSocketsEndCutIsNotPassedOn(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	message := encode(t, &agentv1.StreamFrame{Seq: 0, Data: bytes.Repeat([]byte("x"), 9000), ProducedAtMs: 1})
	// A header with an empty mask, so that the bytes stand as they are.
	header := append(binary.BigEndian.AppendUint16([]byte{0x82, 0x80 | 126}, uint16(len(message))), 0, 0, 0, 0)
	for _, cut := range []int{0, 1, 511, 512, 513, 1024, 2048, 4096, 8192, len(message) - 1, len(message)} {
		w := terminal(fmt.Sprint("cut at ", cut))
		raw := make(chan net.Conn, 1)
		ws, _, err := websocket.Dial(t.Context(), s.URL()+"?"+w.route().Query(), &websocket.DialOptions{
			HTTPClient: &http.Client{Transport: &http.Transport{
				DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					var d net.Dialer
					conn, err := d.DialContext(ctx, network, addr)
					raw <- conn
					return conn, err
				},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		write(t, ws, websocket.MessageBinary, encode(t, w.open(t, stream.RoleAgent)))
		if ack := wantAck(t, ws); !ack.GetAccepted() {
			t.Fatal(ack)
		}
		conn := <-raw
		if _, err := conn.Write(append(header, message[:cut]...)); err != nil {
			t.Fatal(err)
		}
		ws.CloseNow()
		v := client(t, s, w)
		again := agent(t, s, w)
		again.text(1, "mark")
		f, ok := v.next().(*agentv1.StreamFrame)
		whole := ok && len(f.GetData()) == 9000 && cut == len(message)
		if mark := ok && string(f.GetData()) == "mark"; !whole && !mark {
			t.Errorf("cut at %d of %d, a frame with %d bytes came", cut, len(message), len(f.GetData()))
		}
	}
}

package producer_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
	"agentproof/stream/producer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that takes milliseconds.
const patience = 60 * time.Second

const exited = agentv1.StreamCloseReason_STREAM_CLOSE_REASON_PROCESS_EXIT

// quick is a backoff for tests.
var quick = stream.Backoff{Min: time.Millisecond, Max: 50 * time.Millisecond}

func config(t *testing.T, s *relay.Server, channel string) producer.Config {
	t.Helper()
	return producer.Config{
		RelayURL: s.URL(),
		Token:    relaytest.ProducerToken(t, "ws", "ag"),
		Channel: &agentv1.StreamChannel{
			ChannelId: channel, WorkspaceId: "ws", AgentId: "ag",
			Kind: agentv1.StreamKind_STREAM_KIND_PTY, Port: stream.TerminalPort,
		},
		Backoff: quick,
	}
}

func open(t *testing.T, cfg producer.Config) *producer.Producer {
	t.Helper()
	p, err := producer.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, p) })
	return p
}

// end closes p without waiting for a relay.
func end(t *testing.T, p *producer.Producer) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Close(ctx, exited, ""); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func view(t *testing.T, s *relay.Server, channel string, port uint32) *stream.Viewer {
	t.Helper()
	route := stream.Route{WorkspaceID: "ws", AgentID: "ag", Port: port, ChannelID: channel}
	v, err := stream.Dial(t.Context(), s.URL()+"?"+route.Query(), relaytest.ViewerToken(t, "ws", port, 1),
		&stream.DialOptions{Reconnect: true, Backoff: quick})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Detach)
	return v
}

// wantData reads frames, which must come without a gap from seq on, until they
// hold the data, and returns the next seq.
func wantData(t *testing.T, v *stream.Viewer, seq uint64, data string) uint64 {
	t.Helper()
	ctx := bounded(t)
	for len(data) > 0 {
		f, err := v.Read(ctx)
		if err != nil {
			t.Fatalf("read: %v, with %d bytes to come", err, len(data))
		}
		if f.Seq != seq || f.Missed != 0 || !strings.HasPrefix(data, string(f.Data)) {
			t.Fatalf("frame %d with %d bytes (%d missed), want frame %d of the data", f.Seq, len(f.Data), f.Missed, seq)
		}
		data = data[len(f.Data):]
		seq++
	}
	return seq
}

func write(t *testing.T, p *producer.Producer, data string) {
	t.Helper()
	if n, err := p.Write([]byte(data)); n != len(data) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
}

func TestOpenTellsWhyItFailed(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	tests := map[string]struct {
		change func(*producer.Config)
		want   error
		as     any
	}{
		"a token of another agent": {change: func(c *producer.Config) { c.Token = relaytest.ProducerToken(t, "ws", "other") }, as: new(*stream.RejectedError)},
		"a relay that is down":     {change: func(c *producer.Config) { c.RelayURL = "ws://127.0.0.1:1/stream" }, as: new(*net.OpError)},
		"a relay that is silent": {change: func(c *producer.Config) {
			c.RelayURL, c.Timeout = "ws://"+silent.Addr().String()+"/stream", 50*time.Millisecond
		}, want: stream.ErrHandshakeTimeout},
		"another path":    {change: func(c *producer.Config) { c.RelayURL += "s" }, as: new(*stream.StatusError)},
		"no channel id":   {change: func(c *producer.Config) { c.Channel.ChannelId = "" }},
		"no channel":      {change: func(c *producer.Config) { c.Channel = nil }},
		"no relay URL":    {change: func(c *producer.Config) { c.RelayURL = "" }},
		"a name no UTF-8": {change: func(c *producer.Config) { c.Channel.ChannelId = "\xff" }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t, s, "c")
			tc.change(&cfg)
			p, err := producer.Open(t.Context(), cfg)
			if p != nil || err == nil || tc.want != nil && !errors.Is(err, tc.want) || tc.as != nil && !errors.As(err, tc.as) {
				t.Fatalf("Open = %v, %v; want %v %T", p, err, tc.want, tc.as)
			}
		})
	}
}

func TestOutputInputAndTheEnd(t *testing.T) { // stream.seq, stream.input.any-seq
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := open(t, config(t, s, "c"))
	typed := inputs(p)
	v := view(t, s, "c", stream.TerminalPort)
	write(t, p, "hello")
	seq := wantData(t, v, 0, "hello")
	for range 2 { // every viewer begins with seq 0
		if err := v.Write(t.Context(), []byte("typed")); err != nil {
			t.Fatal(err)
		}
		if in := <-typed; string(in.Data) != "typed" || in.Event != nil {
			t.Fatalf("input %+v", in)
		}
		v.Detach()
		v = view(t, s, "c", stream.TerminalPort)
		seq = wantData(t, v, 0, "hello")
	}
	key := &agentv1.DesktopInput{Event: &agentv1.DesktopInput_Key{Key: &agentv1.KeyEvent{Key: "a"}}}
	if err := v.SendInput(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if in := <-typed; in.Event.GetKey().GetKey() != "a" || in.Data != nil {
		t.Fatalf("input %+v", in)
	}

	long := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB: more than the queue
	write(t, p, long)
	if err := p.Close(bounded(t), exited, "exit 0"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("x")); !errors.Is(err, stream.ErrClosed) {
		t.Errorf("Write after Close: %v", err)
	}
	if err := p.WriteLatest([]byte("x")); !errors.Is(err, stream.ErrClosed) {
		t.Errorf("WriteLatest after Close: %v", err)
	}
	wantData(t, v, seq, long)
	_, err := v.Read(bounded(t))
	if ce := (*stream.CloseError)(nil); !errors.As(err, &ce) || ce.Message != "exit 0" || ce.Reason != exited {
		t.Errorf("the viewer's end: %v", err)
	}
	select {
	case in := <-typed:
		t.Errorf("input after the end: %+v", in)
	default:
	}
	if err := p.Close(bounded(t), exited, ""); err != nil || !errors.Is(p.Err(), stream.ErrClosed) {
		t.Errorf("closing again: %v, Err %v", err, p.Err())
	}
}

func TestFramesStayBelow256KiB(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1})
	p := open(t, config(t, s, "c"))
	write(t, p, strings.Repeat("x", 3<<20))
	v := view(t, s, "c", stream.TerminalPort)
	largest := 0
	for total := 0; total < 3<<20; {
		f, err := v.Read(bounded(t))
		if err != nil {
			t.Fatal(err)
		}
		total += len(f.Data)
		b, err := stream.Encode(&agentv1.StreamFrame{ChannelId: "c", Seq: f.Seq, Data: f.Data, ProducedAtMs: time.Now().UnixMilli()})
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, len(b))
	}
	if largest >= 256<<10 || largest < 128<<10 {
		t.Errorf("the largest frame has %d bytes", largest)
	}
}

func TestTheViewersCloseEndsTheChannel(t *testing.T) { // stream.close-ends-terminal
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := open(t, config(t, s, "c"))
	v := view(t, s, "c", stream.TerminalPort)
	if err := v.Write(t.Context(), []byte("last")); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(bounded(t), agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, "enough"); err != nil {
		t.Fatal(err)
	}
	if in := <-inputs(p); string(in.Data) != "last" {
		t.Errorf("input %+v", in)
	}
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Fatal("the producer goes on")
	}
	ce := (*stream.CloseError)(nil)
	if !errors.As(p.Err(), &ce) || ce.Message != "enough" {
		t.Errorf("Err = %v", p.Err())
	}
	if _, err := p.Write([]byte("x")); !errors.As(err, &ce) {
		t.Errorf("Write = %v", err)
	}
}

func wantFrame(t *testing.T, f *fake, seq uint64, data string) {
	t.Helper()
	m := f.receive(t)
	frame, ok := m.(*agentv1.StreamFrame)
	if !ok || frame.GetSeq() != seq || string(frame.GetData()) != data {
		t.Fatalf("the relay got %v, want frame %d %q", m, seq, data)
	}
}

func TestADropIsNoEndAndSeqGoesOn(t *testing.T) { // stream.reconnect, stream.seq, stream.dial.producer
	t.Parallel()
	conns := make(chan *fake, 10)
	url := startFake(t, conns)
	cfg := config(t, relaytest.Start(t, relay.Config{}), "c")
	cfg.RelayURL = url + "?zone=a"
	cfg.Token = "ogr_some-token"
	opened := make(chan *producer.Producer, 1)
	go func() { opened <- open(t, cfg) }()
	first := <-conns
	if want := "zone=a&ws=ws&agent=ag&port=7681&channel=c"; first.query != want {
		t.Errorf("dialled with %q, want %q", first.query, want)
	}
	if h := first.header; strings.Contains(first.query, "ogr_") || h.Get("Authorization") != "" || h.Get("Sec-Websocket-Protocol") != "" {
		t.Errorf("dialled with %v", h)
	}
	o := first.receive(t).(*agentv1.StreamOpen)
	want := &agentv1.StreamOpen{Channel: cfg.Channel, Token: "ogr_some-token", Role: stream.RoleAgent}
	if !proto.Equal(o, want) {
		t.Errorf("open %v, want %v", o, want)
	}
	first.send(t, &agentv1.StreamOpenAck{Accepted: true})
	p := <-opened
	write(t, p, "one")
	wantFrame(t, first, 0, "one")
	first.send(t, &agentv1.StreamFrame{Seq: 41, Data: []byte("typed")})
	if in := <-inputs(p); string(in.Data) != "typed" {
		t.Errorf("input %+v", in)
	}

	// A close frame without a StreamClose before it is a drop as well.
	current := first
	for i, drop := range []func(*fake){(*fake).drop, (*fake).closeFrame} {
		drop(current)
		current = <-conns
		if o := current.receive(t).(*agentv1.StreamOpen); o.GetResumeFromSeq() != 42 {
			t.Errorf("it resumes from %d, want 42: the next input it wants", o.GetResumeFromSeq())
		}
		current.send(t, &agentv1.StreamOpenAck{Accepted: true, ResumeFromSeq: 42})
		write(t, p, "more")
		wantFrame(t, current, uint64(i+1), "more")
	}
	// Rejections later on are no end either: somebody may put the relay right.
	current.drop()
	rejected := <-conns
	rejected.receive(t)
	rejected.send(t, &agentv1.StreamOpenAck{Error: &agentv1.AgentError{Message: "not now"}})
	rejected.closeFrame()
	write(t, p, "kept")
	again := <-conns
	again.receive(t)
	again.send(t, &agentv1.StreamOpenAck{Accepted: true})
	wantFrame(t, again, 3, "kept")
}

func TestAFullQueueBlocksTheWriterUntilTheRelayIsBack(t *testing.T) { // stream.reconnect
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1})
	cfg := config(t, s, "c")
	cfg.Queue = 64 << 10
	p := open(t, cfg)
	v := view(t, s, "c", stream.TerminalPort)
	addr := s.Addr().String()
	s.Kill()
	data := strings.Repeat("0123456789abcdef", 1<<14) // four times the queue
	wrote := make(chan error, 1)
	go func() {
		_, err := p.Write([]byte(data))
		wrote <- err
	}()
	select {
	case err := <-wrote:
		t.Fatalf("the writer was not blocked: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	relaytest.Start(t, relay.Config{Listen: addr, Rate: -1})
	wantData(t, v, 0, data)
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
}

func TestTheNewestPictureWins(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	cfg := config(t, s, "d")
	cfg.Channel.Port = stream.DesktopPort
	p := open(t, cfg)
	v := view(t, s, "d", stream.DesktopPort)
	if err := p.WriteLatest(make([]byte, stream.MaxMessage)); err == nil {
		t.Error("a picture above the limit was taken")
	}
	addr := s.Addr().String()
	s.Kill()
	for i := range 100 {
		if err := p.WriteLatest(bytes.Repeat([]byte{byte(i)}, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	relaytest.Start(t, relay.Config{Listen: addr})
	f, err := v.Read(bounded(t))
	for err == nil && f.Data[0] != 99 {
		if len(f.Data) != 1<<20 {
			t.Fatalf("a picture of %d bytes", len(f.Data))
		}
		f, err = v.Read(bounded(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	if f.Seq > 3 {
		t.Errorf("the newest picture has seq %d: the ones that nobody could get were queued", f.Seq)
	}
}

func TestClosingWithoutARelayGivesUpInTime(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := open(t, config(t, s, "c"))
	s.Kill()
	write(t, p, "never arrives")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Close(ctx, exited, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close = %v", err)
	}
	if !errors.Is(p.Err(), stream.ErrClosed) {
		t.Errorf("Err = %v", p.Err())
	}
}

func TestClosingWaitsForTheRelayToComeBack(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := open(t, config(t, s, "c"))
	addr := s.Addr().String()
	s.Kill()
	write(t, p, "last words")
	closed := make(chan error, 1)
	go func() { closed <- p.Close(bounded(t), exited, "exit 7") }()
	s = relaytest.Start(t, relay.Config{Listen: addr})
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	v := view(t, s, "c", stream.TerminalPort)
	wantData(t, v, 0, "last words")
	if _, err := v.Read(bounded(t)); err == nil || !strings.Contains(err.Error(), "exit 7") {
		t.Errorf("the viewer's end: %v", err)
	}
}

package relay_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"math/rand/v2"
	"testing"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
	"agentproof/stream/producer"
)

// noise is a stream of bytes that never repeats and is the same each time.
func noise(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func openProducer(tb testing.TB, url string, w where) *producer.Producer {
	tb.Helper()
	p, err := producer.Open(tb.Context(), producer.Config{
		RelayURL: url,
		Token:    relaytest.ProducerToken(tb, w.ws, w.agent),
		Channel: &agentv1.StreamChannel{
			ChannelId: w.channel, WorkspaceId: w.ws, AgentId: w.agent,
			Kind: agentv1.StreamKind_STREAM_KIND_PTY, Port: w.port,
		},
		Backoff: stream.Backoff{Min: 10 * time.Millisecond, Max: 200 * time.Millisecond},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = p.Close(ctx, exited, "")
	})
	return p
}

// inputs is what p hands over, one after the other.
func inputs(p *producer.Producer) <-chan producer.Input {
	ch := make(chan producer.Input, 1024) // more than a test that ends early leaves there
	go p.TakeInputs(nil, func(in producer.Input) { ch <- in })
	return ch
}

func openViewer(tb testing.TB, url string, w where) *stream.Viewer {
	tb.Helper()
	v, err := stream.Dial(tb.Context(), url+"?"+w.route().Query(), relaytest.ViewerToken(tb, w.ws, w.port, 1), &stream.DialOptions{
		Reconnect: true,
		Backoff:   stream.Backoff{Min: 10 * time.Millisecond, Max: 200 * time.Millisecond},
		Refresh: func(context.Context) (stream.Secret, error) {
			return relaytest.ViewerToken(tb, w.ws, w.port, 1), nil
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(v.Detach)
	return v
}

func TestSixtyFourMebibytesBothWaysAreByteExact(t *testing.T) { // relay.no-loss, relay.isolation
	total := 64 << 20
	if testing.Short() {
		total = 8 << 20
	}
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1})
	w := terminal("c")
	p, v := openProducer(t, s.URL(), w), openViewer(t, s.URL(), w)
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	failed := make(chan error, 4)
	sums := make(chan [sha256.Size]byte, 2)

	go func() { // output, in pieces as a terminal gives them
		r := noise(1)
		buf := make([]byte, 8<<10)
		for sent := 0; sent < total; sent += len(buf) {
			r.Read(buf)
			if _, err := p.Write(buf); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	go func() { // the viewer, who pauses now and then
		sum, got := sha256.New(), 0
		for frames := 0; got < total; frames++ {
			f, err := v.Read(ctx)
			if err != nil {
				failed <- err
				return
			}
			if f.Missed != 0 {
				t.Errorf("%d frames are missing before %d", f.Missed, f.Seq)
			}
			sum.Write(f.Data)
			got += len(f.Data)
			if frames%50 == 49 {
				time.Sleep(5 * time.Millisecond)
			}
		}
		sums <- final(sum)
		failed <- nil
	}()
	go func() { // input, pasted
		r := noise(2)
		buf := make([]byte, 1<<20)
		for sent := 0; sent < total; sent += len(buf) {
			r.Read(buf)
			if err := v.Write(ctx, buf); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	sum, got, typed := sha256.New(), 0, inputs(p)
	for got < total {
		select {
		case in := <-typed:
			sum.Write(in.Data)
			got += len(in.Data)
		case <-ctx.Done():
			t.Fatalf("%d bytes of input came", got)
		}
	}
	for range 3 {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	if <-sums != digest(1, total, 8<<10) {
		t.Error("the output differs")
	}
	if final(sum) != digest(2, total, 1<<20) {
		t.Error("the input differs")
	}
}

func final(h hash.Hash) (sum [sha256.Size]byte) {
	h.Sum(sum[:0])
	return sum
}

// digest is what total bytes of noise must sum to.
func digest(seed byte, total, piece int) [sha256.Size]byte {
	r, h, buf := noise(seed), sha256.New(), make([]byte, piece)
	for sent := 0; sent < total; sent += piece {
		r.Read(buf)
		h.Write(buf)
	}
	return final(h)
}

func TestTwoTerminalsAtOnceDoNotMix(t *testing.T) { // relay.isolation
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1})
	const terminals, total = 8, 2 << 20
	type result struct {
		name byte
		err  error
	}
	done := make(chan result, terminals)
	for i := range byte(terminals) {
		w := terminal("terminal " + string('a'+rune(i)))
		p, v := openProducer(t, s.URL(), w), openViewer(t, s.URL(), w)
		go p.Write(bytes.Repeat([]byte{'a' + i}, total))
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			for got := 0; got < total; {
				f, err := v.Read(ctx)
				if err != nil {
					done <- result{i, err}
					return
				}
				if n := bytes.Count(f.Data, []byte{'a' + i}); n != len(f.Data) {
					t.Errorf("terminal %c got %d foreign bytes", 'a'+i, len(f.Data)-n)
				}
				got += len(f.Data)
			}
			done <- result{i, nil}
		}()
	}
	for range terminals {
		if r := <-done; r.err != nil {
			t.Errorf("terminal %c: %v", 'a'+r.name, r.err)
		}
	}
}

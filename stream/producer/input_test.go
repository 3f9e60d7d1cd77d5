package producer_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
	"agentproof/stream/producer"
)

// inputs is what p hands over, one after the other.
func inputs(p *producer.Producer) <-chan producer.Input {
	ch := make(chan producer.Input, 1024) // more than a test that ends early leaves there
	go p.TakeInputs(nil, func(in producer.Input) { ch <- in })
	return ch
}

func TestWhatIsNotTakenAtOnceComesBeforeWhatIsTypedNext(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := open(t, config(t, s, "c"))
	v := view(t, s, "c", stream.TerminalPort)
	const inputs, size = 5000, 8
	taken := make(chan []byte, 2*inputs)
	go p.TakeInputs(func(in producer.Input) (rest producer.Input, done bool) {
		n := min(rand.IntN(2*size), len(in.Data))
		taken <- in.Data[:n]
		return producer.Input{Data: in.Data[n:]}, n == len(in.Data)
	}, func(in producer.Input) { taken <- in.Data })
	var want, got []byte
	for i := range inputs {
		data := fmt.Appendf(nil, "%0*d", size, i)
		want = append(want, data...)
		if err := v.Write(t.Context(), data); err != nil {
			t.Fatal(err)
		}
	}
	for len(got) < len(want) {
		got = append(got, <-taken...)
	}
	if !bytes.Equal(got, want) {
		i := 0
		for got[i] == want[i] {
			i++
		}
		t.Errorf("after %d bytes comes %q, want %q", i, got[i:min(i+size, len(got))], want[i:i+size])
	}
}

func TestInputThatNobodyTakesDoesNotStopTheOutput(t *testing.T) {
	t.Parallel()
	s := relaytest.Start(t, relay.Config{})
	p := open(t, config(t, s, "c"))
	v := view(t, s, "c", stream.TerminalPort)
	for range 200 { // more than waits for the agent
		if err := v.Write(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	write(t, p, "output")
	wantData(t, v, 0, "output")
	typed := inputs(p)
	for range 200 {
		if in := <-typed; string(in.Data) != "x" {
			t.Fatalf("input %+v", in)
		}
	}
	for range 200 {
		if err := v.Write(t.Context(), []byte("y")); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(bounded(t), exited, ""); err != nil {
		t.Errorf("close with input waiting: %v", err)
	}
}

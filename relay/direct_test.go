package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
)

// piece is the data of a frame: mostly as small as a keystroke, and now and
// then large.
func piece(seq uint64) []byte {
	r := rand.New(rand.NewPCG(1, seq))
	size := 1 + r.IntN(40)
	if r.IntN(8) == 0 {
		size = 1 + r.IntN(16<<10)
	}
	return bytes.Repeat([]byte{byte(seq)}, size)
}

func TestSmallFramesBetweenLargeOnesKeepTheirOrder(t *testing.T) { // relay.no-loss
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1})
	w := terminal("c")
	p, v := agent(t, s, w), client(t, s, w)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const n = 20_000
	send := func(from *socket) {
		for seq := range uint64(n) {
			if err := from.conn.Send(ctx, &agentv1.StreamFrame{ChannelId: "c", Seq: seq, Data: piece(seq)}); err != nil {
				t.Errorf("send frame %d: %v", seq, err)
				cancel()
				return
			}
		}
	}
	receive := func(to *socket) {
		for seq := range uint64(n) {
			m, err := to.conn.Receive(ctx)
			f, ok := m.(*agentv1.StreamFrame)
			if err != nil || !ok || f.GetSeq() != seq || !bytes.Equal(f.GetData(), piece(seq)) {
				t.Errorf("in the place of frame %d: %v, frame %d", seq, err, f.GetSeq())
				cancel()
				return
			}
			if seq%1000 == 999 {
				time.Sleep(5 * time.Millisecond) // so that everything on the way is full now and then
			}
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { send(p) })
	wg.Go(func() { send(v) })
	wg.Go(func() { receive(p) })
	wg.Go(func() { receive(v) })
	wg.Wait()
}

// stuck sends small frames to somebody who does not read, until nothing more
// fits.
func (s *socket) stuck() (stop func()) {
	s.tb.Helper()
	var wg sync.WaitGroup
	var sent atomic.Int64
	wg.Go(func() { s.flood(500, &sent) })
	standsStill(s.tb, &sent, 1)
	return func() { s.conn.Drop(); wg.Wait() }
}

func TestWhatANewProducerSendsFollowsWhatTheOldOneIsStillWriting(t *testing.T) { // relay.displace
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1})
	w := terminal("c")
	old, v := agent(t, s, w), client(t, s, w)
	defer old.stuck()()
	p := agent(t, s, w)
	p.text(0, "new")
	for {
		if f, ok := v.next().(*agentv1.StreamFrame); ok && string(f.GetData()) == "new" {
			break
		}
	}
	v.text(0, "typed")
	p.wantText("typed")
}

func TestAViewerThatLeftDoesNotStopTheOutput(t *testing.T) { // relay.viewer-gone
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1})
	w := terminal("c")
	p, v := agent(t, s, w), client(t, s, w)
	defer v.stuck()() // the producer takes no input
	v.conn.Drop()
	const n = 200
	for seq := range uint64(n) { // much more than waits for a viewer
		p.text(seq, strings.Repeat("x", 64<<10))
	}
	if seq := client(t, s, resumeAt("c", n-1)).next().(*agentv1.StreamFrame).GetSeq(); seq != n-1 {
		t.Errorf("the last frame is %d", seq)
	}
}

func TestAViewerThatIsMovedToAProducersChannelSeesWhatThatSendsAtOnce(t *testing.T) { // relay.route.key
	t.Parallel()
	s := relaytest.Start(t, relay.Config{Rate: -1})
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for j := range 50 {
				w := terminal("")
				w.agent = fmt.Sprint("agent ", i, " ", j)
				v := client(t, s, w)
				w.channel = "c"
				agent(t, s, w).text(0, "at once")
				v.wantText("at once")
			}
		})
	}
}

//go:build !robotgo

package desktop_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"agentproof/agent/desktop"
	"agentproof/fixtures/display/displaytest"
	"agentproof/fixtures/display/witness"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/relay"
	"agentproof/relay/relaytest"
	"agentproof/stream"
	"agentproof/stream/producer"
)

// withRelay is a configuration whose channels go over a real relay.
func withRelay(tb testing.TB, r *relay.Server) desktop.Config {
	tb.Helper()
	return desktop.Config{Relay: producer.Config{
		RelayURL: r.URL(), Token: relaytest.ProducerToken(tb, "ws", "agent"),
		Backoff: stream.Backoff{Min: 10 * time.Millisecond, Max: 100 * time.Millisecond},
	}}
}

func (s *stage) ensure() *agentv1.DesktopEnsureResponse {
	s.Helper()
	resp, err := s.desktop.Ensure(s.Context(), &agentv1.DesktopEnsureRequest{Width: 99, Height: 99})
	if err != nil {
		s.Fatal(err)
	}
	return resp
}

// view attaches a viewer to the channel until the test ends.
func view(tb testing.TB, r *relay.Server, c *agentv1.StreamChannel) *stream.Viewer {
	tb.Helper()
	url, err := stream.ProducerURL(r.URL(), stream.RouteOf(c))
	if err != nil {
		tb.Fatal(err)
	}
	v, err := stream.Dial(tb.Context(), url, relaytest.ViewerToken(tb, "ws", stream.DesktopPort, 1), nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(v.Detach)
	return v
}

func read(tb testing.TB, v *stream.Viewer) stream.Frame {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	f, err := v.Read(ctx)
	if err != nil {
		tb.Fatalf("read a frame: %v", err)
	}
	return f
}

// await reads frames until one shows the pattern.
func await(tb testing.TB, v *stream.Viewer, p witness.Pattern) stream.Frame {
	tb.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if f := read(tb, v); shows(tb, f.Data, p, small.Width, small.Height) {
			return f
		}
	}
	tb.Fatalf("pattern %d was never shown", p)
	return stream.Frame{}
}

func TestEnsureGivesTheChannelAndTheDisplay(t *testing.T) {
	t.Parallel()
	s := newStage(t, small, withRelay(t, relaytest.Start(t, relay.Config{})))
	resp := s.ensure()
	c, d := resp.GetChannel(), resp.GetDisplay()
	if c.GetKind() != agentv1.StreamKind_STREAM_KIND_DESKTOP || c.GetPort() != 6080 || c.GetChannelId() == "" ||
		c.GetWorkspaceId() != "ws" || c.GetAgentId() != "agent" {
		t.Errorf("channel %v", c)
	}
	if d.GetWidth() != 320 || d.GetHeight() != 200 || d.GetId() != s.display.Name() || !d.GetVirtual() {
		t.Errorf("display %v", d)
	}
}

func TestEnsureGivesOneChannelToEveryCaller(t *testing.T) {
	t.Parallel()
	s := newStage(t, small, withRelay(t, relaytest.Start(t, relay.Config{})))
	first := s.ensure()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if again, err := s.desktop.Ensure(t.Context(), nil); err != nil || !proto.Equal(again, first) {
				t.Errorf("%v, %v; first %v", again, err, first)
			}
		})
	}
	wg.Wait()
}

func TestEnsureFailsWithAStreamErrorWithoutARelay(t *testing.T) {
	t.Parallel()
	r := relaytest.Start(t, relay.Config{})
	rejected, gone := withRelay(t, r), withRelay(t, r)
	rejected.Relay.Token = "not a token"
	gone.Relay.RelayURL = "ws://127.0.0.1:1/stream"
	for name, cfg := range map[string]desktop.Config{"none is configured": {}, "it rejects": rejected, "it is gone": gone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, small, cfg)
			_, err := s.desktop.Ensure(t.Context(), nil)
			wantCode(t, err, agentv1.ErrorCode_ERROR_CODE_STREAM)
		})
	}
}

func TestFramesFollowTheScreen(t *testing.T) {
	t.Parallel()
	r := relaytest.Start(t, relay.Config{})
	s := newStage(t, small, withRelay(t, r))
	v := view(t, r, s.ensure().GetChannel())
	first := await(t, v, 0)
	if first.Seq != 0 {
		t.Errorf("the first frame that shows the screen has the number %d", first.Seq)
	}
	for p := range witness.Pattern(5) {
		if err := s.witness.Paint(p + 1); err != nil {
			t.Fatal(err)
		}
		await(t, v, p+1)
	}
}

// TestAStillScreenSendsAFrameInFiveSecondsAndNoMore takes the frames of some
// seconds: one at once, and one for every stretch of stillness.
func TestAStillScreenSendsAFrameInFiveSecondsAndNoMore(t *testing.T) {
	t.Parallel()
	for name, without := range map[string][]string{"that tells of changes": nil, "that is looked at": {"DAMAGE"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := relaytest.Start(t, relay.Config{})
			screen := small
			screen.Without = without
			s := newStage(t, screen, withRelay(t, r))
			v := view(t, r, s.ensure().GetChannel())
			await(t, v, 0)
			start := time.Now()
			await(t, v, 0)
			const early, late = 4 * time.Second, 30 * time.Second // late is for a busy machine
			if waited := time.Since(start); waited < early || waited > late {
				t.Errorf("the next frame came after %v", waited)
			}
		})
	}
}

func TestABusyScreenSendsAtMostTenFramesASecond(t *testing.T) {
	t.Parallel()
	r := relaytest.Start(t, relay.Config{})
	s := newStage(t, small, withRelay(t, r))
	v := view(t, r, s.ensure().GetChannel())
	await(t, v, 0)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() {
		for p := witness.Pattern(1); ; p++ {
			select {
			case <-stop:
				return
			default:
				if err := s.witness.Paint(p); err != nil {
					return
				}
			}
		}
	})
	start, n := time.Now(), 0
	for ; time.Since(start) < 3*time.Second; n++ {
		read(t, v)
	}
	if rate := float64(n-1) / time.Since(start).Seconds(); rate > 10.5 {
		t.Errorf("%.1f frames a second", rate)
	}
	if n < 5 {
		t.Errorf("%d frames in 3 s of changes", n)
	}
}

func TestFramesGoOnWhenTheDisplayComesBack(t *testing.T) {
	t.Parallel()
	r := relaytest.Start(t, relay.Config{})
	s := newStage(t, small, withRelay(t, r))
	v := view(t, r, s.ensure().GetChannel())
	await(t, v, 0)
	s.display.Kill()
	if err := s.display.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := displaytest.Witness(t, s.display).Paint(9); err != nil {
		t.Fatal(err)
	}
	await(t, v, 9)
}

func TestAChannelThatTheViewerClosedIsReplaced(t *testing.T) {
	t.Parallel()
	r := relaytest.Start(t, relay.Config{})
	s := newStage(t, small, withRelay(t, r))
	first := s.ensure().GetChannel()
	v := view(t, r, first)
	await(t, v, 0)
	if err := v.Close(t.Context(), agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, "enough"); err != nil {
		t.Fatal(err)
	}
	// The close travels by way of the relay.
	deadline := time.Now().Add(patience)
	second := s.ensure().GetChannel()
	for ; second.GetChannelId() == first.GetChannelId(); second = s.ensure().GetChannel() {
		if time.Now().After(deadline) {
			t.Fatal("the closed channel is still given out")
		}
		time.Sleep(5 * time.Millisecond)
	}
	await(t, view(t, r, second), 0)
}

func TestAViewersInputObeysTheConsent(t *testing.T) {
	t.Parallel()
	for name, consent := range map[string]bool{"given": true, "not given": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := relaytest.Start(t, relay.Config{})
			cfg := withRelay(t, r)
			cfg.ScreenControl = consent
			s := newStage(t, small, cfg)
			c := s.ensure().GetChannel()
			v := view(t, r, c)
			await(t, v, 0)
			mark := s.witness.Log().Len()
			click := &agentv1.DesktopInput{ChannelId: c.GetChannelId(), Event: &agentv1.DesktopInput_Pointer{
				Pointer: &agentv1.PointerEvent{X: 5, Y: 6, Action: agentv1.PointerAction_POINTER_ACTION_CLICK}}}
			unknown := &agentv1.DesktopInput{ChannelId: c.GetChannelId(), Event: &agentv1.DesktopInput_Key{
				Key: &agentv1.KeyEvent{Key: "Hyperspace"}}}
			for _, in := range []*agentv1.DesktopInput{unknown, {}, click, click} {
				if err := v.SendInput(t.Context(), in); err != nil {
					t.Fatal(err)
				}
			}
			if consent {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, err := s.witness.Log().Wait(ctx, mark, func(e []witness.Event) bool {
					return witness.Clicks(e, witness.Left) == 2
				})
				if err != nil {
					t.Error(err)
				}
				return
			}
			// The viewer's close comes after its input: once it has arrived,
			// so has the input.
			if err := v.Close(t.Context(), agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, ""); err != nil {
				t.Fatal(err)
			}
			deadline := time.Now().Add(patience)
			for s.ensure().GetChannel().GetChannelId() == c.GetChannelId() {
				if time.Now().After(deadline) {
					t.Fatal("the close never arrived")
				}
				time.Sleep(5 * time.Millisecond)
			}
			if events := s.seen(func() {}); len(events) > 0 || s.witness.Log().Len() > mark {
				t.Errorf("saw %v", s.witness.Log().Since(mark))
			}
		})
	}
}

func TestShutdownSaysGoodbyeToTheViewer(t *testing.T) {
	t.Parallel()
	r := relaytest.Start(t, relay.Config{})
	s := newStage(t, small, withRelay(t, r))
	v := view(t, r, s.ensure().GetChannel())
	await(t, v, 0)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.desktop.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := v.Read(ctx)
		if closed, ok := errors.AsType[*stream.CloseError](err); ok {
			if closed.Reason != agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL {
				t.Errorf("the reason is %v", closed.Reason)
			}
			return
		}
		if err != nil {
			t.Fatalf("the stream ended with %v", err)
		}
	}
}

func TestTheChannelOutlivesItsRelay(t *testing.T) {
	t.Parallel()
	r := relaytest.Start(t, relay.Config{})
	s := newStage(t, small, withRelay(t, r))
	c := s.ensure().GetChannel()
	await(t, view(t, r, c), 0)
	addr := r.Addr().String()
	r.Kill()
	again := relaytest.Start(t, relay.Config{Listen: addr})
	if err := s.witness.Paint(4); err != nil {
		t.Fatal(err)
	}
	await(t, view(t, again, c), 4)
	if now := s.ensure().GetChannel(); now.GetChannelId() != c.GetChannelId() {
		t.Error("the channel was replaced")
	}
}

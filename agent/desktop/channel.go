package desktop

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
	"agentproof/stream/producer"
)

// farewellTime bounds how long an ending channel waits for an absent relay.
const farewellTime = 2 * time.Second

// channel is the desktop's stream at the relay.
type channel struct {
	d    *Desktop
	name *agentv1.StreamChannel
	out  *producer.Producer
	stop context.CancelFunc
	wg   sync.WaitGroup // the pump's goroutines
}

// Ensure gives the live channel of the desktop, opening one at the relay if
// there is none (desktop.ensure, desktop.ensure-idempotent). The asked size is
// not used: a real screen has the size that it has, and the reply tells it.
// Without a display it is UNSUPPORTED; without a relay that accepts the
// channel, STREAM.
func (d *Desktop) Ensure(ctx context.Context, _ *agentv1.DesktopEnsureRequest) (*agentv1.DesktopEnsureResponse, error) {
	display, err := d.probe(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.opening.acquire(ctx); err != nil {
		return nil, err
	}
	defer d.opening.release()
	c, err := d.liveChannel(ctx)
	if err != nil {
		return nil, err
	}
	return &agentv1.DesktopEnsureResponse{Channel: c.name, Display: display}, nil
}

// liveChannel is called by one at a time.
func (d *Desktop) liveChannel(ctx context.Context) (*channel, error) {
	d.mu.Lock()
	c := d.channel
	d.mu.Unlock()
	if c != nil && c.live() {
		return c, nil
	}
	if d.cfg.Relay.RelayURL == "" {
		return nil, operr.New(agentv1.ErrorCode_ERROR_CODE_STREAM,
			"no relay is configured, and the desktop's pictures travel over one")
	}
	c, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.channel = c
	closed := d.closed
	d.mu.Unlock()
	if closed { // Shutdown came while the relay was being dialled
		c.end(ctx)
		return nil, operr.New(agentv1.ErrorCode_ERROR_CODE_DRAINING, "the agent is stopping")
	}
	return c, nil
}

func (d *Desktop) open(ctx context.Context) (*channel, error) {
	relay := d.cfg.Relay
	relay.Channel = &agentv1.StreamChannel{
		ChannelId:   uuid.NewString(),
		WorkspaceId: d.cfg.WorkspaceID,
		AgentId:     d.cfg.AgentID,
		Kind:        agentv1.StreamKind_STREAM_KIND_DESKTOP,
		Port:        stream.DesktopPort,
	}
	out, err := producer.Open(ctx, relay)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, err
		}
		e := operr.New(agentv1.ErrorCode_ERROR_CODE_STREAM, "open the desktop's channel at the relay: %v", err)
		e.Err = err
		return nil, e
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := &channel{d: d, name: relay.Channel, out: out, stop: stop}
	c.wg.Go(func() { c.sendFrames(running) })
	c.wg.Go(func() { out.TakeInputs(nil, func(in producer.Input) { c.takeInput(running, in.Event) }) })
	d.log.Info("desktop channel opened", "channel", c.name.GetChannelId())
	return c, nil
}

func (c *channel) live() bool {
	select {
	case <-c.out.Done():
		return false
	default:
		return true
	}
}

// end says goodbye to the viewer and waits for the pump.
func (c *channel) end(ctx context.Context) {
	c.stop()
	ctx, cancel := context.WithTimeout(ctx, farewellTime)
	defer cancel()
	err := c.out.Close(ctx, agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL, "the agent is stopping")
	if err != nil {
		c.d.log.Debug("desktop channel ended without a goodbye", "error", err)
	}
	c.wg.Wait()
}

// takeInput does what a viewer did. Without consent that is dropped
// (stream.desktop-input-consent).
func (c *channel) takeInput(ctx context.Context, event *agentv1.DesktopInput) {
	if event == nil || !c.d.cfg.ScreenControl || ctx.Err() != nil {
		return
	}
	input, err := inputOf(event.GetPointer(), event.GetKey(), event.GetScroll())
	if err == nil {
		err = c.d.inject(ctx, input)
	}
	if err != nil {
		c.d.log.Debug("a viewer's input was not carried out", "error", err)
	}
}

package desktop

import (
	"context"
	"time"

	"agentproof/stream"
)

const (
	// frameInterval makes ten frames a second the most (stream.desktop-quiet).
	frameInterval = 100 * time.Millisecond
	// stillInterval is between the frames of a screen that does not change: a
	// little less than the five seconds that are promised.
	stillInterval = 4500 * time.Millisecond
	// retryInterval is how often a display that has gone is looked for.
	retryInterval = time.Second
	// frameRate is what a relay lets through, in bytes a second; frames that
	// come faster would only wait there.
	frameRate = 8 << 20
	// maxFrame leaves room for the envelope around a picture.
	maxFrame = stream.MaxMessage - 4<<10
)

// pump is the state of a channel's frames.
type pump struct {
	sent   time.Time // of the last frame
	serial uint64    // of its picture
	broken bool      // the display could not be seen last time
}

// sendFrames sends the first frame at once, and then new ones as the screen
// changes, until the channel is over. A slow viewer gets the newest.
func (c *channel) sendFrames(ctx context.Context) {
	var p pump
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			next.Reset(c.tick(ctx, &p))
		case <-c.out.Done():
			c.d.log.Info("desktop channel ended", "channel", c.name.GetChannelId(), "reason", c.out.Err())
			return
		case <-ctx.Done():
			return
		}
	}
}

// tick sends a frame if one is due, and tells when to come back.
func (c *channel) tick(ctx context.Context, p *pump) time.Duration {
	start := time.Now()
	sent, err := c.frame(ctx, p)
	if err != nil {
		if !p.broken && ctx.Err() == nil {
			c.d.log.Warn("the desktop cannot be shown", "error", err)
		}
		p.broken = true
		return retryInterval
	}
	p.broken = false
	// Taking the picture is part of the interval, or ten a second were never
	// reached.
	return max(frameInterval, time.Duration(sent)*time.Second/frameRate) - time.Since(start)
}

// frame sends the screen if it has changed, or if it was not sent for long. It
// tells the size in bytes of what it sent.
func (c *channel) frame(ctx context.Context, p *pump) (sent int, err error) {
	changed, err := c.d.backend.Changed(ctx)
	if err != nil {
		return 0, err
	}
	still := time.Since(p.sent) >= stillInterval
	if !changed && !still && !p.broken {
		return 0, nil
	}
	picture, _, _, err := c.d.picture(ctx, maxFrame)
	if err != nil {
		return 0, err
	}
	if picture.Serial == p.serial && !still {
		return 0, nil
	}
	if err := c.out.WriteLatest(picture.PNG); err != nil {
		return 0, err
	}
	p.sent, p.serial = time.Now(), picture.Serial
	return len(picture.PNG), nil
}

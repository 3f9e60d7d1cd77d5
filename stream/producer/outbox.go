package producer

import (
	"bytes"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/stream"
)

const (
	// maxFrame is the data of one frame, in bytes: with the envelope it stays
	// below the 256 KiB that the contract allows.
	maxFrame = 255 << 10
	// maxLatest leaves the envelope of a picture some room.
	maxLatest = stream.MaxMessage - 1<<10
	// frameCost is what a kept frame costs beside its bytes, so that a flood
	// of tiny frames is bounded too.
	frameCost = 64
	// idleQueue is how big an empty queue's memory may stay, in bytes.
	idleQueue = 256 << 10
)

// outbox holds what a channel has to send: bytes that no frame was made of
// yet, and frames in the order of seq, of which the first `sent` went out and
// are kept only to be sent again.
type outbox struct {
	channel string
	queue   int // bound of pending, in bytes
	keep    int // bound of what frames sent already may cost

	pending bytes.Buffer
	latest  []byte // one picture, or nil
	frames  []encoded
	sent    int
	kept    int // cost of frames[:sent]
	seq     uint64
}

type encoded struct {
	message []byte
	picture bool
}

func (f encoded) cost() int { return len(f.message) + frameCost }

func (b *outbox) full() bool { return b.pending.Len() >= b.queue }

// append takes as much of data as the queue has room for.
func (b *outbox) append(data []byte) int {
	n, _ := b.pending.Write(data[:min(len(data), b.queue-b.pending.Len())])
	return n
}

// empty tells that everything queued is on its way.
func (b *outbox) empty() bool {
	return b.sent == len(b.frames) && b.pending.Len() == 0 && b.latest == nil
}

// next is the frame to send now; it makes one of what is queued when it must.
// It stays the next one until markSent. The box must not be empty.
func (b *outbox) next() ([]byte, error) {
	if b.sent == len(b.frames) {
		f, err := b.makeFrame()
		if err != nil {
			return nil, err
		}
		b.frames = append(b.frames, f)
	}
	return b.frames[b.sent].message, nil
}

func (b *outbox) makeFrame() (encoded, error) {
	picture := b.pending.Len() == 0
	frame := &agentv1.StreamFrame{ChannelId: b.channel, Seq: b.seq, ProducedAtMs: time.Now().UnixMilli()}
	if picture {
		frame.Data, b.latest = b.latest, nil
	} else {
		frame.Data = b.pending.Next(maxFrame)
	}
	message, err := stream.Encode(frame)
	if err != nil {
		return encoded{}, err
	}
	if b.pending.Len() == 0 && b.pending.Cap() > idleQueue {
		b.pending = bytes.Buffer{}
	}
	b.seq++
	return encoded{message, picture}, nil
}

// markSent notes that the next frame went out. It is kept if the relay would
// want it again; of pictures only the newest is.
func (b *outbox) markSent(keep bool) {
	b.kept += b.frames[b.sent].cost()
	b.sent++
	for b.sent > 0 && (!keep || b.kept > b.keep || b.stale()) {
		b.kept -= b.frames[0].cost()
		b.frames[0] = encoded{}
		b.frames = b.frames[1:]
		b.sent--
	}
}

// stale tells that the oldest kept frame is a picture and not the newest one.
func (b *outbox) stale() bool { return b.frames[0].picture && b.sent > 1 }

// rewind makes everything that is kept due again.
func (b *outbox) rewind() { b.sent, b.kept = 0, 0 }

package relay

import (
	"context"
	"fmt"
	"time"

	"agentproof/stream"
)

// Shutdown ends the relay so that nothing is lost. Producers are told that
// nothing more comes, without a close frame, so that they take it for a drop
// and dial again later (relay.bare-end); what they sent until then is still
// read and handed to the viewers, whose sockets end last. When ctx ends before
// that, the rest is cut off and ctx's error returned. The relay cannot be used
// afterwards.
func (r *Relay) Shutdown(ctx context.Context) error {
	defer r.Close()
	producers, viewers := r.refuseNew()
	for _, p := range producers {
		p.draining.Store(true)
		p.HalfClose()
	}
	// A producer that waits for a slow viewer must not use up all the time.
	half, cancel := halfOf(ctx)
	defer cancel()
	if awaitDone(half, producers) != nil {
		for _, p := range producers {
			p.Drop()
		}
	}
	for _, p := range viewers {
		p.draining.Store(true)
		p.channel.Load().wake()
	}
	if err := awaitDone(ctx, viewers); err != nil {
		return fmt.Errorf("shut the relay down: %w", err)
	}
	return nil
}

// refuseNew lets nobody in from now on and drops handshakes that are open.
func (r *Relay) refuseNew() (producers, viewers []*peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping = true
	for p := range r.peers {
		switch {
		case p.channel.Load() == nil:
			p.Drop()
		case p.role == stream.RoleAgent:
			producers = append(producers, p)
		default:
			viewers = append(viewers, p)
		}
	}
	return producers, viewers
}

func halfOf(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

func awaitDone(ctx context.Context, peers []*peer) error {
	for _, p := range peers {
		select {
		case <-p.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Close ends the relay at once, as a crash would: every socket ends without a
// close frame, and what is on its way is lost. It returns when everything has
// ended, and may be called more than once.
func (r *Relay) Close() {
	r.mu.Lock()
	r.stopping = true
	peers := make([]*peer, 0, len(r.peers))
	for p := range r.peers {
		peers = append(peers, p)
	}
	r.mu.Unlock()
	for _, p := range peers {
		p.Drop()
	}
	for _, p := range peers {
		<-p.done
	}
	r.stopped.Do(func() { close(r.stop) })
	r.tasks.Wait()
}

package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	// maxInput is the data of one input frame, in bytes.
	maxInput = 64 << 10
	// readAhead is how many frames a viewer takes from the relay before
	// somebody reads them; then the relay waits.
	readAhead = 16

	viewerBackoffMin = 200 * time.Millisecond
	viewerBackoffMax = 5 * time.Second
)

// Frame is a piece of what the producer sent.
type Frame struct {
	Seq  uint64
	Data []byte
	// Missed is how many frames between the one before and this one no ring
	// held any more; 0 means that nothing is missing.
	Missed uint64
	// ProducedAt is informative; zero when the producer did not say.
	ProducedAt time.Time
}

// DialOptions says how a viewer behaves. The zero value and nil are fine.
type DialOptions struct {
	ConnectOptions
	// ResumeFrom is the first frame wanted.
	ResumeFrom uint64
	// Reconnect makes the viewer come back after a lost socket and go on with
	// the frame after the last one it had. It gives up when the relay rejects
	// it.
	Reconnect bool
	// Backoff is between attempts; zero fields are 200 ms and 5 s.
	Backoff Backoff
	// Refresh, when set, gives the token for every connection after the
	// first, since viewers' tokens are short-lived.
	Refresh func(ctx context.Context) (Secret, error)
	// Logger hears of lost sockets; nil is silent.
	Logger *slog.Logger
}

// Viewer is the client's end of a channel. Its methods are safe for concurrent
// use; frames go to whoever reads first.
type Viewer struct {
	url   string
	opts  DialOptions
	log   *slog.Logger
	token Secret
	route Route // only the run goroutine touches it after Dial

	frames chan Frame
	writer chan struct{} // holds a token while nobody writes
	seq    uint64        // of the next input frame; the writer's
	ctx    context.Context
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when run has ended
	// closing tells that Close was called, which the relay's close frame
	// answers.
	closing atomic.Bool

	mu      sync.Mutex    // guards the fields below
	conn    *Conn         // nil between two connections
	changed chan struct{} // closed and replaced when conn changes
	channel string        // channel id for what we send
	err     error         // why run ended
}

// Dial connects to the stream that url names, as session's endpoints and
// Endpoint.URL do, and returns after the relay accepted the token. ctx bounds
// that only; the viewer lives until Close, Detach or the stream's end. Errors
// are Connect's and, for a URL without a route, ErrBadQuery.
func Dial(ctx context.Context, url string, token Secret, opts *DialOptions) (*Viewer, error) {
	if opts == nil {
		opts = &DialOptions{}
	}
	route, err := routeOfURL(url)
	if err != nil {
		return nil, fmt.Errorf("dial the stream: %w", err)
	}
	v := &Viewer{
		url:     url,
		opts:    *opts,
		log:     opts.Logger,
		token:   token,
		route:   route,
		frames:  make(chan Frame, readAhead),
		writer:  make(chan struct{}, 1),
		done:    make(chan struct{}),
		changed: make(chan struct{}),
		channel: route.ChannelID,
	}
	if v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	v.opts.Backoff = opts.Backoff.WithDefaults(viewerBackoffMin, viewerBackoffMax)
	v.writer <- struct{}{}
	cursor := NewCursor(opts.ResumeFrom)
	conn, err := v.connect(ctx, cursor.Next())
	if err != nil {
		return nil, err
	}
	v.ctx, v.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	v.setConn(conn)
	go v.run(conn, cursor)
	return v, nil
}

func (v *Viewer) connect(ctx context.Context, resume uint64) (*Conn, error) {
	return Connect(ctx, v.url, &agentv1.StreamOpen{
		Channel: &agentv1.StreamChannel{
			WorkspaceId: v.route.WorkspaceID,
			AgentId:     v.route.AgentID,
			Port:        v.route.Port,
			ChannelId:   v.route.ChannelID,
		},
		Token:         string(v.token),
		Role:          RoleClient,
		ResumeFromSeq: resume,
	}, &v.opts.ConnectOptions)
}

// Read waits for the next frame. Frames come in order and once each; one that
// was lost shows in Missed. At the end it returns what ended the stream: a
// *CloseError from the producer's side, ErrDropped for a lost socket without
// Reconnect, ErrDisplaced, ErrNoProducer, Connect's errors, or ErrClosed. ctx
// bounds the wait and harms nothing.
func (v *Viewer) Read(ctx context.Context) (Frame, error) {
	select {
	case f, ok := <-v.frames:
		if !ok {
			return Frame{}, v.Err()
		}
		return f, nil
	case <-ctx.Done():
		return Frame{}, ctx.Err()
	}
}

// Err is why the stream ended, or nil while it goes on.
func (v *Viewer) Err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

// Write types data, in frames that carry seq 0, 1, 2 … over all connections.
// With Reconnect it waits for a lost socket to come back; what the socket took
// is never sent again, so that no command is typed twice. A ctx that ends in
// the middle of a frame costs the connection.
func (v *Viewer) Write(ctx context.Context, data []byte) error {
	if err := v.lock(ctx); err != nil {
		return fmt.Errorf("write to the stream: %w", err)
	}
	defer v.unlock()
	for len(data) > 0 {
		n := min(len(data), maxInput)
		err := v.send(ctx, func(channel string) proto.Message {
			return &agentv1.StreamFrame{
				ChannelId: channel, Seq: v.seq, Data: data[:n], ProducedAtMs: time.Now().UnixMilli(),
			}
		})
		if err != nil {
			return fmt.Errorf("write to the stream: %w", err)
		}
		v.seq++
		data = data[n:]
	}
	return nil
}

// SendInput sends the event of in, with the channel filled in.
func (v *Viewer) SendInput(ctx context.Context, in *agentv1.DesktopInput) error {
	return v.sendAlone(ctx, "send input to the stream", func(channel string) proto.Message {
		return &agentv1.DesktopInput{ChannelId: channel, Event: in.GetEvent()}
	})
}

// Close ends the channel for both sides: the terminal ends with it. It waits
// for a socket that is being reconnected until ctx ends.
func (v *Viewer) Close(ctx context.Context, reason agentv1.StreamCloseReason, message string) error {
	defer v.end()
	v.closing.Store(true)
	return v.sendAlone(ctx, "close the stream", func(channel string) proto.Message {
		return &agentv1.StreamClose{ChannelId: channel, Reason: reason, Message: strings.ToValidUTF8(message, "\uFFFD")}
	})
}

// Detach leaves and lets the channel live, for another viewer or a later one.
func (v *Viewer) Detach() { v.end() }

func (v *Viewer) end() {
	v.cancel(ErrClosed)
	v.mu.Lock()
	conn := v.conn
	v.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
	<-v.done
}

func (v *Viewer) lock(ctx context.Context) error {
	select {
	case <-v.writer:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *Viewer) unlock() { v.writer <- struct{}{} }

func (v *Viewer) sendAlone(ctx context.Context, what string, build func(channel string) proto.Message) error {
	err := v.lock(ctx)
	if err == nil {
		err = v.send(ctx, build)
		v.unlock()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// send sends one message on this connection or the next one. A message whose
// sending failed did not reach the relay whole, so it may go again.
func (v *Viewer) send(ctx context.Context, build func(channel string) proto.Message) error {
	for {
		conn, channel, err := v.await(ctx)
		if err != nil {
			return err
		}
		err = conn.Send(ctx, build(channel))
		if !errors.Is(err, ErrDropped) {
			return err
		}
		v.lose(conn)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// await returns the connection in use, or waits for the next one.
func (v *Viewer) await(ctx context.Context) (*Conn, string, error) {
	for {
		v.mu.Lock()
		conn, channel, changed := v.conn, v.channel, v.changed
		v.mu.Unlock()
		if conn != nil {
			return conn, channel, nil
		}
		select {
		case <-changed:
		case <-v.done:
			return nil, "", v.Err()
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
}

func (v *Viewer) setConn(conn *Conn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.conn = conn
	close(v.changed)
	v.changed = make(chan struct{})
}

// lose takes conn out of use, if it still is in use, and makes the reader
// notice.
func (v *Viewer) lose(conn *Conn) {
	v.mu.Lock()
	if v.conn == conn {
		v.conn = nil
	}
	v.mu.Unlock()
	conn.Drop()
}

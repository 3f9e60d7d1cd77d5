package socket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/coder/websocket"
)

const (
	// CommonMessage is what most messages are below, in bytes. Larger ones are
	// read a few at a time, each within largeTime.
	CommonMessage = 256 << 10
	largeTime     = 30 * time.Second
	// minGuess is the least memory that a message is read into, in bytes.
	minGuess = 512
)

// ErrTooLarge is a message above the limit.
var ErrTooLarge = errors.New("message too large")

// Read waits for the next binary message of at most limit bytes; text messages
// are passed over. After an error, also ErrTooLarge, no more can be read.
func (s *Socket) Read(limit int) ([]byte, error) {
	for {
		typ, body, err := s.ws.Reader(context.Background())
		if err != nil {
			return nil, err
		}
		s.heard.Add(1)
		if typ == websocket.MessageBinary {
			return s.readBody(body, limit)
		}
		switch n, err := io.Copy(io.Discard, io.LimitReader(body, int64(limit)+1)); {
		case err != nil:
			return nil, err
		case n > int64(limit):
			return nil, ErrTooLarge
		}
	}
}

// readBody reads a message into memory of about its size, which nobody knows in
// advance: the one before is a good guess. It reads in big pieces because the
// library takes a socket that ended exactly between two of them for the
// message's end; such a torso is no valid message.
func (s *Socket) readBody(body io.Reader, limit int) ([]byte, error) {
	buf := make([]byte, min(s.guess, limit+1))
	for n := 0; ; {
		m, err := io.ReadFull(body, buf[n:])
		n += m
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF: // not wrapped: the message's own end
			s.guess = min(max(minGuess, n+1), CommonMessage)
			if n < len(buf)/2 {
				return bytes.Clone(buf[:n]), nil
			}
			return buf[:n], nil
		case err != nil:
			return nil, err
		case n > limit:
			return nil, ErrTooLarge
		case n >= CommonMessage:
			return s.readLarge(buf, body, limit)
		}
		buf = append(buf, make([]byte, min(n, limit+1-n))...)
	}
}

// readLarge reads the rest of a message after its head. Few do so at a time,
// and none takes forever, so that half-sent messages cannot fill the memory.
func (s *Socket) readLarge(head []byte, body io.Reader, limit int) ([]byte, error) {
	select {
	case s.large <- struct{}{}:
		defer func() { <-s.large }()
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(largeTime)); err != nil {
		return nil, err
	}
	whole := io.MultiReader(bytes.NewReader(head), body)
	b, err := io.ReadAll(io.LimitReader(whole, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(b) > limit {
		return nil, ErrTooLarge
	}
	return b, s.conn.SetReadDeadline(time.Time{})
}

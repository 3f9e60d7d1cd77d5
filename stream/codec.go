package stream

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Tag is the first byte of every message and names the protobuf type of the
// rest.
type Tag byte

// The messages of the stream plane.
const (
	TagOpen         Tag = 1
	TagOpenAck      Tag = 2
	TagFrame        Tag = 3
	TagClose        Tag = 4
	TagDesktopInput Tag = 5
)

// String names the message that t stands for.
func (t Tag) String() string {
	switch t {
	case TagOpen:
		return "StreamOpen"
	case TagOpenAck:
		return "StreamOpenAck"
	case TagFrame:
		return "StreamFrame"
	case TagClose:
		return "StreamClose"
	case TagDesktopInput:
		return "DesktopInput"
	}
	return fmt.Sprintf("Tag(%d)", byte(t))
}

// What is wrong with a message that does not decode; a *DecodeError wraps one
// of them.
var (
	ErrEmpty      = errors.New("empty message")
	ErrUnknownTag = errors.New("unknown tag")
	ErrMalformed  = errors.New("malformed body")
)

// DecodeError says which message could not be decoded and why. It never holds
// bytes of the message, because those may be a token.
type DecodeError struct {
	Tag Tag   // 0 for an empty message
	Err error // ErrEmpty, ErrUnknownTag or ErrMalformed
}

func (e *DecodeError) Error() string {
	if e.Tag == 0 {
		return fmt.Sprintf("decode a stream message: %v", e.Err)
	}
	return fmt.Sprintf("decode a stream message: %v: %v", e.Tag, e.Err)
}

func (e *DecodeError) Unwrap() error { return e.Err }

func newMessage(t Tag) proto.Message {
	switch t {
	case TagOpen:
		return new(agentv1.StreamOpen)
	case TagOpenAck:
		return new(agentv1.StreamOpenAck)
	case TagFrame:
		return new(agentv1.StreamFrame)
	case TagClose:
		return new(agentv1.StreamClose)
	case TagDesktopInput:
		return new(agentv1.DesktopInput)
	}
	return nil
}

func tagOf(m proto.Message) (Tag, bool) {
	switch m.(type) {
	case *agentv1.StreamOpen:
		return TagOpen, true
	case *agentv1.StreamOpenAck:
		return TagOpenAck, true
	case *agentv1.StreamFrame:
		return TagFrame, true
	case *agentv1.StreamClose:
		return TagClose, true
	case *agentv1.DesktopInput:
		return TagDesktopInput, true
	}
	return 0, false
}

// Encode returns the bytes of one binary websocket message. It fails on a type
// that is none of the stream plane's five, and on strings that are not UTF-8.
func Encode(m proto.Message) ([]byte, error) {
	tag, ok := tagOf(m)
	if !ok {
		return nil, fmt.Errorf("encode a stream message: %T is none", m)
	}
	b := make([]byte, 1, 1+proto.Size(m))
	b[0] = byte(tag)
	b, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, m)
	if err != nil {
		return nil, fmt.Errorf("encode a stream message: %v: %w", tag, err)
	}
	return b, nil
}

// Decode parses the bytes of one binary websocket message into a *StreamOpen,
// *StreamOpenAck, *StreamFrame, *StreamClose or *DesktopInput. The error is a
// *DecodeError.
func Decode(b []byte) (proto.Message, error) {
	if len(b) == 0 {
		return nil, &DecodeError{Err: ErrEmpty}
	}
	tag := Tag(b[0])
	m := newMessage(tag)
	if m == nil {
		return nil, &DecodeError{Tag: tag, Err: ErrUnknownTag}
	}
	if err := proto.Unmarshal(b[1:], m); err != nil {
		return nil, &DecodeError{Tag: tag, Err: ErrMalformed}
	}
	return m, nil
}

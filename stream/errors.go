package stream

import (
	"errors"
	"fmt"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

var (
	// ErrRejected matches every *RejectedError.
	ErrRejected = errors.New("the relay rejected the open")
	// ErrHandshakeTimeout is a relay that does not answer in time.
	ErrHandshakeTimeout = errors.New("the relay did not answer in time")
	// ErrDropped is a socket that ended without a StreamClose.
	ErrDropped = errors.New("the relay's socket ended")
	// ErrClosed is a use after Close or Detach.
	ErrClosed = errors.New("the stream is closed")
	// ErrDisplaced ends a viewer whose channel a newer viewer took.
	ErrDisplaced = errors.New("a newer viewer took the channel")
	// ErrNoProducer ends a viewer that waited for a producer in vain.
	ErrNoProducer = errors.New("the channel has no producer")
)

// RejectedError is a StreamOpenAck that does not accept.
type RejectedError struct {
	Code      agentv1.ErrorCode
	Message   string
	Retryable bool
}

func (e *RejectedError) Error() string {
	return fmt.Sprintf("%v: %v: %s", ErrRejected, e.Code, e.Message)
}

// Is matches ErrRejected.
func (e *RejectedError) Is(target error) bool { return target == ErrRejected }

// StatusError is an HTTP answer other than the upgrade to a websocket.
type StatusError struct{ Code int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("the relay answered with HTTP status %d instead of a websocket", e.Code)
}

// CloseError is the StreamClose by which the other side ended the channel.
type CloseError struct {
	Reason  agentv1.StreamCloseReason
	Message string
}

func (e *CloseError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("the stream was closed: %v", e.Reason)
	}
	return fmt.Sprintf("the stream was closed: %v: %s", e.Reason, e.Message)
}

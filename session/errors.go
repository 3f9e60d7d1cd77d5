package session

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Sentinels for errors.Is. Each one matches a *ControlError of its condition.
var (
	// ErrAgentOffline: the machine cannot be reached. It may come back; it is
	// not gone.
	ErrAgentOffline = errors.New("agent is offline")
	// ErrReconnecting: no reply in time. The operation may still be running.
	ErrReconnecting = errors.New("agent is reconnecting")
	// ErrFenced: the session's epoch is stale and nothing ran.
	ErrFenced = errors.New("session is fenced")
	// ErrDraining: the agent takes no new work; nothing ran.
	ErrDraining = errors.New("agent is draining")
	// ErrConsentRequired: the machine's owner has not consented.
	ErrConsentRequired = errors.New("consent is required")
	// ErrNotExist: the file, directory, program or terminal is not there. It
	// wraps fs.ErrNotExist.
	ErrNotExist = fmt.Errorf("machine: %w", fs.ErrNotExist)
)

// Reason says why a machine, or a part of it, cannot be used; empty when
// nothing of that kind is wrong.
type Reason string

const (
	ReasonAgentOffline       Reason = "agent_offline"
	ReasonAgentReconnecting  Reason = "agent_reconnecting"
	ReasonConsentRequired    Reason = "consent_required"
	ReasonDisplayUnavailable Reason = "display_unavailable"
)

// A ControlError is an operation's error as the machine, or the transport on
// its behalf, reported it (session.error).
type ControlError struct {
	Code    agentv1.ErrorCode
	Message string // never empty
	Reason  Reason
	// Retryable tells whether the same call may succeed later. Nothing here
	// retries by itself.
	Retryable    bool
	Fenced       bool
	Draining     bool
	AgentOffline bool
	// OSNotFound: something on the machine does not exist. The machine does.
	OSNotFound bool
	Detail     map[string]string
}

// Error names the condition and gives the message.
func (e *ControlError) Error() string {
	name := strings.ToLower(strings.TrimPrefix(e.Code.String(), "ERROR_CODE_"))
	return name + ": " + e.Message
}

// Unwrap returns the sentinel of the condition, nil where there is none.
func (e *ControlError) Unwrap() error { return conditionOf(e.Code).sentinel }

// IsProviderNotFound reports whether the box behind a session is gone for
// good. It is always false: a machine is offline or has lost a file, and
// neither allows a cold re-create (session.error.provider-not-found).
func IsProviderNotFound(error) bool { return false }

// condition is what a wire code means beside what the agent sent with it.
type condition struct {
	reason   Reason
	sentinel error
	// retryable overrules the agent when fixed is set.
	fixed, retryable bool
	sentence         string
}

func conditionOf(code agentv1.ErrorCode) condition {
	switch code {
	case agentv1.ErrorCode_ERROR_CODE_AGENT_OFFLINE:
		return condition{ReasonAgentOffline, ErrAgentOffline, true, false, "the machine's agent is offline"}
	case agentv1.ErrorCode_ERROR_CODE_TIMEOUT:
		return condition{ReasonAgentReconnecting, ErrReconnecting, true, true, "the machine's agent did not answer in time"}
	case agentv1.ErrorCode_ERROR_CODE_CONSENT_REQUIRED:
		return condition{ReasonConsentRequired, ErrConsentRequired, true, false, "the machine's owner has not consented to this"}
	case agentv1.ErrorCode_ERROR_CODE_DRAINING:
		return condition{"", ErrDraining, true, true, "the machine's agent is draining and takes no new work"}
	case agentv1.ErrorCode_ERROR_CODE_FENCED:
		return condition{"", ErrFenced, true, true, "the operation was resolved against a stale epoch"}
	case agentv1.ErrorCode_ERROR_CODE_NOT_FOUND:
		return condition{sentinel: ErrNotExist, sentence: "no such file, directory, program or terminal on the machine"}
	case agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED:
		return condition{sentence: "the machine's agent does not support this operation"}
	case agentv1.ErrorCode_ERROR_CODE_OS:
		return condition{sentence: "the machine's operating system refused the operation"}
	case agentv1.ErrorCode_ERROR_CODE_PROTOCOL:
		return condition{sentence: "the machine's agent and the control plane do not understand each other"}
	case agentv1.ErrorCode_ERROR_CODE_STREAM:
		return condition{sentence: "the machine's stream failed"}
	case agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE:
		return condition{sentence: "the message is larger than the broker takes"}
	default:
		return condition{sentence: fmt.Sprintf("the machine's agent reported an error of code %d", code)}
	}
}

func newControlError(e *agentv1.AgentError) *ControlError {
	c := conditionOf(e.GetCode())
	err := &ControlError{
		Code:         e.GetCode(),
		Message:      e.GetMessage(),
		Reason:       c.reason,
		Retryable:    e.GetRetryable(),
		Fenced:       c.sentinel == ErrFenced,
		Draining:     c.sentinel == ErrDraining,
		AgentOffline: c.sentinel == ErrAgentOffline,
		OSNotFound:   c.sentinel == ErrNotExist,
		Detail:       maps.Clone(e.GetDetail()),
	}
	if c.fixed {
		err.Retryable = c.retryable
	}
	if err.Message == "" {
		err.Message = c.sentence
	}
	return err
}

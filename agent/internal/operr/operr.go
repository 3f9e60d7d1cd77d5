// Package operr holds the typed errors that operations of the agent return and
// their translation to the wire's AgentError (agent.md, Errors).
package operr

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strconv"
	"syscall"
	"unicode/utf8"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Error is a failure with a wire code. It wraps the cause, if there is one.
type Error struct {
	Code      agentv1.ErrorCode
	Message   string
	Retryable bool
	Detail    map[string]string
	Err       error
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Err }

// New returns an error with the code and the retryable flag that the code
// always carries (envelope.retryable).
func New(code agentv1.ErrorCode, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Retryable: retryable(code)}
}

// With adds one detail and returns e.
func (e *Error) With(key, value string) *Error {
	if e.Detail == nil {
		e.Detail = make(map[string]string)
	}
	e.Detail[key] = value
	return e
}

// System wraps a failed system call. ENOENT is NOT_FOUND, everything else is
// OS (error.not-found, error.os). attempt says what was tried on what and
// becomes the detail "context"; the errno, where err holds one, becomes the
// detail "errno". attempt must not hold request contents or secrets.
func System(attempt string, err error) *Error {
	code := agentv1.ErrorCode_ERROR_CODE_OS
	if errors.Is(err, fs.ErrNotExist) {
		code = agentv1.ErrorCode_ERROR_CODE_NOT_FOUND
	}
	e := &Error{Code: code, Message: attempt + ": " + cause(err), Err: err}
	e.With("context", attempt)
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		e.With("errno", strconv.Itoa(int(errno)))
	}
	return e
}

// TooLarge says that the reply to op, a result's field name, cannot be carried
// (envelope.oversize-reply). encoded and limit are bytes; encoded may be a lower
// bound, since the rest need not be made just to be counted.
func TooLarge(op string, encoded, limit int64) *Error {
	return New(agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE,
		"the reply to %s takes at least %d bytes and the broker carries %d", op, encoded, limit).
		With("op", op).
		With("encoded_bytes", strconv.FormatInt(encoded, 10)).
		With("max_payload", strconv.FormatInt(limit, 10))
}

// cause is the innermost text of a path error: the path is in attempt already.
func cause(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}

// ToProto translates any error. One that is not an *Error is the agent's own
// failure and becomes OS.
func ToProto(err error) *agentv1.AgentError {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Code: agentv1.ErrorCode_ERROR_CODE_OS, Message: err.Error()}
	}
	out := &agentv1.AgentError{
		Code:      e.Code,
		Message:   validUTF8(e.Message),
		Retryable: e.Retryable,
		Detail:    maps.Clone(e.Detail),
	}
	for k, v := range out.Detail {
		out.Detail[k] = validUTF8(v)
	}
	return out
}

// validUTF8 gives U+FFFD for each bad byte, as the whole protocol does
// (envelope.string-utf8); strings.ToValidUTF8 gives one for a run of them.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

func retryable(code agentv1.ErrorCode) bool {
	switch code {
	case agentv1.ErrorCode_ERROR_CODE_FENCED,
		agentv1.ErrorCode_ERROR_CODE_TIMEOUT,
		agentv1.ErrorCode_ERROR_CODE_DRAINING:
		return true
	default:
		return false
	}
}

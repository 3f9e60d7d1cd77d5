package stream

import (
	"fmt"
	"log/slog"
)

// Secret is a token or a signing key. It prints as a placeholder under every
// fmt verb, in slog, JSON and text, so that a configuration can be logged
// whole (relay.token.silence). Convert it to a string to use it.
type Secret string

const redacted = "[redacted]"

// Format implements fmt.Formatter.
func (s Secret) Format(f fmt.State, _ rune) {
	if s != "" {
		fmt.Fprint(f, redacted)
	}
}

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// MarshalText implements encoding.TextMarshaler, and with it JSON's.
func (s Secret) MarshalText() ([]byte, error) { return fmt.Append(nil, s), nil }

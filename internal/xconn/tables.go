package xconn

import (
	"fmt"
	"io"
	"log"
	"sync"

	"github.com/jezek/xgb"
)

// xgb finds the decoder of an event or error by its number, in maps of the
// whole process that the Init function of every extension writes, while the
// connections that are open read them. The numbers are each server's own
// choice besides. So no Init is ever called: before the first connection,
// every number that extensions may get is given a decoder that keeps the
// bytes, and a connection knows its own server's numbers (Conn.Extension).
var fillTables = sync.OnceFunc(func() {
	for n := firstExtensionEvent; n < 128; n++ {
		xgb.NewEventFuncs[n] = func(b []byte) xgb.Event { return RawEvent(b) }
	}
	for n := firstExtensionError; n < 256; n++ {
		xgb.NewErrorFuncs[n] = func(b []byte) xgb.Error { return RawError(b) }
	}
	// What xgb logs comes back as an error too, except that a display needs
	// no cookie, which is no news.
	xgb.Logger = log.New(io.Discard, "", 0)
})

const (
	firstExtensionEvent = 64
	firstExtensionError = 128
)

// RawEvent is an extension's event, undecoded: 32 bytes.
type RawEvent []byte

// Number is the event's number, to compare with Extension.FirstEvent.
func (e RawEvent) Number() byte { return e[0] &^ 0x80 }

// Bytes is part of xgb.Event.
func (e RawEvent) Bytes() []byte { return e }

func (e RawEvent) String() string { return fmt.Sprintf("event %d of an extension", e.Number()) }

// RawError is an extension's error, undecoded: 32 bytes.
type RawError []byte

// SequenceId is part of xgb.Error.
func (e RawError) SequenceId() uint16 { return xgb.Get16(e[2:]) }

// BadId is part of xgb.Error.
func (e RawError) BadId() uint32 { return xgb.Get32(e[4:]) }

func (e RawError) Error() string {
	return fmt.Sprintf("X error %d of request %d.%d", e[1], e[10], xgb.Get16(e[8:]))
}

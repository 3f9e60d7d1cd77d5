// Package backend is the seam between the desktop operations and the ways to a
// screen.
package backend

import (
	"context"

	"agentproof/agent/desktop/internal/keys"
	"agentproof/agent/desktop/screenpng"
)

// A Backend is one way to the machine's screen, its pointer and its keyboard.
//
// Methods are safe for concurrent use, except that Inject must not be called
// by two at once, and neither may Capture. They come back to a display that
// was gone by themselves. Where there is none they fail with an *Unavailable.
type Backend interface {
	// Probe tells the display.
	Probe(ctx context.Context) (Display, error)
	// Capture lets use see the whole screen; the pixels are valid until use
	// returns, whose error it hands on.
	Capture(ctx context.Context, use func(screenpng.Image) error) error
	// Changed tells whether the screen may have changed since it was asked
	// before; it costs next to nothing.
	Changed(ctx context.Context) (bool, error)
	// Inject acts on the screen, and returns when the display has taken it.
	Inject(ctx context.Context, in Input) error
	// Close lets go of every key and button that is held, and of the display.
	// No other method may be called afterwards.
	Close() error
}

// A Display is a screen.
type Display struct {
	ID            string
	Width, Height int // pixels
	// Virtual is true for a screen that nobody can look at.
	Virtual bool
}

// Unavailable says that there is no display, and what to do about it.
type Unavailable struct {
	Reason string
	Err    error // the cause, if there is one
}

func (e *Unavailable) Error() string { return e.Reason }

func (e *Unavailable) Unwrap() error { return e.Err }

// An Input is a Pointer, a Scroll, a Key or a Text.
type Input interface{ input() }

// Action is what to do with a button or a key.
type Action uint8

// The actions. Keys have only those from Press to Up.
const (
	Move Action = iota // only
	DoublePress
	Press // and release
	Down
	Up
)

// Button is a mouse button.
type Button uint8

// The mouse buttons.
const (
	Left Button = iota
	Middle
	Right
)

// Pointer moves to a point in pixels, the nearest one on the screen, and then
// acts.
type Pointer struct {
	X, Y   int
	Action Action
	Button Button
}

// Scroll moves to a point and turns the wheels, one step a unit: DX to the
// right and DY down.
type Scroll struct{ X, Y, DX, DY int }

// Key acts with a key while holding others.
type Key struct {
	Chord  keys.Chord
	Action Action
}

// Text is typed exactly, "\n" with Enter and "\t" with Tab. It holds no other
// control characters.
type Text string

func (Pointer) input() {}
func (Scroll) input()  {}
func (Key) input()     {}
func (Text) input()    {}

// MaxScroll is how many steps one Scroll makes on an axis at most.
const MaxScroll = 32

// Clamp gives the point on a screen that is nearest to (x, y).
func Clamp(x, y, width, height int) (int, int) {
	return max(0, min(x, width-1)), max(0, min(y, height-1))
}

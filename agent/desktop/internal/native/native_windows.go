//go:build cgo

package native

import "context"

const (
	// wheelStep is the library's unit, a notch of the wheel.
	wheelStep = 1
	// The library turns the wrong wheel on Windows.
	scrollsSideways = false
)

// guard has nothing to watch over: a session on Windows always has a screen.
type guard struct{ virtual bool }

func newGuard([]string) guard { return guard{} }

func (guard) id() string { return "desktop" }

func (guard) check(context.Context) error { return nil }

//go:build cgo

package native

/*
#cgo LDFLAGS: -framework ApplicationServices -framework CoreGraphics
#include <ApplicationServices/ApplicationServices.h>
#include <stdbool.h>

static bool mayCapture(void) { return CGPreflightScreenCaptureAccess(); }
static bool mayInject(void) { return AXIsProcessTrusted(); }
*/
import "C"

import (
	"context"

	"agentproof/agent/desktop/internal/backend"
)

const (
	// wheelStep is about a line, in the pixels that the library counts.
	wheelStep       = 10
	scrollsSideways = true
)

// guard asks for the permissions without which macOS shows an empty desktop
// and drops events, both in silence.
type guard struct{ virtual bool }

func newGuard([]string) guard { return guard{} }

func (guard) id() string { return "desktop" }

func (guard) check(context.Context) error {
	const where = " for the program that starts the agent, in System Settings, Privacy & Security"
	if !bool(C.mayCapture()) {
		return &backend.Unavailable{Reason: "macOS does not let the agent see the screen: allow Screen Recording" + where}
	}
	if !bool(C.mayInject()) {
		return &backend.Unavailable{Reason: "macOS does not let the agent use mouse and keyboard: allow Accessibility" + where}
	}
	return nil
}

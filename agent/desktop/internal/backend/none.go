package backend

import (
	"context"

	"agentproof/agent/desktop/screenpng"
)

// None returns a backend that never has a display, for the given reason.
func None(reason string) Backend { return none{&Unavailable{Reason: reason}} }

type none struct{ err error }

func (n none) Probe(context.Context) (Display, error)                     { return Display{}, n.err }
func (n none) Capture(context.Context, func(screenpng.Image) error) error { return n.err }
func (n none) Changed(context.Context) (bool, error)                      { return false, n.err }
func (n none) Inject(context.Context, Input) error                        { return n.err }
func (none) Close() error                                                 { return nil }

//go:build !linux

package steadyport

import (
	"net/netip"
	"syscall"
)

// Hold does nothing here: only on Linux may a listener bind a port that is
// held.
func Hold(netip.AddrPort) (release func(), err error) { return func() {}, nil }

func exclusive(string, string, syscall.RawConn) error { return nil }

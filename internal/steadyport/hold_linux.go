package steadyport

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Hold keeps Pick from giving away the port of a loopback IPv4 address at which
// nobody listens, and returns what lets go of it. Connections to it are
// refused, and a listener of package net, which reuses addresses, may bind it.
func Hold(addr netip.AddrPort) (release func(), err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("hold port %d: %w", addr.Port(), err)
	}
	// Bound and not listening: that is what keeps the port and refuses at once.
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	for end := time.Now().Add(reclaimLimit); err == nil; time.Sleep(time.Millisecond) {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})
		if !errors.Is(err, unix.EADDRINUSE) || time.Now().After(end) {
			break
		}
		err = nil // a child that was forked still has the socket that listened there
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("hold port %d: %w", addr.Port(), err)
	}
	return func() { _ = unix.Close(fd) }, nil
}

// exclusive makes a bind fail for a port that is held.
func exclusive(_, _ string, c syscall.RawConn) (err error) {
	ctlErr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 0)
	})
	if err == nil {
		err = ctlErr
	}
	return err
}

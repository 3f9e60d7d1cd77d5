// Package steadyport picks ports for servers that are stopped and started
// again. Nobody else may get such a port meanwhile, neither as a listener that
// asks for a free one nor as the near end of a connection: systems give both
// from their ephemeral range, which begins at 32768 or above.
package steadyport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
	"time"
)

const first, count, tries = 12000, 20000, 50

// Listen listens at a port that Pick would return, and picks again where
// somebody else took it meanwhile.
func Listen() (net.Listener, error) {
	for {
		port, err := Pick()
		if err != nil {
			return nil, err
		}
		ln, err := net.Listen("tcp", loopback(port))
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) {
			return ln, err
		}
	}
}

// Pick returns a port that nobody listens at or holds on loopback.
func Pick() (int, error) {
	probe := net.ListenConfig{Control: exclusive}
	var err error
	for range tries {
		port := first + rand.IntN(count)
		var ln net.Listener
		ln, err = probe.Listen(context.Background(), "tcp", loopback(port))
		if err == nil {
			return port, ln.Close()
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return 0, fmt.Errorf("pick a port: %w", err)
}

// reclaimLimit is far above the time between a fork and its exec.
const reclaimLimit = 5 * time.Second

// Reclaim listens at an address where the caller listened before. A child that
// was forked meanwhile holds what its parent closed until it executes its
// program, so the address may be taken for a moment.
func Reclaim(addr string) (net.Listener, error) {
	for end := time.Now().Add(reclaimLimit); ; time.Sleep(5 * time.Millisecond) {
		ln, err := net.Listen("tcp", addr)
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(end) {
			return ln, err
		}
	}
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

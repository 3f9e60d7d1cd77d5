//go:build unix

package helper

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxSignal is the highest number of a signal, real-time ones included.
const maxSignal = 64

func dieOfSignal(c *call) error {
	args, err := c.operands(1)
	if err != nil {
		return err
	}
	sig, err := parseSignal(args[0])
	if err != nil {
		return err
	}
	// Some signals would leave a core file in the case's directory.
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	if err := raise(sig); err != nil {
		return fmt.Errorf("raise %s: %w", signalName(sig), err)
	}
	return fmt.Errorf("%s does not end a process", signalName(sig))
}

// parseSignal accepts TERM, SIGTERM and 15 alike.
func parseSignal(s string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil {
		if n < 1 || n > maxSignal {
			return 0, usagef("signal %d is outside 1..%d", n, maxSignal)
		}
		return syscall.Signal(n), nil
	}
	if sig := unix.SignalNum("SIG" + strings.TrimPrefix(s, "SIG")); sig != 0 {
		return sig, nil
	}
	return 0, usagef("no signal is called %q", s)
}

func signalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return "SIG" + strconv.Itoa(int(sig))
}

//go:build unix

package process

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// onTerminal makes a command the leader of a session whose controlling
// terminal is its standard input.
func onTerminal() (*syscall.SysProcAttr, error) {
	return &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}, nil
}

// hangUp tells the group of a leader that is not reaped that its terminal is
// gone, and wakes it if it was stopped.
func hangUp(leader int) {
	_ = unix.Kill(-leader, unix.SIGHUP)
	_ = unix.Kill(-leader, unix.SIGCONT)
}

// signalStatus is the status of a command that a signal ended.
func signalStatus(state *os.ProcessState) int {
	if state != nil {
		if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return 128 + int(ws.Signal())
		}
	}
	return 1
}

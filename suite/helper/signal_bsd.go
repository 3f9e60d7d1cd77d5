//go:build unix && !linux

package helper

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// raise becomes a shell that sends sig to itself: a new program starts with
// default actions, which Go code cannot restore here without cgo.
func raise(sig syscall.Signal) error {
	// An ignored signal stays ignored in the new program, a caught one does not.
	signal.Notify(make(chan os.Signal, 1), sig)
	kill := "kill -" + strconv.Itoa(int(sig)) + " $$"
	return os.NewSyscallError("execve", syscall.Exec("/bin/sh", []string{"sh", "-c", kill}, os.Environ()))
}

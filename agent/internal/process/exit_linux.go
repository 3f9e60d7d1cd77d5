package process

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// awaitExit waits until p has exited and leaves its status to be collected, so
// that the pid stays the command's own while its tree is dealt with.
//
// A thread waits meanwhile, as os/exec's does: a pidfd in the poller spares
// the thread, but wakes later on a busy machine.
func awaitExit(p *os.Process) *os.ProcessState {
	peek(unix.P_PID, p.Pid, 0)
	return nil
}

// peek tells whether such a child has exited, and waits for that unless flags
// say otherwise. It leaves the status where it is.
func peek(idType, id, flags int) bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(idType, id, &info, unix.WEXITED|unix.WNOWAIT|flags, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && info.Signo != 0
		}
	}
}

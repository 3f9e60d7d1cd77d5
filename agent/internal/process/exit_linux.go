package process

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// awaitExit waits until p has exited and leaves its status to be collected,
// so that its pid stays its own while its tree is dealt with.
//
// It waits on a pidfd through the runtime's poller, like a read of a pipe: a
// blocking wait would keep a thread for each running command.
func awaitExit(p *os.Process) *os.ProcessState {
	if !pollExit(p.Pid) {
		peek(unix.P_PID, p.Pid, 0)
	}
	return nil
}

// pollExit reports false where this kernel cannot be asked that way.
func pollExit(pid int) bool {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	defer f.Close()
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	exited := false
	err = conn.Read(func(uintptr) bool {
		exited = peek(unix.P_PID, pid, unix.WNOHANG)
		return exited
	})
	return err == nil && exited
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

package process

import (
	"errors"

	"golang.org/x/sys/unix"
)

// killGroup kills the group of a leader that is not reaped: until then no
// other group can have its number.
func killGroup(leader int) { _ = unix.Kill(-leader, unix.SIGKILL) }

// killProcess kills p and nobody who got its pid after it. Holding a pidfd
// while the start time is compared leaves no gap for that.
func killProcess(p proc) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return
	}
	now, statErr := readProcess(p.pid)
	same := statErr == nil && now.started == p.started
	switch {
	case err != nil && same: // no pidfd to be had: nearly as good
		_ = unix.Kill(p.pid, unix.SIGKILL)
	case err == nil:
		if same {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
		_ = unix.Close(fd)
	}
}

// collect takes the status of an adopted child that is dead.
func collect(pid int) { _, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) }

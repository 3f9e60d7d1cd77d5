package x11

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// sharingSupported tells that this system has System V shared memory.
const sharingSupported = true

// allocate makes a segment of shared memory that only this user may attach.
func allocate(size int) (id uint32, memory []byte, err error) {
	n, err := unix.SysvShmGet(unix.IPC_PRIVATE, size, unix.IPC_CREAT|0o600)
	if err != nil {
		return 0, nil, fmt.Errorf("make a shared memory segment: %w", err)
	}
	memory, err = unix.SysvShmAttach(n, 0, 0)
	if err != nil {
		remove(uint32(n))
		return 0, nil, fmt.Errorf("attach a shared memory segment: %w", err)
	}
	return uint32(n), memory, nil
}

// remove lets the segment go with its last user, also if both crash.
func remove(id uint32) {
	_, _ = unix.SysvShmCtl(int(id), unix.IPC_RMID, nil) // fails only for strangers
}

func detach(memory []byte) {
	_ = unix.SysvShmDetach(memory) // fails only for what is no segment
}

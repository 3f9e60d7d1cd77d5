//go:build unix

package process

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// readSome waits until pipe i has something and accounts for it within the
// same lock, so that no byte is ever read and not yet accounted for when the
// output is sealed. 0 is the end of the pipe.
func (o *output) readSome(i int, buf []byte) (n int, err error) {
	conn, err := o.pipes[i].file.SyscallConn()
	if err != nil {
		return 0, err
	}
	readErr := conn.Read(func(fd uintptr) (done bool) {
		o.mu.Lock()
		defer o.mu.Unlock()
		n, err = readNow(int(fd), buf)
		if n > 0 {
			o.keep(i, buf[:n])
		}
		return !errors.Is(err, syscall.EAGAIN)
	})
	return max(n, 0), errors.Join(readErr, err)
}

// drain accounts for what pipe i holds right now and tells whether it has
// ended. It needs o.mu.
func (o *output) drain(i int) (ended bool) {
	// What the largest pipe holds: a process that goes on writing must not
	// keep the caller here.
	const capacity = 1 << 20
	err := o.pipes[i].use(func(fd int) {
		var buf [4 << 10]byte
		for taken := 0; taken < capacity; {
			n, err := readNow(fd, buf[:])
			if n <= 0 || err != nil {
				ended = n == 0 && err == nil
				return
			}
			o.keep(i, buf[:n])
			taken += n
		}
	})
	return ended || err != nil
}

// readNow reads without waiting; EAGAIN says that there is nothing.
func readNow(fd int, buf []byte) (int, error) {
	for {
		n, err := unix.Read(fd, buf)
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

//go:build linux || darwin

package files

import (
	"os"

	"golang.org/x/sys/unix"
)

// readAwaitingWriter reads from a FIFO and takes "no writer" for "none yet": it
// returns when bytes came, on an error, or at the file's read deadline.
func readAwaitingWriter(file *os.File, buf []byte) (n int, err error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return 0, err
	}
	var rerr error
	err = conn.Read(func(fd uintptr) bool {
		rerr = retry(func() (err error) {
			n, err = unix.Read(int(fd), buf)
			return err
		})
		return n > 0 || rerr != nil && rerr != unix.EAGAIN
	})
	if err == nil {
		err = rerr
	}
	return max(n, 0), err
}

package files

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocate gives the first n bytes of file blocks of their own where it has
// holes, so that overwriting them cannot run out of space. Not every file
// system can; then it is no error.
func allocate(file *os.File, n int64) error {
	if n == 0 {
		return nil
	}
	err := control(file, func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 0, n)
	})
	if err == unix.ENOSPC || err == unix.EDQUOT {
		return err
	}
	return nil
}

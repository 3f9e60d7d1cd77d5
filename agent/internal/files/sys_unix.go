//go:build linux || darwin

package files

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// openQuietly keeps an open from waiting for the other end of a FIFO and
	// from making a terminal the agent's own.
	openQuietly = unix.O_NONBLOCK | unix.O_NOCTTY
	// openDirectory refuses what is no directory before it is opened.
	openDirectory = unix.O_DIRECTORY
	// openNoFollow refuses a symlink as the last component.
	openNoFollow = unix.O_NOFOLLOW
)

// modeBits returns st_mode, the file type included (fs.entry.mode-bits).
func modeBits(info fs.FileInfo) uint32 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint32(st.Mode)
	}
	return uint32(info.Mode().Perm())
}

// rename is rename(2). os.Rename would refuse every directory as destination,
// while the OS lets a directory replace an empty one.
func rename(from, to string) error {
	return retry(func() error { return unix.Rename(from, to) })
}

// mayRemoveFrom tells whether entries of dir can be removed, as far as the OS
// says beforehand.
func mayRemoveFrom(dir string) error {
	return retry(func() error {
		return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	})
}

// hasAttributes tells whether the open file carries extended attributes: an
// ACL, capabilities, a security label, or anything of the user's.
func hasAttributes(file *os.File) bool {
	var n int
	err := control(file, func(fd int) (err error) {
		n, err = unix.Flistxattr(fd, nil)
		return err
	})
	// A file system without attributes says ENOTSUP; any other error is no
	// proof of their absence.
	return err == nil && n > 0 || err != nil && err != unix.ENOTSUP
}

// control calls fn with the descriptor of file, without the change to blocking
// mode that File.Fd brings.
func control(file *os.File, fn func(fd int) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := conn.Control(func(fd uintptr) {
		ferr = retry(func() error { return fn(int(fd)) })
	}); err != nil {
		return err
	}
	return ferr
}

// retry repeats a call that a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

//go:build linux || darwin

package files

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// fileID is a file's identity on the host.
type fileID struct{ device, inode uint64 }

// identify tells whether a file may have further links, and which file it is.
func identify(info fs.FileInfo) (id fileID, shared bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.IsDir() || st.Nlink < 2 {
		return fileID{}, false
	}
	return fileID{device: uint64(st.Dev), inode: st.Ino}, true
}

// copySpecial makes a FIFO, a socket or a device node like the one described.
func copySpecial(info fs.FileInfo, to string) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errKind(info)
	}
	if info.Mode().Type() == fs.ModeNamedPipe {
		return unix.Mkfifo(to, 0o600)
	}
	return unix.Mknod(to, uint32(st.Mode), int(st.Rdev))
}

// copyAttributes gives to the owner, extended attributes, mode and times of
// from. What needs rights that the agent lacks stays behind, but set-id bits
// never come to another owner.
func copyAttributes(from, to string, info fs.FileInfo) error {
	mode := info.Mode()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Lchown(to, int(st.Uid), int(st.Gid)); err != nil {
			mode &^= fs.ModeSetuid | fs.ModeSetgid
		}
	}
	copyExtended(from, to)
	if mode.Type() == fs.ModeSymlink {
		// Links have no mode on Linux, and file systems may have no times for them.
		modified, err := unix.TimeToTimespec(info.ModTime())
		if err == nil {
			times := []unix.Timespec{modified, modified}
			err = unix.UtimesNanoAt(unix.AT_FDCWD, to, times, unix.AT_SYMLINK_NOFOLLOW)
		}
		if errors.Is(err, errors.ErrUnsupported) {
			return nil
		}
		return err
	}
	if err := os.Chmod(to, mode); err != nil {
		return err
	}
	return os.Chtimes(to, time.Time{}, info.ModTime())
}

// copyExtended copies the extended attributes that can be.
func copyExtended(from, to string) {
	names, err := sized(func(buf []byte) (int, error) { return unix.Llistxattr(from, buf) })
	if err != nil {
		return
	}
	for name := range bytes.SplitSeq(names, []byte{0}) {
		if len(name) == 0 {
			continue
		}
		value, err := sized(func(buf []byte) (int, error) { return unix.Lgetxattr(from, string(name), buf) })
		if err == nil {
			_ = unix.Lsetxattr(to, string(name), value, 0)
		}
	}
}

// sized calls a query that tells the size of its answer when asked with nil.
func sized(query func([]byte) (int, error)) ([]byte, error) {
	n, err := query(nil)
	if err != nil || n == 0 {
		return nil, err
	}
	buf := make([]byte, n)
	n, err = query(buf)
	return buf[:max(n, 0)], err
}

//go:build linux || darwin

package files

import (
	"io/fs"
	"os"
	"syscall"
)

// replace puts a new file in the place of the existing one, so that readers and
// a crash see the old or the new content whole. It does so only where nobody
// can tell the new file from the old: one link, no extended attributes, same
// owner and mode. It returns false, with the old file untouched, where that
// cannot be had; then the caller writes in place.
func (w *writer) replace(file *os.File, old fs.FileInfo) bool {
	st, ok := old.Sys().(*syscall.Stat_t)
	if !ok || st.Nlink != 1 || hasAttributes(file) {
		return false
	}
	target, err := followLinks(w.path)
	if err != nil {
		return false
	}
	// Names such as /proc/self/fd/3 are links whose text leads elsewhere.
	if named, err := os.Lstat(target); err != nil || !os.SameFile(named, old) {
		return false
	}
	temp, err := os.CreateTemp(parent(target), tempPattern)
	if err != nil {
		return false
	}
	if !w.imitate(temp, old, st) || os.Rename(temp.Name(), target) != nil {
		_ = os.Remove(temp.Name()) // the caller's own error counts more
		return false
	}
	return true
}

// imitate gives temp the content and old's owner and mode, and closes it. The
// last look is needed because a directory can force a group or an ACL on it.
// The close is checked because network file systems tell of a full disk there;
// a sync would guard against power cuts only, at the price of a disk's latency.
func (w *writer) imitate(temp *os.File, old fs.FileInfo, st *syscall.Stat_t) bool {
	ok := func() bool {
		if _, err := temp.Write(w.content); err != nil {
			return false
		}
		// Without the right to give files away this fails, and the look tells.
		_ = temp.Chown(int(st.Uid), int(st.Gid))
		if err := temp.Chmod(old.Mode()); err != nil {
			return false
		}
		info, err := temp.Stat()
		if err != nil || hasAttributes(temp) {
			return false
		}
		made, ok := info.Sys().(*syscall.Stat_t)
		return ok && made.Uid == st.Uid && made.Gid == st.Gid && made.Mode == st.Mode
	}()
	return temp.Close() == nil && ok
}

package files

import "golang.org/x/sys/unix"

// renameNoReplace renames in one step that fails where the destination exists.
func renameNoReplace(from, to string) error {
	err := retry(func() error {
		return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	})
	switch err {
	case unix.EINVAL, unix.ENOSYS, unix.ENOTSUP: // the file system or the kernel lacks it
		return checkedRename(from, to)
	default:
		return err
	}
}

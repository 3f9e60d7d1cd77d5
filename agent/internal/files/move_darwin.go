package files

import "golang.org/x/sys/unix"

// renameNoReplace renames in one step that fails where the destination exists.
func renameNoReplace(from, to string) error {
	err := retry(func() error { return unix.RenamexNp(from, to, unix.RENAME_EXCL) })
	switch err {
	case unix.EINVAL, unix.ENOTSUP: // the file system lacks it
		return checkedRename(from, to)
	default:
		return err
	}
}

//go:build !linux && !darwin

package files

import (
	"io/fs"
	"os"
)

// These systems have no FIFOs in their file tree, and open a symlink or a
// directory without harm.
const (
	openQuietly   = 0
	openDirectory = 0
	openNoFollow  = 0
)

// modeBits renders the mode the way POSIX numbers it.
func modeBits(info fs.FileInfo) uint32 {
	bits := uint32(info.Mode().Perm())
	switch info.Mode().Type() {
	case 0:
		bits |= 0o100000
	case fs.ModeDir:
		bits |= 0o040000
	case fs.ModeSymlink:
		bits |= 0o120000
	}
	return bits
}

func rename(from, to string) error { return os.Rename(from, to) }

func mayRemoveFrom(string) error { return nil }

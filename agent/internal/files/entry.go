package files

import (
	"io/fs"
	"path/filepath"

	"agentproof/agent/internal/workspace"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// entryOf describes what lstat told about a file.
func entryOf(name, path string, info fs.FileInfo) *agentv1.FsEntry {
	return &agentv1.FsEntry{
		Name:       workspace.Text(name),
		Path:       workspace.Text(path),
		Kind:       kindOf(info.Mode()),
		Size:       uint64(max(info.Size(), 0)),
		ModifiedMs: info.ModTime().UnixMilli(),
		Mode:       modeBits(info),
	}
}

// bareEntry describes a file of which only name and type are known.
func bareEntry(name, path string, mode fs.FileMode) *agentv1.FsEntry {
	return &agentv1.FsEntry{Name: workspace.Text(name), Path: workspace.Text(path), Kind: kindOf(mode)}
}

// kindOf keeps fs.entry.kind-by-lstat: what is neither symlink nor directory,
// devices and sockets included, is a file.
func kindOf(mode fs.FileMode) agentv1.FsEntryKind {
	switch mode.Type() {
	case fs.ModeSymlink:
		return agentv1.FsEntryKind_FS_ENTRY_KIND_SYMLINK
	case fs.ModeDir:
		return agentv1.FsEntryKind_FS_ENTRY_KIND_DIRECTORY
	default:
		return agentv1.FsEntryKind_FS_ENTRY_KIND_FILE
	}
}

// nameOf returns the last component of a resolved path (fs.entry.name); "." adds
// none. Where the last step is "..", only the OS knows where it ends, since it
// may follow a symlink.
func nameOf(path string) string {
	path = trimSlashes(path)
	for filepath.Base(path) == "." {
		path = trimSlashes(path[:len(path)-1])
	}
	if filepath.Base(path) == ".." {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
	}
	return filepath.Base(path)
}

// permissions translates the wire's POSIX bits to Go's mode, which keeps the
// set-id and sticky bits elsewhere.
func permissions(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits) & fs.ModePerm
	for _, b := range specialBits {
		if bits&b.posix != 0 {
			mode |= b.mode
		}
	}
	return mode
}

var specialBits = [...]struct {
	posix uint32
	mode  fs.FileMode
}{
	{0o4000, fs.ModeSetuid},
	{0o2000, fs.ModeSetgid},
	{0o1000, fs.ModeSticky},
}

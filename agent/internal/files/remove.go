package files

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Remove removes a file, a symlink itself, or a directory, with recursive one
// that has contents (fs.remove.*). It follows no symlink. The workspace root,
// under whatever spelling, and directories that hold it are refused with OS
// (fs.remove.root).
func (f *FS) Remove(ctx context.Context, req *agentv1.FsRemoveRequest) (*agentv1.FsRemoveResponse, error) {
	path, err := f.root.Resolve(req.GetPath())
	if err != nil {
		return nil, err
	}
	attempt := "remove " + path
	info, err := lstatEntry(path)
	if err != nil {
		return nil, operr.System(attempt, err)
	}
	if err := f.spareRoot(attempt, info); err != nil {
		return nil, err
	}
	if req.GetRecursive() && info.IsDir() {
		err = removeTree(ctx, path, info)
	} else {
		err = os.Remove(path)
	}
	if err != nil {
		return nil, failure(ctx, attempt, err)
	}
	return &agentv1.FsRemoveResponse{}, nil
}

// lstatEntry is os.Lstat for what is to be taken out of its directory. Like
// unlink, rmdir and rename it refuses a last "." or ".." (EINVAL) and a symlink
// with a slash behind it (ENOTDIR): working through the directory that such a
// path leads to would succeed up to the last step.
func lstatEntry(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	bare := trimSlashes(path)
	if base := filepath.Base(bare); base == "." || base == ".." {
		return nil, &fs.PathError{Op: "lstat", Path: path, Err: syscall.EINVAL}
	}
	if bare != path {
		entry, err := os.Lstat(bare)
		if err != nil {
			return nil, err
		}
		if entry.Mode().Type() == fs.ModeSymlink {
			return nil, &fs.PathError{Op: "lstat", Path: path, Err: syscall.ENOTDIR}
		}
	}
	return info, nil
}

// spareRoot refuses to take the workspace root away: the file that info
// describes must be neither the root, nor a symlink that the root is named by,
// nor a directory above it. Files are compared, not spellings.
func (f *FS) spareRoot(attempt string, info fs.FileInfo) error {
	named, err := os.Lstat(f.root.Dir())
	if err == nil && os.SameFile(named, info) || info.IsDir() && liesWithin(f.root.Dir(), info) {
		return operr.New(agentv1.ErrorCode_ERROR_CODE_OS, "%s: the workspace root is there", attempt).
			With("context", attempt)
	}
	return nil
}

// liesWithin tells whether dir is the directory outer or lies below it. It
// climbs with "..", so symlinks in dir's spelling do not matter.
func liesWithin(dir string, outer fs.FileInfo) bool {
	here, err := os.Stat(dir)
	for err == nil && !os.SameFile(here, outer) {
		dir = join(dir, "..")
		above, aerr := os.Stat(dir)
		if aerr != nil || os.SameFile(here, above) {
			return false
		}
		here = above
	}
	return err == nil
}

// removeTree removes the directory at path, which info describes, with all that
// is in it. It works on descriptors: a directory that somebody replaces by a
// symlink meanwhile does not lead the removal elsewhere.
func removeTree(ctx context.Context, path string, info fs.FileInfo) error {
	dir, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if opened, err := dir.Stat("."); err != nil {
		return err
	} else if !os.SameFile(opened, info) {
		return &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	if err := removeContents(ctx, dir); err != nil {
		return err
	}
	return ignoreMissing(os.Remove(path))
}

// removeContents stops at the first child that cannot be removed.
func removeContents(ctx context.Context, dir *os.Root) error {
	for {
		names, err := someNames(dir)
		if err != nil || len(names) == 0 {
			return err
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := removeChild(ctx, dir, name); err != nil {
				return err
			}
		}
	}
}

// someNames opens the directory anew each time: what a directory stream returns
// after removals is left open by POSIX.
func someNames(dir *os.Root) ([]string, error) {
	d, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(listBatch)
	if err == io.EOF {
		err = nil
	}
	return names, err
}

func removeChild(ctx context.Context, dir *os.Root, name string) error {
	err := ignoreMissing(dir.Remove(name))
	if err == nil {
		return nil
	}
	if info, serr := dir.Lstat(name); serr != nil || !info.IsDir() {
		return err
	}
	sub, err := dir.OpenRoot(name)
	if err != nil {
		return err
	}
	err = removeContents(ctx, sub)
	sub.Close()
	if err != nil {
		return err
	}
	return ignoreMissing(dir.Remove(name))
}

// ignoreMissing takes it for success that somebody else removed the file first.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

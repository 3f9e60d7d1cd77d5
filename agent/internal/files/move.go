package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Move renames a file, a symlink itself or a directory (fs.move.*). Without
// overwrite an existing destination, a dangling symlink included, is OS; the
// check and the rename are one step where the file system has one. Between
// devices it copies and then removes the source (fs.move.across-devices); when
// that fails the source is whole, or the destination is, or both. The workspace
// root can be neither end.
func (f *FS) Move(ctx context.Context, req *agentv1.FsMoveRequest) (*agentv1.FsMoveResponse, error) {
	from, err := f.root.Resolve(req.GetFrom())
	if err != nil {
		return nil, err
	}
	to, err := f.root.Resolve(req.GetTo())
	if err != nil {
		return nil, err
	}
	attempt := fmt.Sprintf("move %s to %s", from, to)
	for _, path := range []string{from, to} {
		if info, err := os.Lstat(path); err == nil {
			if err := f.spareRoot(attempt, info); err != nil {
				return nil, err
			}
		}
	}
	err = place(from, to, req.GetOverwrite())
	if errors.Is(err, syscall.EXDEV) {
		err = moveAcross(ctx, from, to, req.GetOverwrite())
	}
	if err != nil {
		return nil, failure(ctx, attempt, err)
	}
	return &agentv1.FsMoveResponse{}, nil
}

func place(from, to string, overwrite bool) error {
	if overwrite {
		return rename(from, to)
	}
	return renameNoReplace(from, to)
}

// checkedRename is the rename without replacing for file systems that cannot do
// it in one step.
func checkedRename(from, to string) error {
	if err := mustBeFree(to); err != nil {
		return err
	}
	return rename(from, to)
}

func mustBeFree(path string) error {
	_, err := os.Lstat(path)
	if err == nil {
		return &fs.PathError{Op: "rename", Path: path, Err: syscall.EEXIST}
	}
	return ignoreMissing(err)
}

// moveAcross copies from to the device of to, puts the finished copy in place
// and removes from. What is bound to fail fails before anything is copied.
func moveAcross(ctx context.Context, from, to string, overwrite bool) error {
	info, err := lstatEntry(from)
	if err != nil {
		return err
	}
	if !overwrite {
		if err := mustBeFree(to); err != nil {
			return err
		}
	}
	if info.IsDir() && liesWithin(parent(to), info) {
		return &fs.PathError{Op: "rename", Path: to, Err: syscall.EINVAL}
	}
	if err := mayRemoveFrom(parent(from)); err != nil {
		return err
	}
	stage, err := os.MkdirTemp(parent(to), tempPattern)
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	copied := join(stage, "copy")
	c := copier{linked: make(map[fileID]string)}
	if err := c.copy(ctx, from, copied); err != nil {
		return err
	}
	if err := place(copied, to, overwrite); err != nil {
		return err
	}
	// The destination is complete; to stop now would leave two of it.
	if info.IsDir() {
		return removeTree(context.WithoutCancel(ctx), from, info)
	}
	return ignoreMissing(os.Remove(from))
}

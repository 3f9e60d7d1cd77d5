package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// copyChunk is how much is copied between two looks at the context.
const copyChunk = 16 << 20

// copier copies trees for a move between devices. What a rename would keep it
// keeps as far as the agent has the right to: modes, owners, times, extended
// attributes, and links between the files of the tree. Holes are filled.
type copier struct {
	// linked maps a file with more links to its first copy.
	linked map[fileID]string
}

// copy copies what is at from, a symlink as itself, to the name to, which must
// be free.
func (c *copier) copy(ctx context.Context, from, to string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if id, shared := identify(info); shared {
		if first, ok := c.linked[id]; ok {
			return os.Link(first, to)
		}
		c.linked[id] = to
	}
	switch info.Mode().Type() {
	case 0:
		err = copyFile(ctx, from, to)
	case fs.ModeDir:
		err = c.directory(ctx, from, to)
	case fs.ModeSymlink:
		err = copySymlink(from, to)
	default:
		err = copySpecial(info, to)
	}
	if err != nil {
		return err
	}
	// A directory's times change with its contents, so attributes come last.
	return copyAttributes(from, to, info)
}

func copyFile(ctx context.Context, from, to string) (err error) {
	src, err := os.OpenFile(from, os.O_RDONLY|openNoFollow|openQuietly, 0)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	for {
		_, err := io.CopyN(dst, src, copyChunk)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

func (c *copier) directory(ctx context.Context, from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	dir, err := os.OpenFile(from, os.O_RDONLY|openDirectory|openNoFollow, 0)
	if err != nil {
		return err
	}
	names, err := dir.Readdirnames(-1)
	dir.Close()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.copy(ctx, join(from, name), join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

func copySymlink(from, to string) error {
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	return os.Symlink(target, to)
}

// errKind tells that a file is of a kind that cannot be copied.
func errKind(info fs.FileInfo) error {
	return fmt.Errorf("%s is a %v, which cannot be copied to another device", info.Name(), info.Mode().Type())
}

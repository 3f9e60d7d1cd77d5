package helper

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Place is the answer of the other-device command.
type Place struct {
	Path string `json:"path"` // absolute, or empty if every place is on one device
}

func symlink(c *call) error {
	args, err := c.operands(2)
	if err != nil {
		return err
	}
	return os.Symlink(args[0], args[1])
}

func hardlink(c *call) error {
	args, err := c.operands(2)
	if err != nil {
		return err
	}
	return os.Link(args[0], args[1])
}

func sparse(c *call) (err error) {
	fs := c.flags()
	marker := fs.String("marker", "", "")
	at := fs.Int64("at", 0, "")
	args, err := c.parse(fs, 2, 2)
	if err != nil {
		return err
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return usageError{err}
	}
	if *at < 0 || *at+int64(len(*marker)) > size {
		return usagef("the marker does not fit into %d bytes", size)
	}
	f, err := os.Create(args[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(size); err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(*marker), *at)
	return err
}

// chmod bypasses os.Chmod, whose mode bits are not the system's.
func chmod(c *call) error {
	args, err := c.operands(2)
	if err != nil {
		return err
	}
	mode, err := strconv.ParseUint(args[0], 8, 12)
	if err != nil {
		return usageError{err}
	}
	if err := syscall.Chmod(args[1], uint32(mode)); err != nil {
		return fmt.Errorf("chmod %s %s: %w", args[0], args[1], err)
	}
	return nil
}

func mtime(c *call) error {
	args, err := c.operands(2)
	if err != nil {
		return err
	}
	ns, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return usageError{err}
	}
	return os.Chtimes(args[1], time.Time{}, time.Unix(0, ns))
}

func remove(c *call) error {
	paths, err := c.parse(c.flags(), 1, -1)
	if err != nil {
		return err
	}
	for _, path := range paths {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

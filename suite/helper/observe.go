package helper

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// FileInfo is the answer of the lstat command. What the operating system does
// not have is zero.
type FileInfo struct {
	Exists  bool   `json:"exists"`
	Type    string `json:"type"` // file, directory, symlink, fifo, socket or device
	Mode    uint32 `json:"mode"` // st_mode, file-type bits included; permission bits alone on Windows
	Size    int64  `json:"size"` // in bytes
	Links   uint64 `json:"links"`
	Inode   uint64 `json:"inode"`
	Device  uint64 `json:"device"`
	UID     uint32 `json:"uid"`
	GID     uint32 `json:"gid"`
	MtimeNS int64  `json:"mtime_ns"` // since 1970
	Target  string `json:"target"`   // of a symlink, as it is written in it
}

// Content is the answer of the slurp command.
type Content struct {
	Digest        // of the whole file
	Head   []byte `json:"head"` // its first bytes, up to the limit
}

func lstat(c *call) error {
	args, err := c.operands(1)
	if err != nil {
		return err
	}
	info, err := os.Lstat(args[0])
	if errors.Is(err, fs.ErrNotExist) {
		return c.emit(FileInfo{})
	}
	if err != nil {
		return err
	}
	f := FileInfo{
		Exists:  true,
		Type:    typeName(info.Mode()),
		Mode:    uint32(info.Mode().Perm()),
		Size:    info.Size(),
		MtimeNS: info.ModTime().UnixNano(),
	}
	f.addSystem(info)
	if info.Mode()&fs.ModeSymlink != 0 {
		if f.Target, err = os.Readlink(args[0]); err != nil {
			return err
		}
	}
	return c.emit(f)
}

func typeName(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "directory"
	case fs.ModeSymlink:
		return "symlink"
	case fs.ModeNamedPipe:
		return "fifo"
	case fs.ModeSocket:
		return "socket"
	}
	return "device"
}

func slurp(c *call) error {
	fs := c.flags()
	limit := fs.Int64("limit", 64<<10, "")
	args, err := c.parse(fs, 1, 1)
	if err != nil {
		return err
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	var head bytes.Buffer
	n, err := io.Copy(sum, io.TeeReader(f, &firstBytes{&head, *limit}))
	if err != nil {
		return fmt.Errorf("read %s: %w", args[0], err)
	}
	return c.emit(Content{Digest: newDigest(n, sum), Head: head.Bytes()})
}

// firstBytes keeps what fits and takes the rest without complaint.
type firstBytes struct {
	buf  *bytes.Buffer
	room int64
}

func (w *firstBytes) Write(p []byte) (int, error) {
	keep := min(int64(len(p)), max(w.room, 0))
	w.buf.Write(p[:keep])
	w.room -= keep
	return len(p), nil
}

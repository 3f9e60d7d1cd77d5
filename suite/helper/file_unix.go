//go:build unix

package helper

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

func mkfifo(c *call) error {
	args, err := c.operands(1)
	if err != nil {
		return err
	}
	if err := unix.Mkfifo(args[0], 0o644); err != nil {
		return fmt.Errorf("mkfifo %s: %w", args[0], err)
	}
	return nil
}

func chown(c *call) error {
	args, err := c.parse(c.flags(), 3, 3)
	if err != nil {
		return err
	}
	var ids [2]int
	for i := range ids {
		if ids[i], err = strconv.Atoi(args[i]); err != nil {
			return usageError{err}
		}
	}
	return os.Lchown(args[2], ids[0], ids[1])
}

func mknames(c *call) error {
	args, err := c.parse(c.flags(), 2, -1)
	if err != nil {
		return err
	}
	dir, hexes := args[0], args[1:]
	names, err := decodeNames(hexes)
	if err != nil {
		return err
	}
	for i, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(hexes[i]), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// decodeNames reads file names in hex; what no directory can hold is refused.
func decodeNames(hexes []string) ([]string, error) {
	names := make([]string, len(hexes))
	for i, h := range hexes {
		raw, err := hex.DecodeString(h)
		if err != nil {
			return nil, usageError{fmt.Errorf("name %q: %w", h, err)}
		}
		for _, b := range raw {
			if b == 0 || b == '/' {
				return nil, usagef("name %s holds a byte that no name can: %#x", h, b)
			}
		}
		if len(raw) == 0 || string(raw) == "." || string(raw) == ".." {
			return nil, usagef("name %q is taken by the system", raw)
		}
		names[i] = string(raw)
	}
	return names, nil
}

// otherDevice makes the directory where renames from DIR fail with EXDEV. The
// caller removes it.
func otherDevice(c *call) error {
	args, err := c.operands(1)
	if err != nil {
		return err
	}
	here, err := device(args[0])
	if err != nil {
		return err
	}
	candidates := []string{"/dev/shm", "/tmp", "/var/tmp", os.Getenv("XDG_RUNTIME_DIR"), os.Getenv("HOME")}
	for _, dir := range candidates {
		if !filepath.IsAbs(dir) {
			continue
		}
		if there, err := device(dir); err != nil || there == here {
			continue
		}
		if made, err := os.MkdirTemp(dir, "agentproof-"); err == nil {
			return c.emit(Place{made})
		}
	}
	return c.emit(Place{})
}

func device(path string) (uint64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.New("no system information")
	}
	return uint64(st.Dev), nil
}

// addSystem fills in what only the raw structure has.
func (f *FileInfo) addSystem(info os.FileInfo) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	f.Mode = uint32(st.Mode)
	f.Links = uint64(st.Nlink)
	f.Inode = st.Ino
	f.Device = uint64(st.Dev)
	f.UID, f.GID = st.Uid, st.Gid
}

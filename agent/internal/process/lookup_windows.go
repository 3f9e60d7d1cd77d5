package process

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// lookPath finds name in this process's own PATH: an extension-aware lookup in
// another environment is not offered by the system.
func lookPath(name, dir string, _ []string) (string, error) {
	if filepath.Base(name) != name && !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		return "", os.ErrNotExist
	}
	return path, err
}

func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return syscall.ENOTDIR
	}
	return err
}

func isTextBusy(error) bool { return false }

func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

//go:build unix

package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// defaultPath is what execvp uses where the environment has no PATH.
const defaultPath = "/bin:/usr/bin"

// lookPath finds name as execvp does in a child with this directory and
// environment (exec.argv): an entry of PATH that is not absolute counts from
// dir, and a file without permission to run is remembered while the search
// goes on. Unlike there, an entry that may not be searched holds nothing: it
// is no sign that the program exists. A name with a slash is returned as it
// is: the kernel resolves it after the change of directory.
func lookPath(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	if name == "" {
		return "", syscall.ENOENT
	}
	path, ok := lookupEnv(env, "PATH")
	if !ok {
		path = defaultPath
	}
	notFound := syscall.ENOENT
	for entry := range strings.SplitSeq(path, ":") {
		if !filepath.IsAbs(entry) {
			entry = dir + "/" + entry
		}
		file := entry + "/" + name // not cleaned: .. is the kernel's to resolve
		switch err := executable(file); {
		case err == nil:
			return file, nil
		case errors.Is(err, fs.ErrPermission):
			notFound = syscall.EACCES
		}
	}
	return "", notFound
}

// executable tells whether this process may run file.
func executable(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return syscall.ENOENT
	}
	if !info.Mode().IsRegular() {
		return syscall.EACCES
	}
	return unix.Faccessat(unix.AT_FDCWD, file, unix.X_OK, unix.AT_EACCESS)
}

// checkDir tells why dir cannot be a working directory, or nil.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return syscall.ENOTDIR
	}
	return unix.Faccessat(unix.AT_FDCWD, dir, unix.X_OK, unix.AT_EACCESS)
}

// lookupEnv returns the last value of name, which is the one that counts.
func lookupEnv(env []string, name string) (value string, ok bool) {
	for _, kv := range env {
		if k, v, found := strings.Cut(kv, "="); found && k == name {
			value, ok = v, true
		}
	}
	return value, ok
}

func isTextBusy(err error) bool { return errors.Is(err, syscall.ETXTBSY) }

// ownSession detaches a command from the terminal and the signals of this
// process, and makes it the leader of a group that can be killed at once.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

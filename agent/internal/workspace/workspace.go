// Package workspace resolves the paths of requests against the agent's
// workspace root (agent.md, Paths). The root is where relative paths start,
// not a jail.
package workspace

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"agentproof/agent/internal/operr"
)

// Root is a workspace root. The zero Root is not usable; Open makes one. A Root
// is immutable and safe for concurrent use.
type Root struct {
	dir string
}

// Open returns the root at dir, which must be a directory. A relative dir is
// taken from the process's working directory now, so that a later change of
// directory does not move the root.
func Open(dir string) (Root, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Root{}, fmt.Errorf("workspace root %q: %w", dir, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return Root{}, fmt.Errorf("workspace root: %w", err)
	}
	if !info.IsDir() {
		return Root{}, fmt.Errorf("workspace root %q: %w", abs, syscall.ENOTDIR)
	}
	return Root{dir: abs}, nil
}

// Dir returns the root's absolute path, as Hello tells it.
func (r Root) Dir() string { return r.dir }

// Resolve returns the host path that a request's path means: "" is the root
// (path.empty), an absolute path is itself (path.absolute), everything else is
// joined onto the root (path.relative).
//
// The join is plain text. Cleaning it would resolve ".." before symlinks and
// lose trailing slashes, which the OS gives a meaning (path.parent,
// path.trailing-slash). A path with a NUL byte is the OS error EINVAL
// (path.nul), found here so that no part of such a path is acted upon.
func (r Root) Resolve(path string) (string, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return "", operr.System(fmt.Sprintf("resolve path %q", path), syscall.EINVAL)
	}
	switch {
	case path == "":
		return r.dir, nil
	case filepath.IsAbs(path):
		return path, nil
	case os.IsPathSeparator(r.dir[len(r.dir)-1]): // only where the root is "/" itself
		return r.dir + path, nil
	default:
		return r.dir + string(filepath.Separator) + path, nil
	}
}

// WorkingDir resolves path for a command to run in. A directory that does not
// exist is NOT_FOUND and its detail "context" holds the path (exec.cwd-missing,
// exec.cwd-missing-named); a path that is no directory is OS.
func (r Root) WorkingDir(path string) (string, error) {
	dir, err := r.Resolve(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return "", operr.System("enter working directory "+dir, err)
	}
	return dir, nil
}

// Text returns name as the valid UTF-8 that the wire demands, with U+FFFD for
// each byte that is not (envelope.string-utf8). strings.ToValidUTF8 would put
// one replacement for a whole run of them.
func Text(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	return string([]rune(name))
}

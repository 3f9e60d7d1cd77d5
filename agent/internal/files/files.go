// Package files is the agent's file operations (agent.md, Filesystem). They act
// on the host's files with the agent's own rights; paths are resolved by
// package workspace.
package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"agentproof/agent/internal/operr"
	"agentproof/agent/internal/workspace"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// FS serves the fs operations of one workspace. It keeps nothing between calls
// and is safe for concurrent use. Its errors are *operr.Error, or wrap the
// context's error when the context ended first.
type FS struct {
	root     workspace.Root
	maxReply func() int64
}

// maxReplyCeiling is the largest message that any NATS server can be configured
// to carry, in bytes.
const maxReplyCeiling = 64 << 20

// tempPattern names what an operation builds before it moves it into place.
const tempPattern = ".agentproof-*"

// New returns the file operations of root. maxReply tells how many bytes an
// encoded reply may have at most; it is asked anew by each read and list, since
// another broker may have another limit. Where it is nil or returns nothing
// positive, 64 MiB are the limit.
func New(root workspace.Root, maxReply func() int64) *FS {
	return &FS{root: root, maxReply: maxReply}
}

func (f *FS) limit() int64 {
	if f.maxReply != nil {
		if n := f.maxReply(); n > 0 {
			return n
		}
	}
	return maxReplyCeiling
}

// failure is the error of an operation that tried attempt. One that has its
// code already keeps it, an ended context is told as such, the rest is the OS's.
func failure(ctx context.Context, attempt string, err error) error {
	if _, ok := errors.AsType[*operr.Error](err); ok {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", attempt, context.Cause(ctx))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return operr.New(agentv1.ErrorCode_ERROR_CODE_OS,
			"%s: not an ordinary file, and the other end did nothing for %v", attempt, specialWait)
	}
	return operr.System(workspace.Text(attempt), err)
}

// parent returns what precedes the last component of path, uncleaned, or the
// root where there is nothing before it.
func parent(path string) string {
	path = trimSlashes(path)
	for i := len(path) - 1; i >= 0; i-- {
		if os.IsPathSeparator(path[i]) {
			return path[:max(i, 1)]
		}
	}
	return "."
}

// trimSlashes returns path without trailing slashes, except for the root.
func trimSlashes(path string) string {
	for len(path) > 1 && os.IsPathSeparator(path[len(path)-1]) {
		path = path[:len(path)-1]
	}
	return path
}

// join returns the path of name in dir. Unlike filepath.Join it leaves dir's
// spelling alone, where ".." may follow a symlink.
func join(dir, name string) string { return dir + string(filepath.Separator) + name }

package files

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Stat describes the file at a path without following a last symlink
// (fs.stat.*). That nothing is there is an answer, not an error; a path that
// leads through a file is an error.
func (f *FS) Stat(_ context.Context, req *agentv1.FsStatRequest) (*agentv1.FsStatResponse, error) {
	path, err := f.root.Resolve(req.GetPath())
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &agentv1.FsStatResponse{}, nil
	case err != nil:
		return nil, operr.System("stat "+path, err)
	}
	// fs.stat.path-verbatim: the entry's path is the request's own spelling.
	return &agentv1.FsStatResponse{Exists: true, Entry: entryOf(nameOf(path), req.GetPath(), info)}, nil
}

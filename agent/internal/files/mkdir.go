package files

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Mkdir makes a directory, with parents its missing ancestors too
// (fs.mkdir.*). A mode other than 0 is what the leaf has afterwards, whatever
// the umask, and also where parents found it there already; ancestors get the
// umask's default.
func (f *FS) Mkdir(_ context.Context, req *agentv1.FsMkdirRequest) (*agentv1.FsMkdirResponse, error) {
	path, err := f.root.Resolve(req.GetPath())
	if err != nil {
		return nil, err
	}
	if req.GetParents() {
		if err := os.MkdirAll(parent(path), 0o777); err != nil {
			return nil, operr.System("create directory "+parent(path), err)
		}
	}
	if err := makeLeaf(path, req.GetMode(), req.GetParents()); err != nil {
		return nil, operr.System("create directory "+path, err)
	}
	return &agentv1.FsMkdirResponse{}, nil
}

func makeLeaf(path string, bits uint32, mayExist bool) error {
	mode := fs.FileMode(0o777)
	if bits != 0 {
		mode = permissions(bits) // never wider than asked, not even for a moment
	}
	err := os.Mkdir(path, mode)
	made := err == nil
	if errors.Is(err, fs.ErrExist) && mayExist {
		if info, serr := os.Stat(path); serr == nil && info.IsDir() {
			err = nil
		}
	}
	if err != nil || bits == 0 {
		return err
	}
	if err := os.Chmod(path, mode); err != nil {
		if made {
			err = errors.Join(err, os.Remove(path))
		}
		return err
	}
	return nil
}

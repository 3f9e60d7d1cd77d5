package files

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// listBatch is how many names are taken from a directory at a time, so that one
// with millions does not fill the memory before the reply's bound is noticed.
const listBatch = 256

// List returns the entries of a directory, with recursive those below it too
// (fs.list.*). A directory comes before its contents; there is no order beyond
// that. Symlinks inside are listed, not followed. A child that vanishes
// meanwhile is left out, a directory inside that may not be read is listed
// without contents. More than a reply can carry is PAYLOAD_TOO_LARGE as soon as
// that shows.
func (f *FS) List(ctx context.Context, req *agentv1.FsListRequest) (*agentv1.FsListResponse, error) {
	path, err := f.root.Resolve(req.GetPath())
	if err != nil {
		return nil, err
	}
	l := lister{top: path, recursive: req.GetRecursive(), limit: f.limit()}
	// Breadth first needs one open directory however deep the tree is.
	l.pending = []string{""}
	for len(l.pending) > 0 {
		rel := l.pending[0]
		l.pending = l.pending[1:]
		if err := l.directory(ctx, rel); err != nil && (rel == "" || !skippable(err)) {
			return nil, failure(ctx, "list "+l.host(rel), err)
		}
	}
	return &agentv1.FsListResponse{Entries: l.entries}, nil
}

// lister collects the entries below top. pending holds the directories that are
// listed but not read yet, relative to top, in the host's bytes.
type lister struct {
	top       string
	recursive bool
	limit     int64

	pending []string
	entries []*agentv1.FsEntry
	encoded int64
}

// host returns the host path of a directory or file below top.
func (l *lister) host(rel string) string {
	if rel == "" {
		return l.top
	}
	return join(l.top, rel)
}

func (l *lister) directory(ctx context.Context, rel string) error {
	flags := os.O_RDONLY | openDirectory
	if rel != "" {
		flags |= openNoFollow // it was no symlink when it was listed
	}
	dir, err := os.OpenFile(l.host(rel), flags, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		children, err := dir.ReadDir(listBatch)
		for _, child := range children {
			if err := l.add(rel, child); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

func (l *lister) add(parent string, child fs.DirEntry) error {
	rel := child.Name()
	if parent != "" {
		rel = parent + "/" + rel
	}
	entry, err := describe(rel, child)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) { // fs.list.vanishing-child
			return nil
		}
		return err
	}
	size := uint64(proto.Size(entry))
	l.encoded += int64(protowire.SizeTag(1)+protowire.SizeVarint(size)) + int64(size)
	if l.encoded > l.limit {
		return operr.TooLarge("fs_list", l.encoded, l.limit)
	}
	l.entries = append(l.entries, entry)
	if l.recursive && child.IsDir() {
		l.pending = append(l.pending, rel)
	}
	return nil
}

// describe falls back to what the directory itself says of a child where the OS
// does not let the agent look at it, in a directory without search permission.
func describe(rel string, child fs.DirEntry) (*agentv1.FsEntry, error) {
	info, err := child.Info()
	switch {
	case err == nil:
		return entryOf(child.Name(), rel, info), nil
	case errors.Is(err, fs.ErrPermission):
		return bareEntry(child.Name(), rel, child.Type()), nil
	default:
		return nil, err
	}
}

// skippable tells errors of a directory inside a recursive listing that leave
// the rest worth having: it is gone or replaced since it was listed, or closed
// to the agent.
func skippable(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) ||
		errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}

package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	// createMode is the mode of new files where the request names none, before
	// the umask.
	createMode = 0o666
	anyExecute = 0o111
	// maxLinks is how many symlinks Linux follows in one path.
	maxLinks = 40
	// createAttempts bounds the race against somebody who creates and removes
	// the same file in turn.
	createAttempts = 8
	// specialChunk is the most that a FIFO takes in one piece (PIPE_BUF).
	specialChunk = 4 << 10
)

// Write replaces, appends to or creates a file (fs.write.*). It follows
// symlinks, keeps an existing file's mode, owner, links and attributes, and
// leaves the old content when it fails (fs.write.no-torn-file).
func (f *FS) Write(ctx context.Context, req *agentv1.FsWriteRequest) (*agentv1.FsWriteResponse, error) {
	path, err := f.root.Resolve(req.GetPath())
	if err != nil {
		return nil, err
	}
	if req.GetCreateParents() {
		if err := os.MkdirAll(parent(path), 0o777); err != nil {
			return nil, operr.System("create directory "+parent(path), err)
		}
	}
	w := writer{path: path, content: req.GetContent(), append: req.GetAppend(), mode: createMode}
	if req.GetMode() != 0 {
		w.mode = permissions(req.GetMode())
	}
	err = w.write(ctx)
	if err != nil {
		return nil, failure(ctx, "write "+path, err)
	}
	return &agentv1.FsWriteResponse{BytesWritten: uint64(len(w.content))}, nil
}

// writer writes content to path; mode is for a file that it creates.
type writer struct {
	path    string
	content []byte
	append  bool
	mode    fs.FileMode
}

// write keeps forks of the agent away from an executable file that it has open:
// the child would have a copy of the descriptor, and until its exec closes that,
// running the file fails with ETXTBSY. Any other file is let go as soon as it is
// known not to be one, so that a slow disk delays no command.
func (w *writer) write(ctx context.Context) error {
	syscall.ForkLock.RLock()
	unlock := sync.OnceFunc(syscall.ForkLock.RUnlock)
	defer unlock()
	file, created, err := w.open()
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	if !info.Mode().IsRegular() || info.Mode()&anyExecute == 0 {
		unlock()
	}
	if created == "" {
		return errors.Join(w.writeExisting(ctx, file, info), file.Close())
	}
	_, err = file.Write(w.content)
	if err = errors.Join(err, file.Close()); err != nil {
		err = errors.Join(err, os.Remove(created))
	}
	return err
}

// open opens the existing file that path leads to, or creates it and returns
// the name that it was created under. Existing files are opened untruncated:
// the OS checks the rights, and the old content is still there.
func (w *writer) open() (file *os.File, created string, err error) {
	flags := os.O_WRONLY | openQuietly
	if w.append {
		flags |= os.O_APPEND
	}
	for range createAttempts {
		file, err = os.OpenFile(w.path, flags, 0)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, "", err
		}
		// O_EXCL tells a created file from one that just appeared, but does not
		// follow a dangling symlink, so that is done here.
		created, err = followLinks(w.path)
		if err != nil {
			return nil, "", err
		}
		file, err = os.OpenFile(created, flags|os.O_CREATE|os.O_EXCL, w.mode)
		if !errors.Is(err, fs.ErrExist) {
			return file, created, err
		}
	}
	return nil, "", err
}

// followLinks returns the path that the chain of symlinks at path ends in,
// whether there is something or not.
func followLinks(path string) (string, error) {
	for range maxLinks {
		link, err := os.Readlink(path)
		switch {
		case err != nil: // no symlink; whoever uses the path learns what it is
			return path, nil
		case filepath.IsAbs(link):
			path = link
		default:
			path = join(parent(path), link)
		}
	}
	return "", &fs.PathError{Op: "readlink", Path: path, Err: syscall.ELOOP}
}

func (w *writer) writeExisting(ctx context.Context, file *os.File, old fs.FileInfo) error {
	switch {
	case !old.Mode().IsRegular():
		return w.feed(ctx, file)
	case w.append:
		return w.extend(file, old.Size())
	case w.replace(file, old):
		return nil
	default:
		return w.overwrite(file, old.Size())
	}
}

// extend appends. What a failed append wrote is cut off again, unless somebody
// else appended behind it.
func (w *writer) extend(file *os.File, size int64) error {
	n, err := file.Write(w.content)
	if err == nil {
		return nil
	}
	if now, serr := file.Stat(); serr == nil && n > 0 && now.Size() == size+int64(n) {
		err = errors.Join(err, file.Truncate(size))
	}
	return err
}

// overwrite changes the file in place. What needs space comes first and can be
// undone: the bytes beyond the old end, then the blocks that the rest needs.
// Only then are old bytes touched, and the file is cut last.
func (w *writer) overwrite(file *os.File, size int64) error {
	split := min(size, int64(len(w.content)))
	_, err := file.WriteAt(w.content[split:], split)
	if err == nil {
		err = allocate(file, split)
	}
	if err != nil {
		return errors.Join(err, file.Truncate(size))
	}
	if _, err := file.WriteAt(w.content[:split], 0); err != nil {
		return err
	}
	return file.Truncate(int64(len(w.content)))
}

// feed writes to a device or a FIFO, which may take its time but not stand
// still.
func (w *writer) feed(ctx context.Context, file *os.File) error {
	for rest := w.content; len(rest) > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		// What takes no deadline does not block either.
		_ = file.SetWriteDeadline(time.Now().Add(specialWait))
		n, err := file.Write(rest[:min(len(rest), specialChunk)])
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

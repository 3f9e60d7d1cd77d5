package files

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"syscall"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"agentproof/agent/internal/operr"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// specialWait bounds the wait for a device or a FIFO. fs.read.special grants
// 2 s, and the caller's share of the way is in them.
const specialWait = time.Second

// span is the byte range [start, end) that a request asks for.
type span struct{ start, end uint64 }

// spanOf keeps fs.read.whole and fs.read.range: length 0 has no end, and a sum
// beyond uint64 saturates.
func spanOf(offset, length uint64) span {
	if length == 0 || offset > math.MaxUint64-length {
		return span{offset, math.MaxUint64}
	}
	return span{offset, offset + length}
}

// clamp returns the part of s that lies within size bytes.
func (s span) clamp(size uint64) span {
	return span{min(s.start, size), min(s.end, size)}
}

// of returns the part of chunk, which begins at pos, that lies within s.
func (s span) of(chunk []byte, pos uint64) []byte {
	in := span{max(s.start, pos) - pos, max(s.end, pos) - pos}.clamp(uint64(len(chunk)))
	return chunk[in.start:in.end]
}

// Read returns a range of a file's bytes and the file's size (fs.read.*). A
// range costs its own length, not the file's; one that no reply can carry is
// PAYLOAD_TOO_LARGE before it is read.
func (f *FS) Read(ctx context.Context, req *agentv1.FsReadRequest) (*agentv1.FsReadResponse, error) {
	path, err := f.root.Resolve(req.GetPath())
	if err != nil {
		return nil, err
	}
	attempt := "read " + path
	file, err := os.OpenFile(path, os.O_RDONLY|openQuietly, 0)
	if err != nil {
		return nil, operr.System(attempt, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, operr.System(attempt, err)
	}
	r := reader{file: file, mode: info.Mode(), want: spanOf(req.GetOffset(), req.GetLength()), limit: f.limit()}
	size, err := r.size(info)
	if err != nil {
		return nil, operr.System(attempt, err)
	}
	if size > 0 {
		err = r.sized(size, memoryOf(ctx))
	} else {
		err = r.stream(ctx)
	}
	if err != nil {
		return nil, failure(ctx, attempt, err)
	}
	return &agentv1.FsReadResponse{Content: r.content, TotalSize: r.total}, nil
}

// reader fills content and total.
type reader struct {
	file  *os.File
	mode  fs.FileMode
	want  span
	limit int64

	content []byte
	total   uint64
}

// size returns the size that the OS vouches for, or 0 where only reading tells:
// of /proc files, character devices and FIFOs (and of empty files).
func (r *reader) size(info fs.FileInfo) (uint64, error) {
	switch {
	case r.mode.IsDir():
		return 0, syscall.EISDIR
	case r.mode.Type() == fs.ModeDevice: // a block device: stat says 0, its end says more
		end, err := r.file.Seek(0, io.SeekEnd)
		if err != nil {
			return 0, err
		}
		_, err = r.file.Seek(0, io.SeekStart)
		return uint64(end), err
	case r.mode.IsRegular():
		return uint64(info.Size()), nil
	default:
		return 0, nil
	}
}

// sized reads the range with pread, so that nothing before it is touched.
func (r *reader) sized(size uint64, from *Memory) error {
	r.total = size
	part := r.want.clamp(size)
	if encoded := encodedContent(part.end - part.start); encoded > r.limit {
		return operr.TooLarge("fs_read", encoded, r.limit)
	}
	buf := from.take(int(part.end - part.start))
	n, err := r.file.ReadAt(buf, int64(part.start))
	if err != nil && err != io.EOF { // it may have shrunk meanwhile
		return err
	}
	r.content = buf[:n]
	return nil
}

// stream reads from the front. A regular file is read to its end, because only
// that tells its size (fs.read.total-size); anything else just as far as asked.
func (r *reader) stream(ctx context.Context) error {
	deadline := time.Now().Add(specialWait)
	// What takes no deadline does not block either: then the clock below is
	// enough, so the error does not matter.
	_ = r.file.SetReadDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = r.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	buf := make([]byte, 64<<10)
	for {
		n, err := r.next(buf)
		r.content = append(r.content, r.want.of(buf[:n], r.total)...)
		r.total += uint64(n)
		if encoded := encodedContent(uint64(len(r.content))); encoded > r.limit {
			return operr.TooLarge("fs_read", encoded, r.limit)
		}
		complete := r.total >= r.want.end
		if err == nil && (ctx.Err() != nil || time.Now().After(deadline)) {
			err = os.ErrDeadlineExceeded
		}
		switch {
		case err == io.EOF:
			return nil
		case complete && (err == nil && !r.mode.IsRegular() || errors.Is(err, os.ErrDeadlineExceeded)):
			return nil
		case err != nil:
			return err
		}
	}
}

// next reads some bytes. A FIFO that nobody writes to yet looks like one at its
// end; before the first byte its writer is waited for.
func (r *reader) next(buf []byte) (int, error) {
	if r.mode.Type() == fs.ModeNamedPipe && r.total == 0 {
		return readAwaitingWriter(r.file, buf)
	}
	return r.file.Read(buf)
}

// encodedContent is how many bytes n bytes of content take in a reply.
func encodedContent(n uint64) int64 {
	if n > math.MaxInt64/2 { // no memory holds it; the sum must not wrap
		return math.MaxInt64
	}
	return int64(protowire.SizeTag(1)+protowire.SizeVarint(n)) + int64(n)
}

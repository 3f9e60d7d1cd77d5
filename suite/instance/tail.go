package instance

import (
	"bytes"
	"sync"

	"agentproof/internal/fold"
)

// tailBuffer keeps the last bytes written to it. It is safe for concurrent use.
type tailBuffer struct {
	limit int

	mu      sync.Mutex
	buf     []byte
	written int64 // also what is not kept any more
}

func (b *tailBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = append(b.buf, p...)
	b.written += int64(len(p))
	if over := len(b.buf) - b.limit; over > 0 {
		b.buf = bytes.Clone(b.buf[over:])
	}
	return len(p), nil
}

func (b *tailBuffer) String() string { return b.since(0) }

// mark is a place in the output, for since.
func (b *tailBuffer) mark() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.written
}

// since is what was written after the mark, as far as it was kept, without the
// terminal control sequences in it.
func (b *tailBuffer) since(mark int64) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := b.written - int64(len(b.buf))
	return fold.Plain(string(b.buf[max(0, mark-kept):]))
}

// Package buffers keeps large byte slices for their next use.
package buffers

import "sync"

const (
	// maxKept is how many buffers a list keeps.
	maxKept = 4
	// maxSize keeps rare huge buffers from staying in memory, in bytes.
	maxSize = 4 << 20
)

// A List keeps up to four buffers of up to 4 MiB. Its zero value is empty and
// ready to use; it is safe for concurrent use.
//
// A sync.Pool would lose them: each large message brings the next collection
// nearer, which empties the pool, and what one processor puts into a pool
// another does not always find.
type List struct {
	mu   sync.Mutex
	free [][]byte
}

// Get returns n bytes that may hold anything.
func (l *List) Get(n int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := len(l.free) - 1; last >= 0 {
		buf := l.free[last] // the latest, which caches know best
		l.free = l.free[:last]
		if cap(buf) >= n {
			return buf[:n]
		}
	}
	return make([]byte, n)
}

// Put takes a buffer that its user is done with.
func (l *List) Put(buf []byte) {
	if cap(buf) == 0 || cap(buf) > maxSize {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.free) < maxKept {
		l.free = append(l.free, buf)
	}
}

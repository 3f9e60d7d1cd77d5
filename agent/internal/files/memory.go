package files

import (
	"context"

	"agentproof/agent/internal/buffers"
)

// A Memory is what one large content is read into, for a caller that sends it
// on at once: with room on both sides for what encloses it there, and to be
// used again. New memory for each large read costs more than the read. It is
// for one goroutine, and its zero value has nothing.
type Memory struct {
	from    *buffers.List
	whole   []byte
	content []byte
}

const (
	// Before and After are the room beside a content, in bytes.
	Before, After = 256, 64

	// lentFrom is the size from which a content is lent.
	lentFrom = 32 << 10
)

type memoryKey struct{}

// Borrow makes the Read that is given the context use m, whose memory comes from
// the list.
func Borrow(ctx context.Context, m *Memory, from *buffers.List) context.Context {
	m.from = from
	return context.WithValue(ctx, memoryKey{}, m)
}

func memoryOf(ctx context.Context) *Memory {
	m, _ := ctx.Value(memoryKey{}).(*Memory)
	return m
}

// take returns n bytes that may hold anything; m may be nil.
func (m *Memory) take(n int) []byte {
	if m == nil || n < lentFrom {
		return make([]byte, n)
	}
	m.whole = m.from.Get(Before + n + After)
	m.content = m.whole[Before : Before+n]
	return m.content
}

// Enclose puts something before and something after a content that was read
// into m, where it is. It is false when content was not, or when there is too
// little room.
func (m *Memory) Enclose(before, content, after []byte) ([]byte, bool) {
	if len(content) == 0 || len(m.content) == 0 || &content[0] != &m.content[0] ||
		len(before) > Before || len(after) > After {
		return nil, false
	}
	end := Before + len(content)
	copy(m.whole[Before-len(before):], before)
	copy(m.whole[end:], after)
	return m.whole[Before-len(before) : end+len(after)], true
}

// Return gives the memory back, when nobody needs the content any more.
func (m *Memory) Return() {
	if m.whole != nil {
		m.from.Put(m.whole)
	}
	*m = Memory{}
}

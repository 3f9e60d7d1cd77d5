package relay

import (
	"sort"
	"sync/atomic"
)

// frame is a message of a channel as it came, with what the relay knows of it.
type frame struct {
	seq  uint64
	size int // bytes of data; 0 for a DesktopInput
	msg  []byte
}

// frameCost is what a frame takes in a ring beside its bytes.
const frameCost = 128

func (f frame) cost() int { return cap(f.msg) + frameCost }

// memory counts what all rings of a relay hold.
type memory struct {
	limit int64
	rings atomic.Int64
	held  atomic.Int64
	high  atomic.Int64 // the most that held ever was
}

func (m *memory) add(n int) {
	held := m.held.Add(int64(n))
	for high := m.high.Load(); held > high; high = m.high.Load() {
		if m.high.CompareAndSwap(high, held) {
			return
		}
	}
}

// share is what one ring may hold.
func (m *memory) share() int {
	return int(min(ringBytes, m.limit/max(1, m.rings.Load())))
}

func (m *memory) hasRoom(n int) bool { return m.held.Load()+int64(n) <= m.limit }

// ring is a queue of frames in the order they came. Each has a position, which
// counts from 0 and never changes; the ring holds those from first to end.
// The channel's lock guards it.
type ring struct {
	memory *memory
	frames []frame // frames[head:] are held
	head   int
	first  uint64
	bytes  int
}

func (r *ring) len() int    { return len(r.frames) - r.head }
func (r *ring) end() uint64 { return r.first + uint64(r.len()) }

func (r *ring) at(pos uint64) frame { return r.frames[r.head+int(pos-r.first)] }

func (r *ring) push(f frame) {
	if r.head > ringFrames {
		n := copy(r.frames, r.frames[r.head:])
		clear(r.frames[n:])
		r.frames, r.head = r.frames[:n], 0
	}
	r.frames = append(r.frames, f)
	r.bytes += f.cost()
	r.memory.add(f.cost())
}

// pop takes the oldest frame out; there must be one.
func (r *ring) pop() frame {
	f := r.frames[r.head]
	r.frames[r.head] = frame{}
	r.head++
	r.first++
	r.bytes -= f.cost()
	r.memory.add(-f.cost())
	if r.head == len(r.frames) {
		r.frames, r.head = r.frames[:0], 0
	}
	return f
}

func (r *ring) clear() {
	for r.len() > 0 {
		r.pop()
	}
}

// over tells that the ring holds more than its bounds allow.
func (r *ring) over() bool {
	return r.len() > ringFrames || r.bytes > r.memory.share() || !r.memory.hasRoom(0)
}

// find is the position of the first frame with at least this seq, or the end.
// Seq grows with the position.
func (r *ring) find(seq uint64) uint64 {
	held := r.frames[r.head:]
	i := sort.Search(len(held), func(i int) bool { return held[i].seq >= seq })
	return r.first + uint64(i)
}

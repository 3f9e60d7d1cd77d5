// Package ring holds the last frames of one direction of a channel, within a
// share of a memory that all rings have together.
package ring

import (
	"sort"
	"sync/atomic"
)

// Bounds of one ring.
const (
	MaxFrames = 1024
	MaxBytes  = 64 << 20
)

// Frame is a message of a channel as it came, with what the relay knows of it.
type Frame struct {
	Seq     uint64
	Size    int // bytes of data; 0 for a DesktopInput
	Message []byte
}

// overhead is what a frame takes beside its bytes.
const overhead = 128

// Cost is the memory that the frame takes, in bytes.
func (f Frame) Cost() int { return cap(f.Message) + overhead }

// Memory is what all rings of a relay share. It is safe for concurrent use.
type Memory struct {
	Limit int64 // bytes
	rings atomic.Int64
	held  atomic.Int64
	high  atomic.Int64
}

// Join and Leave count the rings among which the memory is shared.
func (m *Memory) Join(rings int)  { m.rings.Add(int64(rings)) }
func (m *Memory) Leave(rings int) { m.rings.Add(-int64(rings)) }

// HighWater is the most that was ever held, in bytes.
func (m *Memory) HighWater() int64 { return m.high.Load() }

// Share is what one ring may hold, in bytes.
func (m *Memory) Share() int { return int(min(MaxBytes, m.Limit/max(1, m.rings.Load()))) }

// HasRoom tells whether n bytes more are within the limit.
func (m *Memory) HasRoom(n int) bool { return m.held.Load()+int64(n) <= m.Limit }

func (m *Memory) add(n int) {
	held := m.held.Add(int64(n))
	for high := m.high.Load(); held > high; high = m.high.Load() {
		if m.high.CompareAndSwap(high, held) {
			return
		}
	}
}

// Ring is a queue of frames in the order they came. Each has a position, which
// counts from 0 and never changes; the ring holds those from First to before
// End. It does not bound itself, since only its owner knows what may go. It is
// not safe for concurrent use.
type Ring struct {
	memory *Memory
	frames []Frame // frames[head:] are held
	head   int
	first  uint64
	bytes  int
}

// New makes an empty ring.
func New(m *Memory) Ring { return Ring{memory: m} }

// Len is the number of frames held.
func (r *Ring) Len() int { return len(r.frames) - r.head }

// Bytes is what the frames held cost together.
func (r *Ring) Bytes() int { return r.bytes }

// First is the position of the oldest frame held, or End.
func (r *Ring) First() uint64 { return r.first }

// End is the position that the next frame will have.
func (r *Ring) End() uint64 { return r.first + uint64(r.Len()) }

// At is the frame at a position that is held.
func (r *Ring) At(pos uint64) Frame { return r.frames[r.head+int(pos-r.first)] }

// Push adds a frame at the end.
func (r *Ring) Push(f Frame) {
	if r.head > MaxFrames {
		n := copy(r.frames, r.frames[r.head:])
		clear(r.frames[n:])
		r.frames, r.head = r.frames[:n], 0
	}
	r.frames = append(r.frames, f)
	r.bytes += f.Cost()
	r.memory.add(f.Cost())
}

// Pop takes the oldest frame out; there must be one.
func (r *Ring) Pop() Frame {
	f := r.frames[r.head]
	r.frames[r.head] = Frame{}
	r.head++
	r.first++
	r.bytes -= f.Cost()
	r.memory.add(-f.Cost())
	if r.head == len(r.frames) {
		r.frames, r.head = r.frames[:0], 0
	}
	return f
}

// Clear takes every frame out.
func (r *Ring) Clear() {
	for r.Len() > 0 {
		r.Pop()
	}
}

// Over tells that the ring, or all rings together, hold more than they should.
func (r *Ring) Over() bool {
	return r.Len() > MaxFrames || r.bytes > r.memory.Share() || !r.memory.HasRoom(0)
}

// Find is the position of the first frame with at least this seq, or End. Seq
// must grow with the position.
func (r *Ring) Find(seq uint64) uint64 {
	held := r.frames[r.head:]
	i := sort.Search(len(held), func(i int) bool { return held[i].Seq >= seq })
	return r.first + uint64(i)
}

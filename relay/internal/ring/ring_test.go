package ring_test

import (
	"testing"

	"agentproof/relay/internal/ring"
)

func frame(seq uint64, size int) ring.Frame {
	return ring.Frame{Seq: seq, Size: size, Message: make([]byte, size)}
}

func TestPositionsStayWhileFramesComeAndGo(t *testing.T) {
	t.Parallel()
	r := ring.New(&ring.Memory{Limit: 1 << 30})
	for i := range uint64(10_000) {
		r.Push(frame(3*i, 1))
		if r.Len() > 100 {
			if f := r.Pop(); f.Seq != 3*(i-100) {
				t.Fatalf("popped seq %d after pushing %d", f.Seq, 3*i)
			}
		}
		if r.End() != i+1 || r.First() != r.End()-uint64(r.Len()) {
			t.Fatalf("after %d frames the ring is from %d to %d with %d", i+1, r.First(), r.End(), r.Len())
		}
		for pos := r.First(); pos < r.End(); pos += 33 {
			if r.At(pos).Seq != 3*pos {
				t.Fatalf("seq %d at %d", r.At(pos).Seq, pos)
			}
		}
	}
	for seq, want := range map[uint64]uint64{0: 9900, 3 * 9900: 9900, 3*9950 - 1: 9950, 3 * 9950: 9950, 3*9950 + 1: 9951, 1 << 60: 10_000} {
		if got := r.Find(seq); got != want {
			t.Errorf("Find(%d) = %d, want %d", seq, got, want)
		}
	}
	r.Clear()
	if r.Len() != 0 || r.Bytes() != 0 || r.First() != 10_000 || r.Find(0) != 10_000 {
		t.Errorf("cleared: %d frames, %d bytes, first %d", r.Len(), r.Bytes(), r.First())
	}
}

func TestRingsShareTheMemory(t *testing.T) {
	t.Parallel()
	m := &ring.Memory{Limit: 1 << 20}
	m.Join(2)
	a, b := ring.New(m), ring.New(m)
	if got := m.Share(); got != 1<<19 {
		t.Errorf("half the memory is %d", got)
	}
	a.Push(frame(0, 1<<19))
	if !a.Over() || b.Over() {
		t.Errorf("a frame and its overhead are above the share: %v, %v", a.Over(), b.Over())
	}
	if !m.HasRoom(1<<19-128) || m.HasRoom(1<<19-127) {
		t.Error("the room left is not the limit less what is held")
	}
	b.Push(frame(0, 1<<19))
	b.Push(frame(1, 1))
	a.Pop()
	if !b.Over() {
		t.Error("b holds more than its share")
	}
	b.Pop()
	if a.Over() || b.Over() || m.HighWater() != 1<<20+1+3*128 {
		t.Errorf("after popping: %v, %v, high water %d", a.Over(), b.Over(), m.HighWater())
	}
	m.Leave(1)
	if got := m.Share(); got != 1<<20 {
		t.Errorf("the only ring's share is %d", got)
	}
	for seq := range uint64(ring.MaxFrames + 1) {
		a.Push(frame(seq, 0))
	}
	if !a.Over() {
		t.Error("more than MaxFrames are not over")
	}
	a.Pop()
	if a.Over() {
		t.Error("MaxFrames are over")
	}
}

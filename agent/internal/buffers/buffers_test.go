package buffers_test

import (
	"sync"
	"testing"

	"agentproof/agent/internal/buffers"
)

func TestAListReturnsWhatFits(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		put, get int
		again    bool
	}{
		"the same size":              {1000, 1000, true},
		"less":                       {1000, 10, true},
		"nothing yet":                {1000, 0, true},
		"more than was put":          {1000, 1001, false},
		"the largest that is kept":   {4 << 20, 4 << 20, true},
		"one larger than any kept":   {4<<20 + 1, 1, false},
		"a buffer that has no bytes": {0, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l buffers.List
			put := make([]byte, tc.put)
			l.Put(put)
			got := l.Get(tc.get)
			if len(got) != tc.get {
				t.Fatalf("%d bytes, want %d", len(got), tc.get)
			}
			if again := cap(got) > 0 && cap(put) > 0 && &got[:1][0] == &put[:1][0]; again != tc.again {
				t.Errorf("reused is %v, want %v", again, tc.again)
			}
		})
	}
}

func TestAListIsBounded(t *testing.T) {
	t.Parallel()
	var l buffers.List
	for range 100 {
		l.Put(make([]byte, 10))
	}
	kept := 0
	for cap(l.Get(0)) > 0 {
		kept++
	}
	if kept != 4 {
		t.Errorf("%d buffers kept, want 4", kept)
	}
}

func TestABufferHasOneUserAtATime(t *testing.T) {
	t.Parallel()
	var l buffers.List
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for range 1000 {
				buf := l.Get(100)
				for j := range buf {
					buf[j] = byte(i)
				}
				for _, b := range buf {
					if b != byte(i) {
						t.Error("another user wrote to the buffer")
						return
					}
				}
				l.Put(buf)
			}
		})
	}
	users.Wait()
}

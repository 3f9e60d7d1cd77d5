package engine

import (
	"sync/atomic"
	"testing"

	"agentproof/suite/instance"
	"agentproof/suite/verdict"
	"agentproof/suite/wire"
)

func TestLanesAllRunAlsoWhenOneEndsTheCase(t *testing.T) {
	t.Parallel()
	for name, quits := range map[string]bool{"none ends": false, "one ends": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			view := &T{state: &state{}, place: &place{inst: &instance.Instance{Watch: &wire.Watcher{}}}}
			var ran atomic.Int64
			returned := false
			over := make(chan struct{})
			go func() {
				defer close(over)
				view.Lanes(4, func(lane int) {
					ran.Add(1)
					if quits && lane == 2 {
						view.Fatalf("this", "that")
					}
				})
				returned = true
			}()
			<-over
			if ran.Load() != 4 || returned == quits || (view.verdict() == verdict.Fail) != quits {
				t.Errorf("%d lanes ran, returned %v, verdict %q", ran.Load(), returned, view.verdict())
			}
		})
	}
}

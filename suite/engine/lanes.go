package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Lanes runs f once for each lane from 0 to n-1, side by side, and waits for
// all of them. Unlike any other goroutine a lane may call the methods that end
// the case: it ends at once, and the case when the other lanes have finished.
func (t *T) Lanes(n int, f func(lane int)) {
	var finished atomic.Int64
	var wg sync.WaitGroup
	for lane := range n {
		wg.Go(func() {
			f(lane)
			finished.Add(1)
		})
	}
	wg.Wait()
	if int(finished.Load()) != n {
		runtime.Goexit()
	}
}

package exec

import (
	"time"

	"agentproof/suite/engine"
)

// measureNoise is how much two runs of one command may differ on a machine that
// can be measured on.
const measureNoise = 500 * time.Millisecond

// overdue reports whether a command takes longer than an idle one and the bound
// together. A machine whose idle commands differ too much cannot tell: that attempt
// is missed. One late reply may be an accident of the machine's, so that it takes
// two in a row.
func overdue(t *engine.T, bound time.Duration, idle, measured func() time.Duration) bool {
	noise := t.Window(measureNoise)
	before := idle()
	for range 2 {
		took := measured()
		after := idle()
		t.Logf("it took %v, and idle commands before and after it %v and %v", took, before, after)
		switch {
		case took <= max(before, after)+bound:
			return false
		case max(before, after)-min(before, after) > noise:
			t.Missed("equal commands take too different times on this machine to measure a delay")
		}
		before = after
	}
	return true
}

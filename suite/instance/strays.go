package instance

import (
	"context"
	"os"
	"slices"
	"time"

	"agentproof/suite/helper"
	"agentproof/suite/subject"
	"agentproof/suite/wait"
)

// sweepLimit caps how long sweep retries; a process that the kernel does not
// let go of is left alone.
const sweepLimit = 5 * time.Second

// sweep kills what the agent left behind, also what left its process group and
// its parents: the processes that were started with the instance's marker, and
// those that work below its root. Only Linux tells both.
func (i *Instance) sweep(ctx context.Context) {
	if i.marker == "" || i.local == "" {
		return
	}
	// One that is forking meanwhile is found by the next look.
	wait.Until(context.WithoutCancel(ctx), sweepLimit, func(context.Context) bool {
		strays := i.strays()
		for _, p := range strays {
			_ = helper.Kill(p)
		}
		return len(strays) == 0
	})
}

func (i *Instance) strays() []helper.Process {
	marked, _ := helper.Carrying(subject.MarkerVariable + "=" + i.marker)
	below, _ := helper.Below(i.local)
	return slices.DeleteFunc(append(marked, below...), func(p helper.Process) bool {
		return p.PID == os.Getpid()
	})
}

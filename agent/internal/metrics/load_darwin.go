package metrics

import (
	"context"

	gopsload "github.com/shirou/gopsutil/v4/load"
)

// load returns the load averages. The run queue would cost a process listing.
func load(ctx context.Context) (load1, load5, load15, runQueue float64) {
	avg, err := gopsload.AvgWithContext(ctx)
	if err != nil {
		return 0, 0, 0, 0
	}
	return avg.Load1, avg.Load5, avg.Load15, 0
}

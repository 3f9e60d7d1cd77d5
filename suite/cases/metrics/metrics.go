// Package metrics holds the cases about the machine's figures.
package metrics

import (
	"context"
	"math"
	"time"

	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/wait"
)

const (
	// staleness is how old a sample may be: as old as a heartbeat's interval,
	// for an agent that samples once for both.
	staleness = 5 * time.Second
	// granularity covers file systems that keep whole seconds, and a clock that
	// is read in another order than the file is written.
	granularity = 2 * time.Second
	// leastTotal is below the memory and the disk of any machine that runs an
	// agent, and far above the number that a total in kilobytes would be taken
	// for.
	leastTotal = 16 << 20
)

// Cases returns the cases of this area.
func Cases() []engine.Case {
	return []engine.Case{
		{
			ID:      "metrics.sample/current-timestamp",
			Clause:  "metrics.sample",
			Explain: "A dashboard that draws an old sample as today's hides the outage that it should show.",
			Try:     "fakeagent call metrics",
			Run:     current,
		},
		{
			ID:      "metrics.sample/timestamp-moves-on",
			Clause:  "metrics.sample",
			Explain: "A sample taken once at the start and handed out for ever looks right in every single reply.",
			Run:     movesOn,
		},
		{
			ID:      "metrics.sample/used-within-total",
			Clause:  "metrics.sample",
			Explain: "More used than there is draws bars beyond their frame and sets off alarms.",
			Try:     "fakeagent call metrics",
			Run:     usedWithinTotal,
		},
		{
			ID:      "metrics.sample/totals-in-bytes",
			Clause:  "metrics.sample",
			Explain: "Kilobytes reported as bytes make a big machine look too small for any job; unknown is 0.",
			Try:     "fakeagent call metrics",
			Run:     totalsInBytes,
		},
		{
			ID:      "metrics.sample/percentages",
			Clause:  "metrics.sample",
			Explain: "The sum over eight cores is no percentage; 800 % breaks every scale.",
			Try:     "fakeagent call metrics",
			Run:     percentages,
		},
		{
			ID:      "metrics.sample/loads-are-numbers",
			Clause:  "metrics.sample",
			Explain: "A figure whose source is missing is 0, not a NaN or a −1 that poisons every average it enters.",
			Run:     loads,
		},
	}
}

func sample(ctx context.Context, t *engine.T) *agentv1.MetricsSample {
	return engine.Must[*agentv1.MetricsSample](ctx, t, &agentv1.MetricsRequest{})
}

// machineTime is what the agent's machine holds the time to be, in unix
// milliseconds: the runner's own clock may be another one.
func machineTime(ctx context.Context, t *engine.T) int64 {
	t.Put(ctx, t.Path(ctx, "clock"), []byte("tick"))
	return engine.Probe[helper.FileInfo](ctx, t, "lstat", "clock").MtimeNS / int64(time.Millisecond)
}

func current(ctx context.Context, t *engine.T) {
	earliest := machineTime(ctx, t) - (staleness + granularity).Milliseconds()
	at := sample(ctx, t).GetSampledAtMs()
	latest := machineTime(ctx, t) + granularity.Milliseconds()
	t.Logf("sampled_at_ms %d, allowed %d to %d", at, earliest, latest)
	t.Check(at >= earliest, "a current sampled_at_ms, in unix milliseconds", "one that lies in the past")
	t.Check(at <= latest, "a current sampled_at_ms, in unix milliseconds", "one that lies in the future")
}

func movesOn(ctx context.Context, t *engine.T) {
	first := sample(ctx, t).GetSampledAtMs()
	moved := wait.Until(ctx, staleness+granularity, func(ctx context.Context) bool {
		return sample(ctx, t).GetSampledAtMs() > first
	})
	t.Check(moved, "a sampled_at_ms that moves on", "the same for longer than a heartbeat's interval")
}

func usedWithinTotal(ctx context.Context, t *engine.T) {
	s := sample(ctx, t)
	t.Logf("%v", s)
	t.Check(s.GetMemTotalBytes() >= s.GetMemUsedBytes(), "mem_total_bytes of at least mem_used_bytes", "less")
	t.Check(s.GetDiskTotalBytes() >= s.GetDiskUsedBytes(), "disk_total_bytes of at least disk_used_bytes", "less")
	for _, gpu := range s.GetGpus() {
		t.Check(gpu.GetMemTotalBytes() >= gpu.GetMemUsedBytes(), "a GPU's mem_total_bytes of at least its mem_used_bytes", "less")
	}
}

func totalsInBytes(ctx context.Context, t *engine.T) {
	s := sample(ctx, t)
	t.Logf("%v", s)
	t.Check(inBytes(s.GetMemTotalBytes()), "mem_total_bytes in bytes, or 0", "less than 16 MiB")
	t.Check(inBytes(s.GetDiskTotalBytes()), "disk_total_bytes in bytes, or 0", "less than 16 MiB")
}

func inBytes(total uint64) bool { return total == 0 || total >= leastTotal }

func percentages(ctx context.Context, t *engine.T) {
	// Several, because other cases load the machine meanwhile.
	for range 5 {
		s := sample(ctx, t)
		percentage(t, "cpu_percent", s.GetCpuPercent())
		for _, gpu := range s.GetGpus() {
			percentage(t, "a GPU's util_percent", gpu.GetUtilPercent())
		}
	}
}

// percentage is false for a NaN too.
func percentage(t *engine.T, what string, v float64) {
	t.Check(v >= 0 && v <= 100, what+" within 0..100", "one outside")
}

func loads(ctx context.Context, t *engine.T) {
	s := sample(ctx, t)
	t.Logf("%v", s)
	for _, figure := range []struct {
		name  string
		value float64
	}{
		{"load1", s.GetLoad1()}, {"load5", s.GetLoad5()}, {"load15", s.GetLoad15()}, {"run_queue", s.GetRunQueue()},
	} {
		t.Check(figure.value >= 0 && !math.IsInf(figure.value, 0), figure.name+" of 0 or more", "no such number")
	}
}

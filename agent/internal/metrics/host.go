package metrics

import (
	"context"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"
)

// host measures the machine. It remembers the processor's counters, so one
// goroutine at a time may use it.
//
// The counters are compared here and not by gopsutil's Percent, which compares
// with whoever called it last in the whole process.
type host struct {
	groups groups
	cores  float64
	last   processor
	// percent stays when two looks at the counters are too close to compare.
	percent float64
}

// processor is a reading of the counters: of the machine in seconds of all
// cores together, of the control group in seconds of processor time.
type processor struct {
	at          time.Time
	busy, total float64
	used        float64
}

func newHost(ctx context.Context) *host {
	h := &host{groups: findGroups()}
	if n, err := cpu.CountsWithContext(ctx, true); err == nil {
		h.cores = float64(n)
	}
	return h
}

// sample measures the machine at the time now.
func (h *host) sample(ctx context.Context, now time.Time) *hostSample {
	s := new(hostSample)
	s.cpuPercent = h.processor(ctx, now)
	s.memUsed, s.memTotal = h.memory(ctx)
	s.load1, s.load5, s.load15, s.runQueue = load(ctx)
	return s
}

// memory returns the memory in use and at hand, in bytes.
func (h *host) memory(ctx context.Context) (used, total uint64) {
	if vm, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		used, total = vm.Used, vm.Total
	}
	if groupUsed, limit, ok := h.groups.memory(); ok && (total == 0 || limit < total) {
		return groupUsed, limit
	}
	return used, total
}

// processor returns the percentage of the processor time at hand that was used
// since the last call, 0 on the first.
func (h *host) processor(ctx context.Context, at time.Time) float64 {
	now := processor{at: at}
	if times, err := cpu.TimesWithContext(ctx, false); err == nil && len(times) > 0 {
		t := times[0] // guest time is part of user time
		now.busy = t.User + t.System + t.Nice + t.Irq + t.Softirq + t.Steal
		now.total = now.busy + t.Idle + t.Iowait
	}
	used, limit, limited := h.groups.processor()
	now.used = used
	last := h.last
	h.last = now
	switch elapsed := now.at.Sub(last.at).Seconds(); {
	case last.at.IsZero():
	case limited && limit < h.cores && elapsed > 0:
		h.percent = 100 * (now.used - last.used) / (elapsed * limit)
	case now.total > last.total:
		h.percent = 100 * (now.busy - last.busy) / (now.total - last.total)
	}
	return h.percent
}

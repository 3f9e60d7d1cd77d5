// Package metrics samples the machine for heartbeats and the metrics operation
// (agent.md, metrics.sample). In a container with limits the limits are the
// machine.
package metrics

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shirou/gopsutil/v4/common"
	"github.com/shirou/gopsutil/v4/disk"

	agentv1 "agentproof/proto/opengeni/agent/v1"
)

const (
	// interval is the time between two samples and the span that the processor
	// percentage is over.
	interval = time.Second
	// firstInterval is the span of the first percentage: short, so that an
	// early heartbeat has one.
	firstInterval = 200 * time.Millisecond
	// diskPatience is how long Start and Close wait for the disk, which may be
	// a network share that is gone.
	diskPatience = 250 * time.Millisecond
	// diskAge is how old the disk's numbers may get before there are none.
	diskAge = 15 * time.Second
)

// A Sampler keeps a recent sample of the machine, so that Sample costs nothing.
// Start makes one; the zero Sampler is not usable.
type Sampler struct {
	host  atomic.Pointer[hostSample]
	disks atomic.Pointer[diskSample]

	cancel context.CancelFunc
	loop   sync.WaitGroup
	// diskDone is closed when the disk is not looked at any more.
	diskDone chan struct{}
}

// hostSample is what the sampler's loop measures; what has no source is 0.
type hostSample struct {
	cpuPercent           float64
	load1, load5, load15 float64
	runQueue             float64
	memUsed, memTotal    uint64
}

type diskSample struct {
	used, total uint64
	taken       time.Time
}

// Start begins to sample the machine and the file system that holds root. It
// returns with a first sample taken, except for the processor percentage, which
// needs a moment. Close must be called.
func Start(root string) *Sampler {
	// The path variables of gopsutil (HOST_PROC and others) are for containers
	// that look at their host; inherited by accident they would mislead.
	ctx := context.WithValue(context.Background(), common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: "/proc", common.HostSysEnvKey: "/sys", common.HostRootEnvKey: "/",
	})
	ctx, cancel := context.WithCancel(ctx)
	s := &Sampler{cancel: cancel, diskDone: make(chan struct{})}
	h := newHost(ctx)
	s.host.Store(h.sample(ctx, time.Now()))
	s.loop.Go(func() { s.sampleHost(ctx, h) })
	first := make(chan struct{})
	go s.sampleDisk(ctx, root, first)
	awaitDisk(first)
	return s
}

// Close ends the sampling. Should the file system of the root hang, the
// goroutine that asks it is left behind: no call can end it.
func (s *Sampler) Close() {
	s.cancel()
	s.loop.Wait()
	awaitDisk(s.diskDone)
}

func awaitDisk(done <-chan struct{}) {
	limit := time.NewTimer(diskPatience)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	}
}

// Sample returns the newest sample, at most about a second old, under the
// timestamp now. It is safe for concurrent use, also after Close; the message
// is the caller's own.
func (s *Sampler) Sample(now time.Time) *agentv1.MetricsSample {
	h := s.host.Load()
	out := &agentv1.MetricsSample{
		SampledAtMs:   now.UnixMilli(),
		CpuPercent:    percentage(h.cpuPercent),
		Load1:         amount(h.load1),
		Load5:         amount(h.load5),
		Load15:        amount(h.load15),
		RunQueue:      amount(h.runQueue),
		MemUsedBytes:  min(h.memUsed, h.memTotal),
		MemTotalBytes: h.memTotal,
	}
	if d := s.disks.Load(); d != nil && time.Since(d.taken) < diskAge {
		out.DiskUsedBytes, out.DiskTotalBytes = min(d.used, d.total), d.total
	}
	return out
}

func (s *Sampler) sampleHost(ctx context.Context, h *host) {
	timer := time.NewTimer(firstInterval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		s.host.Store(h.sample(ctx, time.Now()))
		timer.Reset(interval)
	}
}

// sampleDisk has a goroutine to itself: statfs of a share whose server is gone
// does not return, and the rest must not wait for it.
func (s *Sampler) sampleDisk(ctx context.Context, root string, first chan<- struct{}) {
	defer close(s.diskDone)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if usage, err := disk.UsageWithContext(ctx, root); err == nil {
			s.disks.Store(&diskSample{used: usage.Used, total: usage.Total, taken: time.Now()})
		}
		if first != nil {
			close(first)
			first = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// percentage keeps a value within 0..100; counters of suspended or migrated
// machines run backwards.
func percentage(v float64) float64 { return min(amount(v), 100) }

// amount keeps a value finite and not negative.
func amount(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0
	}
	return v
}

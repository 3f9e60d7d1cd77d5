// Package metrics holds agents whose figures do not mean what they should.
package metrics

import (
	"math"
	"sync"
	"time"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

// Mutants returns the area's mutants, anew.
func Mutants() []fault.Mutant {
	start := sync.OnceValue(func() int64 { return time.Now().UnixMilli() })
	const (
		current = "metrics.sample/current-timestamp"
		used    = "metrics.sample/used-within-total"
		totals  = "metrics.sample/totals-in-bytes"
		percent = "metrics.sample/percentages"
		loads   = "metrics.sample/loads-are-numbers"
	)
	return []fault.Mutant{
		{Name: "tells seconds", Case: current, Says: "lies in the past",
			Fault: edit(func(s *agentv1.MetricsSample) { s.SampledAtMs /= 1000 })},
		{Name: "tells microseconds", Case: current, Says: "lies in the future",
			Fault: edit(func(s *agentv1.MetricsSample) { s.SampledAtMs *= 1000 })},
		{Name: "samples once", Case: "metrics.sample/timestamp-moves-on", Says: "the same for longer",
			Fault: edit(func(s *agentv1.MetricsSample) { s.SampledAtMs = start() })},
		{Name: "swaps memory", Case: used, Says: "mem_total_bytes",
			Fault: edit(func(s *agentv1.MetricsSample) { s.MemTotalBytes, s.MemUsedBytes = 1<<30, 1<<31 })},
		{Name: "swaps the disk", Case: used, Says: "disk_total_bytes",
			Fault: edit(func(s *agentv1.MetricsSample) { s.DiskTotalBytes, s.DiskUsedBytes = 1<<30, 1<<31 })},
		{Name: "swaps a GPU's memory", Case: used, Says: "a GPU's",
			Fault: edit(func(s *agentv1.MetricsSample) { s.Gpus = []*agentv1.GpuSample{{MemUsedBytes: 1}} })},
		{Name: "counts megabytes of memory", Case: totals, Says: "mem_total_bytes",
			Fault: edit(func(s *agentv1.MetricsSample) { s.MemTotalBytes, s.MemUsedBytes = 8<<10, 4<<10 })},
		{Name: "counts megabytes of disk", Case: totals, Says: "disk_total_bytes",
			Fault: edit(func(s *agentv1.MetricsSample) { s.DiskTotalBytes, s.DiskUsedBytes = 8<<10, 4<<10 })},
		{Name: "adds up its cores", Case: percent, Says: "cpu_percent",
			Fault: edit(func(s *agentv1.MetricsSample) { s.CpuPercent = 320 })},
		{Name: "tells a GPU's use in thousandths", Case: percent, Says: "a GPU's util_percent",
			Fault: edit(func(s *agentv1.MetricsSample) { s.Gpus = []*agentv1.GpuSample{{UtilPercent: 470}} })},
		{Name: "has no first difference", Case: percent, Says: "cpu_percent",
			Fault: edit(func(s *agentv1.MetricsSample) { s.CpuPercent = math.NaN() })},
		{Name: "tells −1 for unknown", Case: loads, Says: "load1",
			Fault: edit(func(s *agentv1.MetricsSample) { s.Load1 = -1 })},
		{Name: "divides by nothing", Case: loads, Says: "run_queue",
			Fault: edit(func(s *agentv1.MetricsSample) { s.RunQueue = math.Inf(1) })},
	}
}

func edit(change func(*agentv1.MetricsSample)) agent.Middleware {
	return fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if s := resp.GetMetrics(); s != nil {
			change(s)
		}
	})
}

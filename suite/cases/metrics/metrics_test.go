package metrics_test

import (
	"math"
	"os"
	"testing"
	"time"

	"agentproof/agent"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases/metrics"
	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

func edit(change func(*agentv1.MetricsSample)) agent.Middleware {
	return trial.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if s := resp.GetMetrics(); s != nil {
			change(s)
		}
	})
}

func TestCasesNoticeWrongFigures(t *testing.T) {
	t.Parallel()
	start := time.Now().UnixMilli()
	trial.Noticed(t, metrics.Cases(), []trial.Mutant{
		{Name: "tells seconds", Case: "metrics.sample/current-timestamp", Says: "lies in the past",
			Fault: edit(func(s *agentv1.MetricsSample) { s.SampledAtMs /= 1000 })},
		{Name: "tells microseconds", Case: "metrics.sample/current-timestamp", Says: "lies in the future",
			Fault: edit(func(s *agentv1.MetricsSample) { s.SampledAtMs *= 1000 })},
		{Name: "samples once", Case: "metrics.sample/timestamp-moves-on", Says: "the same for longer",
			Fault: edit(func(s *agentv1.MetricsSample) { s.SampledAtMs = start })},
		{Name: "swaps memory", Case: "metrics.sample/used-within-total", Says: "mem_total_bytes",
			Fault: edit(func(s *agentv1.MetricsSample) { s.MemTotalBytes, s.MemUsedBytes = 1<<30, 1<<31 })},
		{Name: "swaps the disk", Case: "metrics.sample/used-within-total", Says: "disk_total_bytes",
			Fault: edit(func(s *agentv1.MetricsSample) { s.DiskTotalBytes, s.DiskUsedBytes = 1<<30, 1<<31 })},
		{Name: "swaps a GPU's memory", Case: "metrics.sample/used-within-total", Says: "a GPU's",
			Fault: edit(func(s *agentv1.MetricsSample) { s.Gpus = []*agentv1.GpuSample{{MemUsedBytes: 1}} })},
		{Name: "counts megabytes of memory", Case: "metrics.sample/totals-in-bytes", Says: "mem_total_bytes",
			Fault: edit(func(s *agentv1.MetricsSample) { s.MemTotalBytes = 8 << 10 })},
		{Name: "counts megabytes of disk", Case: "metrics.sample/totals-in-bytes", Says: "disk_total_bytes",
			Fault: edit(func(s *agentv1.MetricsSample) { s.DiskTotalBytes = 8 << 10 })},
		{Name: "adds up its cores", Case: "metrics.sample/percentages", Says: "cpu_percent",
			Fault: edit(func(s *agentv1.MetricsSample) { s.CpuPercent = 320 })},
		{Name: "has no first difference", Case: "metrics.sample/percentages", Says: "cpu_percent",
			Fault: edit(func(s *agentv1.MetricsSample) { s.CpuPercent = math.NaN() })},
		{Name: "tells −1 for unknown", Case: "metrics.sample/loads-are-numbers", Says: "load1",
			Fault: edit(func(s *agentv1.MetricsSample) { s.Load1 = -1 })},
		{Name: "divides by nothing", Case: "metrics.sample/loads-are-numbers", Says: "run_queue",
			Fault: edit(func(s *agentv1.MetricsSample) { s.RunQueue = math.Inf(1) })},
	})
}

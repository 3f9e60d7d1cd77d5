package metrics_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"agentproof/agent/internal/metrics"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that takes a second or two.
const patience = 30 * time.Second

func start(t testing.TB, root string) *metrics.Sampler {
	t.Helper()
	s := metrics.Start(root)
	t.Cleanup(s.Close)
	return s
}

func checkBounds(t testing.TB, m *agentv1.MetricsSample) {
	t.Helper()
	if m.GetCpuPercent() < 0 || m.GetCpuPercent() > 100 {
		t.Errorf("cpu_percent = %v", m.GetCpuPercent())
	}
	for name, v := range map[string]float64{"load1": m.GetLoad1(), "load5": m.GetLoad5(), "load15": m.GetLoad15(), "run_queue": m.GetRunQueue()} {
		if v < 0 {
			t.Errorf("%s = %v", name, v)
		}
	}
	if m.GetMemUsedBytes() > m.GetMemTotalBytes() || m.GetDiskUsedBytes() > m.GetDiskTotalBytes() {
		t.Errorf("more is used than there is: %v", m)
	}
}

func TestTheFirstSampleIsThereAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	now := time.UnixMilli(1_700_000_000_123)
	m := s.Sample(now)
	checkBounds(t, m)
	if m.GetSampledAtMs() != now.UnixMilli() {
		t.Errorf("sampled_at_ms = %d, want %d", m.GetSampledAtMs(), now.UnixMilli())
	}
	if m.GetMemTotalBytes() == 0 || m.GetMemUsedBytes() == 0 {
		t.Errorf("memory = %d of %d", m.GetMemUsedBytes(), m.GetMemTotalBytes())
	}
	if runtime.GOOS == "linux" && m.GetRunQueue() == 0 {
		t.Error("run_queue = 0 although this test runs")
	}
}

func TestADiskIsSampled(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	eventually(t, func() bool { return s.Sample(time.Now()).GetDiskTotalBytes() > 0 }, "the disk has a size")
}

func TestAMissingSourceIsZero(t *testing.T) {
	t.Parallel()
	s := start(t, "/no/such/directory")
	if m := s.Sample(time.Now()); m.GetDiskTotalBytes() != 0 || m.GetDiskUsedBytes() != 0 {
		t.Errorf("the disk of no directory has %d of %d bytes used", m.GetDiskUsedBytes(), m.GetDiskTotalBytes())
	}
}

func TestABusyProcessorShows(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !stop.Load() {
			runtime.Gosched()
		}
	})
	eventually(t, func() bool { return s.Sample(time.Now()).GetCpuPercent() > 0 }, "the processor is busy")
	checkBounds(t, s.Sample(time.Now()))
	stop.Store(true)
	wg.Wait()
}

func TestASampleIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				m := s.Sample(time.Now())
				checkBounds(t, m)
				m.CpuPercent, m.MemUsedBytes = 1e9, 1<<63
			}
		})
	}
	wg.Wait()
}

func TestSamplersDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	first := start(t, t.TempDir())
	for range 5 {
		other := metrics.Start(t.TempDir())
		checkBounds(t, other.Sample(time.Now()))
		other.Close()
		checkBounds(t, other.Sample(time.Now())) // still answers
	}
	checkBounds(t, first.Sample(time.Now()))
}

func eventually(t testing.TB, ok func() bool, what string) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for limit := time.After(patience); !ok(); {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatalf("not seen in %v: %s", patience, what)
		}
	}
}

func BenchmarkSample(b *testing.B) {
	s := start(b, b.TempDir())
	now := time.Now()
	for b.Loop() {
		s.Sample(now)
	}
}

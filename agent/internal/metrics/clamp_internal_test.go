package metrics

import (
	"math"
	"testing"
	"time"
)

func TestImpossibleNumbersAreClamped(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ percent, want float64 }{
		"a percentage":          {12.5, 12.5},
		"more than everything":  {180, 100},
		"counters that go back": {-3, 0},
		"no number":             {math.NaN(), 0},
		"no end":                {math.Inf(1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := new(Sampler)
			s.host.Store(&hostSample{cpuPercent: tc.percent, memUsed: 2, memTotal: 1, load1: math.Inf(-1)})
			s.disks.Store(&diskSample{used: 1 << 63, total: 5, taken: time.Now()})
			m := s.Sample(time.Now())
			if m.GetCpuPercent() != tc.want || m.GetMemUsedBytes() != 1 || m.GetDiskUsedBytes() != 5 || m.GetLoad1() != 0 {
				t.Errorf("sample = %v, want %v percent and nothing used twice", m, tc.want)
			}
		})
	}
}

func TestADiskThatStoppedAnsweringHasNoNumbers(t *testing.T) {
	t.Parallel()
	s := new(Sampler)
	s.host.Store(new(hostSample))
	s.disks.Store(&diskSample{used: 1, total: 5, taken: time.Now().Add(-2 * diskAge)})
	if m := s.Sample(time.Now()); m.GetDiskTotalBytes() != 0 || m.GetDiskUsedBytes() != 0 {
		t.Errorf("the disk has %d of %d bytes used", m.GetDiskUsedBytes(), m.GetDiskTotalBytes())
	}
}

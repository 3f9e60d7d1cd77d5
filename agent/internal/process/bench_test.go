package process_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"agentproof/agent/internal/process"
)

// BenchmarkRunTrue compares a run with os/exec's, in an order that chance
// decides.
func BenchmarkRunTrue(b *testing.B) {
	r := newRunner(b)
	c := process.Command{Argv: []string{"true"}, Dir: b.TempDir(), Env: os.Environ()}
	run := []func(){
		func() {
			if _, err := r.Run(b.Context(), c); err != nil {
				b.Fatal(err)
			}
		},
		func() {
			if err := exec.Command("true").Run(); err != nil {
				b.Fatal(err)
			}
		},
	}
	var took [2][]time.Duration
	for b.Loop() {
		for _, i := range rand.Perm(2) {
			begin := time.Now()
			run[i]()
			took[i] = append(took[i], time.Since(begin))
		}
	}
	var p50 [2]time.Duration
	for i, d := range took {
		slices.Sort(d)
		p50[i] = d[len(d)/2]
	}
	b.ReportMetric(float64(p50[0].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(p50[1].Nanoseconds()), "floor-ns")
	b.ReportMetric(float64(p50[0])/float64(p50[1]), "ratio")
}

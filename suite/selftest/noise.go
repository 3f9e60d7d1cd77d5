package selftest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// noiseScale shortens the waits for replies that the noise took.
const noiseScale = 0.05

// A NoisyAgent is an agent whose messages are spoiled at random.
type NoisyAgent struct {
	ID      string
	Subject subject.Subject
	// Harmless is set for noise that breaks no clause by itself: a run may
	// pass.
	Harmless bool
}

// Noise runs cases that nobody chose for it against an agent whose messages
// are spoiled, and returns what is wrong with the outcome: the run passed, a
// message that the wire spoiled counts as the harness's fault, or there is no
// report at all. Empty is as it should be.
func Noise(ctx context.Context, o Options, a NoisyAgent) (wrong string) {
	var cases []string
	for i := range o.Cases {
		if c := &o.Cases[i]; c.Launch == nil && c.Idle == 0 && !c.Exclusive && c.Profile() == verdict.ProfileCore {
			cases = append(cases, c.ID)
		}
	}
	r := &selfTest{opts: o}
	rep, err := r.run(ctx, a.Subject, cases, noiseScale)
	if err != nil {
		return err.Error()
	}
	var faults []string
	for _, res := range rep.Results {
		if res.Status == verdict.HarnessError {
			faults = append(faults, res.ID+": "+res.Reason)
		}
	}
	if len(faults) > 0 {
		return "the harness blames itself: " + strings.Join(faults, "; ")
	}
	if rep.Totals[verdict.Fail]+rep.Totals[verdict.Blocked] == 0 && !a.Harmless {
		return fmt.Sprintf("all of %d cases passed in %v", rep.Totals[verdict.Pass], rep.Took.Round(time.Millisecond))
	}
	return ""
}

package selftest_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"agentproof/agent/fault"
	"agentproof/docs/spec"
	"agentproof/internal/bundled"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/selftest"
	"agentproof/suite/subject"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	goleak.VerifyTestMain(m)
}

// cases are two about one clause, each of which looks at one nonce, and some
// about another that end in every other way.
func cases() []engine.Case {
	nonce := func(id string, nonce uint64) engine.Case {
		return engine.Case{ID: "ping.nonce/" + id, Clause: "ping.nonce", Explain: "x", Run: func(ctx context.Context, t *engine.T) {
			engine.Equal(t, "the nonce", t.Ping(ctx, nonce).GetNonce(), nonce)
		}}
	}
	other := func(id string, run func(context.Context, *engine.T)) engine.Case {
		return engine.Case{ID: "ping.monotonic/" + id, Clause: "ping.monotonic", Explain: "x", Run: run}
	}
	return []engine.Case{
		nonce("small", 1), nonce("large", 1<<40),
		other("untestable", func(_ context.Context, t *engine.T) { t.Untestable("not here") }),
		other("harness", func(ctx context.Context, t *engine.T) {
			if t.Ping(ctx, 1).GetNonce() != 1 {
				t.Harness(errors.New("the harness is at a loss"))
			}
		}),
		other("overran", func(ctx context.Context, t *engine.T) {
			if t.Ping(ctx, 1).GetNonce() != 1 {
				<-ctx.Done()
				t.Errorf("the nonce 1", "another, at last")
			}
		}),
	}
}

// off answers pings whose nonce is at least from with another nonce.
func off(from uint64) subject.Subject {
	return bundled.Mutated(fault.Mutant{Name: "is off", Case: "ping.nonce/x", Fault: fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if p := resp.GetPing(); p != nil && req.GetPing().GetNonce() >= from {
			p.Nonce++
		}
	})})
}

func options(t *testing.T, mutants ...selftest.Mutant) selftest.Options {
	t.Helper()
	clauses, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return selftest.Options{
		Spec: clauses, Cases: cases(), Mutants: mutants, HelperProgram: program,
		Control: subject.InProcess("the agent", bundled.InProcess),
	}
}

func TestAMutantIsKilledByItsOwnCaseForItsOwnReasonAlone(t *testing.T) {
	off := func(from uint64) func() subject.Subject { return func() subject.Subject { return off(from) } }
	for _, tt := range []struct {
		name   string
		mutant selftest.Mutant
		want   selftest.Verdict
		detail string
		code   int
	}{
		{"the one that its case notices", selftest.Mutant{Case: "ping.nonce/large", Says: "the nonce", Subject: off(2)}, selftest.Killed, "", 0},
		{"one that nothing notices", selftest.Mutant{Case: "ping.nonce/small", Says: "the nonce", Subject: off(2)}, selftest.Survived, "ping.nonce/small is pass", 1},
		{"one that is noticed by chance", selftest.Mutant{Case: "ping.nonce/large", Says: "a timeout", Subject: off(2)}, selftest.Misread, `for another reason than "a timeout"`, 1},
		{"one that another case notices too", selftest.Mutant{Case: "ping.nonce/large", Says: "the nonce", Subject: off(1)}, selftest.Strayed, "ping.nonce/small is fail", 1},
		{"one that another case may notice", selftest.Mutant{Case: "ping.nonce/large", Says: "the nonce", Also: []string{"ping.nonce/*"}, Subject: off(1)}, selftest.Killed, "", 0},
		{"one whose case cannot be run", selftest.Mutant{Case: "ping.monotonic/untestable", Says: "x", Subject: off(1)}, selftest.NotTried, "not here", 5},
		{"one that breaks the harness", selftest.Mutant{Case: "ping.monotonic/harness", Says: "at a loss", Subject: off(1)}, selftest.Broken, "harness-error", 3},
		{"one that only the clock ends", selftest.Mutant{Case: "ping.monotonic/overran", Says: "the nonce", Scale: 0.01, Subject: off(1)}, selftest.Broken, "ran out of time", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.mutant.ID, tt.mutant.Does = "ping.off", "is off"
			rep, err := selftest.Run(t.Context(), options(t, tt.mutant))
			if err != nil {
				t.Fatal(err)
			}
			got := rep.Outcomes[0]
			if got.Verdict != tt.want || !strings.Contains(got.Detail, tt.detail) || (got.Detail == "") != (tt.detail == "") {
				t.Errorf("%s: %q, want %s: %q", got.Verdict, got.Detail, tt.want, tt.detail)
			}
			if code := rep.ExitCode(); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if killed := tt.want == selftest.Killed; killed && !strings.HasPrefix(got.At, "suite/selftest_test/selftest_test.go:") {
				t.Errorf("it died at %q", got.At)
			}
		})
	}
}

func TestASelfTestThatCannotBeTrustedIsNone(t *testing.T) {
	sound := func() subject.Subject { return subject.InProcess("the agent", bundled.InProcess) }
	for _, tt := range []struct {
		name, want string
		change     func(*selftest.Options)
	}{
		{"no mutants", "no mutant to try", func(o *selftest.Options) { o.Mutants = nil }},
		{"a case that does not exist", `names the case "ping.nonce/none"`, func(o *selftest.Options) { o.Mutants[0].Case = "ping.nonce/none" }},
		{"no reason", "does not name the reason", func(o *selftest.Options) { o.Mutants[0].Says = "" }},
		{"a mutant twice", "is there twice", func(o *selftest.Options) { o.Mutants = append(o.Mutants, o.Mutants[0]) }},
		{"an agent with a fault of its own", "the agent without a fault does not pass: ping.nonce/large is fail", func(o *selftest.Options) { o.Control = off(1) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options(t, selftest.Mutant{ID: "ping.off", Case: "ping.nonce/small", Says: "the nonce", Subject: sound})
			tt.change(&o)
			if _, err := selftest.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestInTurnNothingRunsBesideAnythingElse(t *testing.T) {
	t.Parallel()
	var running, most atomic.Int32
	counted := func(ctx context.Context, env subject.Environment) error {
		n := running.Add(1)
		defer running.Add(-1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		return bundled.InProcess(ctx, env)
	}
	agent := func() subject.Subject { return subject.InProcess("the agent", counted) }
	o := options(t)
	for i := range o.Cases {
		o.Cases[i].Idle = time.Duration(i) * time.Millisecond
	}
	for _, id := range []string{"ping.nonce/small", "ping.nonce/large", "ping.monotonic/overran", "ping.monotonic/harness"} {
		o.Mutants = append(o.Mutants, selftest.Mutant{ID: "of." + id, Case: id, Says: "x", Subject: agent})
	}
	o.Control, o.Parallel = agent(), 1
	rep, err := selftest.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if n := rep.Totals[selftest.Survived]; n != len(o.Mutants) {
		t.Errorf("%d of %d agents without a fault survived", n, len(o.Mutants))
	}
	if n := most.Load(); n != 1 {
		t.Errorf("%d agents ran at once", n)
	}
}

func TestTheTextNamesWhatLivesAndCountsTheRest(t *testing.T) {
	t.Parallel()
	m := &selftest.Mutant{ID: "ping.off", Does: "is off", Case: "ping.nonce/small"}
	rep := &selftest.Report{
		Outcomes: []selftest.Outcome{{Mutant: m, Verdict: selftest.Killed}, {Mutant: m, Verdict: selftest.Survived, Detail: "ping.nonce/small is pass"}},
		Totals:   map[selftest.Verdict]int{selftest.Killed: 1, selftest.Survived: 1},
		Took:     1500 * time.Millisecond,
	}
	var b bytes.Buffer
	if err := rep.Text(&b); err != nil {
		t.Fatal(err)
	}
	const want = `SURVIVED  ping.off
  fault  the agent is off
  case   ping.nonce/small
  why    ping.nonce/small is pass

✗ 1 of 2 mutants killed in 1.5s, 1 survived
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestANoisyAgentIsJudgedByWhatItsNoiseBroke(t *testing.T) {
	for _, tt := range []struct {
		name  string
		agent selftest.NoisyAgent
		want  string // how what is wrong begins
	}{
		{"noise that a case notices", selftest.NoisyAgent{Subject: off(2)}, ""},
		{"noise that nothing notices", selftest.NoisyAgent{Subject: off(1 << 60)}, "all of 4 cases passed"},
		{"harmless noise", selftest.NoisyAgent{Subject: off(1 << 60), Harmless: true}, ""},
		{"noise that the harness takes for its own", selftest.NoisyAgent{Subject: off(1)}, "the harness blames itself: ping.monotonic/harness"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := selftest.Noise(t.Context(), options(t), tt.agent)
			if !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

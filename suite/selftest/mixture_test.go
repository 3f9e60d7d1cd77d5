package selftest_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"agentproof/agent/fault"
	"agentproof/internal/bundled"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/selftest"
	"agentproof/suite/subject"
)

// mixed are cases that each look at the nonce of one ping; the last can be
// arranged only if the first's is right.
func mixed() []engine.Case {
	nonce := func(id string, nonce uint64) engine.Case {
		return engine.Case{ID: "ping.nonce/" + id, Clause: "ping.nonce", Explain: "x", Run: func(ctx context.Context, t *engine.T) {
			engine.Equal(t, "the nonce", t.Ping(ctx, nonce).GetNonce(), nonce)
		}}
	}
	return []engine.Case{
		nonce("one", 1), nonce("two", 2), nonce("three", 3),
		{ID: "ping.monotonic/arranged", Clause: "ping.monotonic", Explain: "x", Run: func(ctx context.Context, t *engine.T) {
			engine.Equal(t.Given(), "the nonce", t.Ping(ctx, 1).GetNonce(), 1)
			engine.Equal(t, "the nonce", t.Ping(ctx, 2).GetNonce(), 2)
		}},
	}
}

// wrong is a mutant that gets one nonce wrong.
func wrong(id string, nonce uint64) *selftest.Mutant {
	return &selftest.Mutant{ID: id, Does: "is off", Case: "ping.nonce/" + id, Says: fmt.Sprintf("want the nonce %d", nonce)}
}

// adding is the fault of an agent that adds to the nonces of pings.
func adding(add func(nonce uint64) uint64) fault.Mutant {
	return fault.Mutant{Name: "is off", Case: "ping.nonce/x", Fault: fault.After(func(req *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if p := resp.GetPing(); p != nil {
			p.Nonce += add(req.GetPing().GetNonce())
		}
	})}
}

// mixtureOptions try one mixture on an agent that adds to nonces, the same way
// for every one of its instances, while it has all of the mixture's faults.
func mixtureOptions(t *testing.T, m selftest.Mixture, add func(nonce uint64) uint64) selftest.MixtureOptions {
	t.Helper()
	o := selftest.MixtureOptions{
		Options: options(t), Mixtures: []selftest.Mixture{m},
		Subject: func(faults []*selftest.Mutant) subject.Subject {
			if len(faults) < len(m.Faults) {
				return bundled.Mutated(adding(on()))
			}
			return bundled.Mutated(adding(add))
		},
	}
	o.Cases = mixed()
	return o
}

// on adds 1 to some nonces.
func on(nonces ...uint64) func(uint64) uint64 {
	return func(nonce uint64) uint64 {
		if slices.Contains(nonces, nonce) {
			return 1
		}
		return 0
	}
}

func TestAMixtureIsExactWhereEveryFaultIsNoticedAndNothingElse(t *testing.T) {
	t.Parallel()
	one, two := wrong("one", 1), wrong("two", 2)
	arranged := &selftest.Mutant{ID: "arranged", Does: "is off", Case: "ping.monotonic/arranged", Says: "want the nonce 2"}
	with := func(m *selftest.Mutant, change func(*selftest.Mutant)) *selftest.Mutant {
		c := *m
		change(&c)
		return &c
	}
	blasting := with(one, func(m *selftest.Mutant) { m.Blast = []string{"ping.monotonic/*"} })
	for _, tt := range []struct {
		name   string
		faults []*selftest.Mutant
		add    func(uint64) uint64
		want   []selftest.Verdict
		id     string // of the finding's case
		detail string // of the finding
		code   int
	}{
		{"all noticed", []*selftest.Mutant{blasting, with(two, func(m *selftest.Mutant) { m.Also = []string{"ping.nonce/three"} })}, on(1, 2, 3), nil, "", "", 0},
		{"one unnoticed", []*selftest.Mutant{blasting, two}, on(1), []selftest.Verdict{selftest.Survived}, "ping.nonce/two", "is pass", 1},
		{"one noticed for another reason", []*selftest.Mutant{blasting, with(two, func(m *selftest.Mutant) { m.Says = "a timeout" })}, on(1, 2),
			[]selftest.Verdict{selftest.Misread}, "ping.nonce/two", `is to fail for "a timeout" and is fail: want the nonce 2; got 3`, 1},
		{"one blocked by the other", []*selftest.Mutant{blasting, arranged}, on(1), nil, "", "", 0},
		{"one blocked by what nothing explains", []*selftest.Mutant{arranged, with(one, func(m *selftest.Mutant) { m.Case, m.Says = "ping.nonce/three", "want the nonce 3" })},
			on(1, 3), []selftest.Verdict{selftest.Misread, selftest.Strayed}, "ping.monotonic/arranged", "is blocked: could not arrange the case: want the nonce 1; got 2", 1},
		{"a case that nothing declares", []*selftest.Mutant{blasting, two}, on(1, 2, 3), []selftest.Verdict{selftest.Strayed}, "ping.nonce/three", "is fail: want the nonce 3; got 4", 1},
		{"a case that nothing declares is blocked", []*selftest.Mutant{one, wrong("three", 3)}, on(1, 3), []selftest.Verdict{selftest.Strayed}, "ping.monotonic/arranged", "is blocked", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rep, err := selftest.TryMixtures(t.Context(), mixtureOptions(t, selftest.Mixture{Faults: tt.faults}, tt.add))
			if err != nil {
				t.Fatal(err)
			}
			var got []selftest.Verdict
			for _, f := range rep.Outcomes[0].Wrong {
				got = append(got, f.Verdict)
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Fatalf("got %+v, want %v", rep.Outcomes[0].Wrong, tt.want)
			}
			if tt.id != "" && !slices.ContainsFunc(rep.Outcomes[0].Wrong, func(f selftest.Finding) bool {
				return f.Case == tt.id && strings.Contains(f.Detail, tt.detail)
			}) {
				t.Errorf("got %+v, want that %s %s", rep.Outcomes[0].Wrong, tt.id, tt.detail)
			}
			if code := rep.ExitCode(); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if exact := rep.Exact(); exact != 1-min(1, len(tt.want)) {
				t.Errorf("%d exact", exact)
			}
		})
	}
}

func TestAMixtureWhoseReportsDifferIsUnstable(t *testing.T) {
	t.Parallel()
	var runs atomic.Uint64 // pings that look at the nonce 2
	o := mixtureOptions(t, selftest.Mixture{Faults: []*selftest.Mutant{wrong("two", 2)}, Cases: []string{"ping.nonce/two"}}, func(nonce uint64) uint64 {
		if nonce != 2 {
			return 0
		}
		return runs.Add(1)
	})
	rep, err := selftest.TryMixtures(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := selftest.Finding{Verdict: selftest.Unstable, Case: "ping.nonce/two",
		Detail: "is fail: want the nonce 2; got 5; and in the second run fail: want the nonce 2; got 6"} // tried again
	if got := rep.Outcomes[0].Wrong; len(got) != 1 || got[0].Verdict != want.Verdict || got[0].Case != want.Case || got[0].Detail != want.Detail {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAMixtureThatIsExactWhenTriedAgainAloneIsExact(t *testing.T) {
	t.Parallel()
	var runs atomic.Uint64
	o := mixtureOptions(t, selftest.Mixture{Faults: []*selftest.Mutant{wrong("two", 2)}, Cases: []string{"ping.nonce/two"}}, func(nonce uint64) uint64 {
		if nonce != 2 {
			return 0
		}
		return min(runs.Add(1), 2)
	})
	rep, err := selftest.TryMixtures(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := rep.Summary(&text); err != nil {
		t.Fatal(err)
	}
	if !rep.Outcomes[0].Again || rep.Exact() != 1 || !strings.Contains(text.String(), ", 1 of them when tried again alone\n") {
		t.Errorf("got %+v and %q, want one that is exact at the second try", rep.Outcomes[0], text.String())
	}
}

func TestWhatOneFaultDoesAloneIsBeyondItsBlastAndNotTheMixtures(t *testing.T) {
	t.Parallel()
	one, two, all := wrong("one", 1), wrong("two", 2), wrong("three", 3)
	for _, tt := range []struct {
		name          string
		faults        []*selftest.Mutant
		wrong, beyond string // the verdict, the case and the faults
	}{
		{"a stray", []*selftest.Mutant{one, two}, "", "strayed ping.nonce/three one"},
		{"a reason of another", []*selftest.Mutant{one, {ID: "hidden", Does: "is off", Case: "ping.nonce/three", Says: "a timeout"}}, "", "misread ping.nonce/three one"},
		{"a reason of nobody", []*selftest.Mutant{two, {ID: "three", Does: "is off", Case: "ping.nonce/three", Says: "a timeout"}}, "misread ping.nonce/three ", ""},
		{"as it is to be", []*selftest.Mutant{two, all}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := mixtureOptions(t, selftest.Mixture{Faults: tt.faults, Cases: []string{"ping.nonce/*"}}, nil)
			o.Subject = func(faults []*selftest.Mutant) subject.Subject {
				add := map[string]func(uint64) uint64{"one": on(1, 3), "two": on(2), "three": on(3), "hidden": on()}
				return bundled.Mixed("the mixture", func() []fault.Mutant {
					var mutants []fault.Mutant
					for _, f := range faults {
						mutants = append(mutants, adding(add[f.ID]))
					}
					return mutants
				})
			}
			rep, err := selftest.TryMixtures(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			told := func(found []selftest.Finding) string {
				var s []string
				for _, f := range found {
					s = append(s, string(f.Verdict)+" "+f.Case+" "+strings.Join(f.Faults, ","))
				}
				return strings.Join(s, "; ")
			}
			out := rep.Outcomes[0]
			if w, b := told(out.Wrong), told(out.Beyond); w != tt.wrong || b != tt.beyond {
				t.Errorf("wrong %q, beyond %q; want %q and %q", w, b, tt.wrong, tt.beyond)
			}
			if exact := rep.Exact() == 1; exact != (tt.wrong == "") {
				t.Errorf("exact: %v", exact)
			}
		})
	}
}

func TestDrawsRepeatAndHoldWhatCanBeToldApart(t *testing.T) {
	t.Parallel()
	var cases []engine.Case
	var mutants []selftest.Mutant
	for i := range 40 {
		id := "ping.nonce/" + string(rune('a'+i%26)) + strings.Repeat("x", i/26+1)
		cases = append(cases, engine.Case{ID: id, Clause: "ping.nonce", Exclusive: i == 0})
		mutants = append(mutants, selftest.Mutant{ID: id, Case: id, Says: "x", Alone: i == 1}, selftest.Mutant{ID: id + "-too", Case: id, Says: "x"})
	}
	for i := range 20 {
		mutants[2*i].Sets = []string{"Token"}
		mutants[79-2*i].Blast = []string{"ping.nonce/b*"}
	}
	serial := &selftest.Mutant{ID: "serial", Case: "ping.monotonic/x", Says: "x"}
	const n = 300
	drawn := selftest.Draw(n, 7, mutants, serial, cases, false)
	same := 0
	for i, m := range selftest.Draw(n, 7, mutants[:78], serial, cases, false) {
		if m.String() == drawn[i].String() {
			same++
		}
	}
	if same < n/2 {
		t.Errorf("with two mutants of eighty fewer %d of %d mixtures are the same, want most", same, n)
	}
	again := selftest.Draw(n, 7, mutants, serial, cases, false)
	sizes, serials := make(map[int]int), 0
	for i := range drawn {
		m := &drawn[i]
		if a, b := m.Conflict(); a != "" {
			t.Errorf("%s and %s in one agent", a, b)
		}
		if m.String() != again[i].String() || !slices.Equal(m.Cases, again[i].Cases) {
			t.Errorf("the mixture %d is %s first and %s then", i, m, &again[i])
		}
		faults := m.Faults
		if faults[0] == serial {
			serials++
			faults = faults[1:]
		}
		sizes[len(faults)]++
		for _, f := range faults {
			if f.Case == cases[0].ID || f.Alone {
				t.Errorf("%s, whose case measures or which is for no mixture, is in one", f.ID)
			}
			if !slices.Contains(m.Cases, f.Case) {
				t.Errorf("%s is in a mixture without its case", f.ID)
			}
		}
	}
	if serials < n/4 || serials > n/2 {
		t.Errorf("%d of %d are serial, want a third", serials, n)
	}
	for size := range sizes {
		if size < 2 || size > 8 {
			t.Errorf("a mixture of %d faults", size)
		}
	}
	if len(sizes) < 7 {
		t.Errorf("the sizes are %v, want 2 to 8", sizes)
	}
}

func TestTheTextSaysHowToTryAMixtureAgain(t *testing.T) {
	t.Parallel()
	m := &selftest.Mixture{Faults: []*selftest.Mutant{wrong("one", 1), wrong("two", 2)}}
	rep := &selftest.MixtureReport{
		Outcomes: []selftest.MixtureOutcome{{Mixture: m}, {Mixture: m, Wrong: []selftest.Finding{
			{Verdict: selftest.Strayed, Case: "ping.nonce/three", Detail: "is fail: want 3", Faults: []string{"one"}},
			{Verdict: selftest.Strayed, Case: "ping.nonce/four", Detail: "is blocked", Sound: true},
			{Verdict: selftest.Unstable, Detail: "the two reports differ outside their cases"},
		}}},
		Took: 1500 * time.Millisecond,
	}
	var b bytes.Buffer
	for i := range rep.Outcomes {
		if err := rep.Outcomes[i].Text(&b); err != nil {
			t.Fatal(err)
		}
	}
	if err := rep.Summary(&b); err != nil {
		t.Fatal(err)
	}
	const want = `MISJUDGED
  fault      one: the agent is off
  fault      two: the agent is off
  strayed    ping.nonce/three is fail: want 3
             so it does for one alone
  strayed    ping.nonce/four is blocked
             and now for the agent without a fault, too
  unstable   the two reports differ outside their cases
  again      conformance selftest --mixture one,two

✗ 1 of 2 mixtures judged exactly in 1.5s
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestAStrayCaseThatTheSoundAgentGivesTooIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	m := selftest.Mixture{Faults: []*selftest.Mutant{wrong("one", 1)}, Cases: []string{"ping.nonce/*"}}
	o := mixtureOptions(t, m, on(1, 3))
	var pings atomic.Uint64 // of the agent without a fault, with the nonce 3
	o.Control = bundled.Mutated(adding(func(nonce uint64) uint64 {
		if nonce != 3 || pings.Add(1) == 1 {
			return 0
		}
		return 1
	}))
	rep, err := selftest.TryMixtures(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := rep.Outcomes[0].Wrong; len(got) != 1 || got[0].Case != "ping.nonce/three" || !got[0].Sound {
		t.Errorf("got %+v, want ping.nonce/three alone, which the sound agent fails too", got)
	}
}

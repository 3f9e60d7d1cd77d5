package runner_test

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"agentproof/docs/spec"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/instance"
	"agentproof/suite/report"
	"agentproof/suite/runner"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
	"agentproof/suite/wire"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	goleak.VerifyTestMain(m)
}

// answer is what a scripted agent does with a request: it returns the reply's
// bytes, none for silence.
type answer func(req *agentv1.ControlRequest) [][]byte

// pong answers pings, which is all that readiness needs, and refuses the rest.
func pong(req *agentv1.ControlRequest) [][]byte { return [][]byte{encode(reply(req))} }

func reply(req *agentv1.ControlRequest) *agentv1.ControlResponse {
	resp := &agentv1.ControlResponse{RequestId: req.GetRequestId()}
	if p := req.GetPing(); p != nil {
		resp.Result = &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{Nonce: p.GetNonce()}}
	} else {
		resp.Error = &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_UNSUPPORTED}
	}
	return resp
}

func encode(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return data
}

// scripted is an agent that answers as told, over a real connection. die ends
// it from inside, as a crash would.
func scripted(do answer, die <-chan struct{}) subject.Subject {
	return subject.InProcess("scripted", func(ctx context.Context, env subject.Environment) error {
		nc, err := nats.Connect(strings.Join(env.URLs, ","), nats.Token(env.Token))
		if err != nil {
			return err
		}
		defer nc.Close()
		base := "agent." + env.WorkspaceID + "." + env.AgentID
		_, err = nc.Subscribe(base+".rpc", func(m *nats.Msg) {
			req := &agentv1.ControlRequest{}
			if proto.Unmarshal(m.Data, req) != nil {
				return
			}
			for _, data := range do(req) {
				_ = m.Respond(data)
			}
		})
		if err != nil {
			return err
		}
		hello := &agentv1.Hello{AgentId: env.AgentID, WorkspaceRoot: env.Root, AgentVersion: "1", Capabilities: &agentv1.Capabilities{Exec: true, Desktop: true}}
		if err := errors.Join(nc.Publish(base+".hello", encode(hello)), nc.Flush()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-die:
			return errors.New("crashed")
		}
	})
}

func load(t testing.TB) *spec.Spec {
	t.Helper()
	s, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// options is a run of cases against a scripted agent. The scale keeps waits for
// replies that never come short.
func options(t testing.TB, do answer, cases ...engine.Case) runner.Options {
	t.Helper()
	for i := range cases {
		if cases[i].Clause == "" {
			cases[i].Clause = "ping.nonce"
		}
		if cases[i].Explain == "" {
			cases[i].Explain = "It tests the engine."
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return runner.Options{
		Spec: load(t), Cases: cases, Subject: scripted(do, nil),
		HelperProgram: exe, TimeoutScale: 0.05,
	}
}

func run(t testing.TB, opts runner.Options) *verdict.Report {
	t.Helper()
	rep, err := runner.Run(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// one runs a single case and returns its result.
func one(t testing.TB, do answer, c engine.Case) verdict.Result {
	t.Helper()
	c.ID = cmp.Or(c.ID, "ping.nonce/tried")
	return run(t, options(t, do, c)).Results[0]
}

func TestEveryOutcomeHasItsOwnStatus(t *testing.T) {
	t.Parallel()
	should := "envelope.order"
	may := "fence.ratchet"
	tests := map[string]struct {
		kase   engine.Case
		status verdict.Status
		reason string
	}{
		"a case that finds nothing passes": {
			engine.Case{Run: func(ctx context.Context, t *engine.T) { t.Ping(ctx, 1) }}, verdict.Pass, ""},
		"a broken MUST fails": {
			engine.Case{Run: func(_ context.Context, t *engine.T) { t.Fatalf("one", "two") }}, verdict.Fail, "want one; got two"},
		"a broken SHOULD warns": {
			engine.Case{ID: should + "/tried", Clause: should, Run: func(_ context.Context, t *engine.T) { t.Errorf("one", "two") }}, verdict.Warn, "want one; got two"},
		"a MAY is recorded and never judged": {
			engine.Case{ID: may + "/tried", Clause: may, Run: func(_ context.Context, t *engine.T) { t.Record("seen") }}, verdict.Pass, "seen"},
		"what could not be arranged blocks": {
			engine.Case{Run: func(_ context.Context, t *engine.T) { t.Given().Fatalf("one", "two") }}, verdict.Blocked, "could not arrange the case: want one; got two"},
		"a broken clause outweighs what came before and after": {
			engine.Case{Run: func(_ context.Context, t *engine.T) {
				t.Given().Errorf("one", "two")
				t.Errorf("three", "four")
				t.Errorf("five", "six")
			}}, verdict.Fail, "want three; got four"},
		"the harness may not be able to try": {
			engine.Case{Run: func(_ context.Context, t *engine.T) { t.Untestable("no second disk") }}, verdict.Untestable, "no second disk"},
		"a capability that is not advertised is not claimed": {
			engine.Case{Needs: engine.Git, Run: func(context.Context, *engine.T) { panic("ran") }}, verdict.NotClaimed, "the agent does not offer git"},
		"a case that panics is the harness's fault": {
			engine.Case{Run: func(context.Context, *engine.T) { panic("oops") }}, verdict.HarnessError, "the case panicked: oops"},
		"an error where a result was due fails": {
			engine.Case{Run: func(ctx context.Context, t *engine.T) { t.Exec(ctx, &agentv1.ExecRequest{}) }}, verdict.Fail, "want a result; got the error UNSUPPORTED: "},
		"another error than the one that was due fails": {
			engine.Case{Run: func(ctx context.Context, t *engine.T) {
				t.Refused(ctx, &agentv1.ExecRequest{}, agentv1.ErrorCode_ERROR_CODE_OS)
			}}, verdict.Fail, "want the error OS; got UNSUPPORTED: "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := one(t, pong, tc.kase)
			if got.Status != tc.status || got.Reason != tc.reason {
				t.Errorf("got %s %q, want %s %q\nnotes: %v", got.Status, got.Reason, tc.status, tc.reason, got.Notes)
			}
		})
	}
}

func TestAProfileIsClaimedByItsCapabilityAlone(t *testing.T) {
	t.Parallel()
	// An agent without terminals keeps what is asked of such agents.
	without := engine.Case{ID: "pty.no-relay/refused", Clause: "pty.no-relay", Run: func(context.Context, *engine.T) {}}
	opens := engine.Case{ID: "pty.open/tried", Clause: "pty.open", Run: without.Run}
	for name, tc := range map[string]struct {
		needs engine.Feature
		want  string
	}{
		"an agent that offers it": {engine.Exec, verdict.Conformant},
		"an agent that does not":  {engine.PTY, string(verdict.NotClaimed)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := opens
			open.Needs = tc.needs
			got := run(t, options(t, pong, open, without)).Profiles
			if want := []verdict.ProfileResult{{Name: verdict.ProfileTerminal, Result: tc.want}}; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestABrokenEnvelopeFailsWhateverTheCaseLooksAt(t *testing.T) {
	t.Parallel()
	// The pings of readiness carry no id and are answered as they should be.
	broken := func(change func(*agentv1.ControlResponse) [][]byte) answer {
		return func(req *agentv1.ControlRequest) [][]byte {
			if req.GetRequestId() == "" {
				return pong(req)
			}
			return change(reply(req))
		}
	}
	tests := map[string]struct {
		change func(*agentv1.ControlResponse) [][]byte
		want   string
	}{
		"another id": {func(r *agentv1.ControlResponse) [][]byte {
			r.RequestId += "x"
			return [][]byte{encode(r)}
		}, "envelope.request-id"},
		"a result and an error": {func(r *agentv1.ControlResponse) [][]byte {
			r.Error = &agentv1.AgentError{}
			return [][]byte{encode(r)}
		}, "envelope.result-xor-error"},
		"neither": {func(r *agentv1.ControlResponse) [][]byte {
			r.Result = nil
			return [][]byte{encode(r)}
		}, "envelope.result-xor-error"},
		"a result of another op": {func(r *agentv1.ControlResponse) [][]byte {
			r.Result = &agentv1.ControlResponse_FsMkdir{FsMkdir: &agentv1.FsMkdirResponse{}}
			return [][]byte{encode(r)}
		}, "envelope.result-matches-op"},
		"bytes that do not decode": {func(*agentv1.ControlResponse) [][]byte { return [][]byte{{0xff}} }, "decodes"},
		"silence":                  {func(*agentv1.ControlResponse) [][]byte { return nil }, "a reply to ping in time"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := one(t, broken(tc.change), engine.Case{Run: func(ctx context.Context, t *engine.T) {
				t.Call(ctx, &agentv1.PingRequest{})
			}})
			if got.Status != verdict.Fail || !strings.Contains(got.Reason, tc.want) {
				t.Errorf("got %s %q, want a failure about %q", got.Status, got.Reason, tc.want)
			}
			if len(got.Exchanges) != 1 {
				t.Errorf("%d exchanges kept, want the one", len(got.Exchanges))
			}
		})
	}
}

func TestASecondReplyFailsTheCaseThatAsked(t *testing.T) {
	t.Parallel()
	twice := func(req *agentv1.ControlRequest) [][]byte { return slices.Repeat(pong(req), 2) }
	got := one(t, twice, engine.Case{Run: func(ctx context.Context, t *engine.T) {
		t.Ping(ctx, 1)
		t.Ping(ctx, 2) // the second reply to the first came before this one's first
	}})
	if got.Status != verdict.Fail || !strings.Contains(got.Reason, "a second reply") {
		t.Errorf("got %s %q, want a failure about the second reply", got.Status, got.Reason)
	}
}

func TestARunSurvivesAnAgentThatDies(t *testing.T) {
	t.Parallel()
	die := make(chan struct{})
	opts := options(t, pong,
		engine.Case{ID: "ping.nonce/a-dies", Exclusive: true, Run: func(ctx context.Context, t *engine.T) {
			die <- struct{}{}
			<-t.Instance().Process.Done()
			t.Ping(ctx, 1)
		}},
		engine.Case{ID: "ping.nonce/b-goes-on", Run: func(ctx context.Context, t *engine.T) { t.Ping(ctx, 1) }},
	)
	opts.Subject = scripted(pong, die)
	rep := run(t, opts)
	if got := rep.Results[0].Status; got != verdict.Fail {
		t.Errorf("the case that lost its agent: %s, want %s", got, verdict.Fail)
	}
	if got := rep.Results[1]; got.Status != verdict.Pass {
		t.Errorf("the case after it: %s %q, want %s", got.Status, got.Reason, verdict.Pass)
	}
}

func TestAnAgentThatHangsIsReplaced(t *testing.T) {
	t.Parallel()
	var hangs atomic.Bool
	sometimes := func(req *agentv1.ControlRequest) [][]byte {
		if hangs.Load() {
			return nil
		}
		return pong(req)
	}
	opts := options(t, sometimes,
		engine.Case{ID: "ping.nonce/a-hangs", Exclusive: true, Run: func(ctx context.Context, t *engine.T) {
			hangs.Store(true)
			done := t.Instance().Process.Done()
			go func() { <-done; hangs.Store(false) }()
			t.Ping(ctx, 1)
		}},
		engine.Case{ID: "ping.nonce/b-goes-on", Run: func(ctx context.Context, t *engine.T) { t.Ping(ctx, 1) }},
	)
	rep := run(t, opts)
	if a, b := rep.Results[0], rep.Results[1]; a.Status != verdict.Fail || b.Status != verdict.Pass {
		t.Errorf("got %s and then %s %q, want fail and then pass", a.Status, b.Status, b.Reason)
	}
}

func TestAnAgentThatOneCaseEndsCostsTheOthersNothing(t *testing.T) {
	t.Parallel()
	ended, there := make(chan struct{}), make(chan struct{})
	opts := options(t, pong,
		engine.Case{ID: "ping.nonce/a-ends-the-agent", Run: func(ctx context.Context, t *engine.T) {
			<-there
			_ = t.Instance().Process.Kill()
			<-t.Instance().Process.Done()
			close(ended)
			t.Ping(ctx, 1)
		}},
		engine.Case{ID: "ping.nonce/b-runs-meanwhile", Run: func(ctx context.Context, t *engine.T) {
			close(there)
			<-ended
			t.Ping(ctx, 1)
		}},
	)
	rep := run(t, opts)
	if a, b := rep.Results[0], rep.Results[1]; a.Status != verdict.Fail || b.Status != verdict.Pass {
		t.Errorf("got %s and %s %q, want fail and pass", a.Status, b.Status, b.Reason)
	}
}

func TestNoTwoCasesHaveOneInstanceAtOnce(t *testing.T) {
	t.Parallel()
	var users sync.Map // *instance.Instance → *atomic.Int32
	var worst, reused atomic.Int32
	body := func(ctx context.Context, t *engine.T) {
		n, known := users.LoadOrStore(t.Instance(), new(atomic.Int32))
		if known {
			reused.Add(1)
		}
		now := n.(*atomic.Int32).Add(1)
		for seen := worst.Load(); now > seen && !worst.CompareAndSwap(seen, now); seen = worst.Load() {
		}
		t.Ping(ctx, 1)
		n.(*atomic.Int32).Add(-1)
	}
	var cases []engine.Case
	for i := range 40 {
		cases = append(cases, engine.Case{ID: "ping.nonce/" + strings.Repeat("x", i+1), Idle: time.Duration(i % 2), Run: body})
	}
	run(t, options(t, pong, cases...))
	if worst.Load() != 1 || reused.Load() == 0 {
		t.Errorf("%d cases had one instance at once, and %d a used one; want 1 and some", worst.Load(), reused.Load())
	}
}

// TestTheSameCasesMayMeetOnAnInstanceHoweverManyRunAtOnce: an instance that answers
// late is replaced, so that on a busy machine fewer cases meet, but never others.
func TestTheSameCasesMayMeetOnAnInstanceHoweverManyRunAtOnce(t *testing.T) {
	t.Parallel()
	const cases, lanes = 300, 25
	for _, parallel := range []int{1, 8} {
		var mu sync.Mutex
		met := make(map[*instance.Instance]int) // lanes
		var all []engine.Case
		for i := range cases {
			all = append(all, engine.Case{ID: "ping.nonce/" + strings.Repeat("x", i+1), Run: func(_ context.Context, t *engine.T) {
				mu.Lock()
				defer mu.Unlock()
				if lane, used := met[t.Instance()]; used && lane != i%lanes {
					t.Errorf("an instance for one lane", "one for two")
				}
				met[t.Instance()] = i % lanes
			}})
		}
		opts := options(t, pong, all...)
		opts.Parallel = parallel
		for _, res := range run(t, opts).Results {
			if res.Status != verdict.Pass {
				t.Errorf("%d at once: %s is %s: %s", parallel, res.ID, res.Status, res.Reason)
			}
		}
		if len(met) >= cases {
			t.Errorf("%d at once: %d cases on %d instances, want fewer", parallel, cases, len(met))
		}
	}
}

// TestAnInstanceIsReplacedAfterACaseThatDidNotLeaveItClean pins what a later case
// may find of an earlier one: nothing.
func TestAnInstanceIsReplacedAfterACaseThatDidNotLeaveItClean(t *testing.T) {
	t.Parallel()
	mute := func(req *agentv1.ControlRequest) [][]byte {
		if req.GetMetrics() != nil {
			return nil
		}
		return pong(req)
	}
	for name, tc := range map[string]struct {
		first    func(context.Context, *engine.T)
		replaced bool
	}{
		"a case that passes":               {func(ctx context.Context, t *engine.T) { t.Ping(ctx, 1) }, false},
		"a case that fails":                {func(_ context.Context, t *engine.T) { t.Fatalf("one", "two") }, true},
		"a request that is not answered":   {func(_ context.Context, t *engine.T) { t.Start(wire.NewRequest(&agentv1.MetricsRequest{})) }, true},
		"a file in the root":               {func(_ context.Context, t *engine.T) { leave(t, "file") }, true},
		"a directory of the case's":        {func(_ context.Context, t *engine.T) { leave(t, "agentproof/ping.nonce+a") }, true},
		"the empty directory of all cases": {func(_ context.Context, t *engine.T) { leave(t, "agentproof") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first, second *instance.Instance
			cases := []engine.Case{{ID: "ping.nonce/a", Run: func(ctx context.Context, t *engine.T) { first = t.Instance(); tc.first(ctx, t) }}}
			for i := range 15 { // in lanes of their own
				cases = append(cases, engine.Case{ID: "ping.nonce/a" + strings.Repeat("x", i+1), Run: func(context.Context, *engine.T) {}})
			}
			cases = append(cases, engine.Case{ID: "ping.nonce/b", Run: func(ctx context.Context, t *engine.T) { second = t.Instance() }})
			opts := options(t, mute, cases...)
			run(t, opts)
			if replaced := first != second; replaced != tc.replaced {
				t.Errorf("replaced: %v, want %v", replaced, tc.replaced)
			}
		})
	}
}

// leave makes a directory in the agent's root behind the agent's back.
func leave(t *engine.T, name string) {
	if err := os.MkdirAll(filepath.Join(t.Instance().LocalRoot(), name), 0o755); err != nil {
		t.Harness(err)
	}
}

func TestAnEndThatNobodyAskedForIsFound(t *testing.T) {
	t.Parallel()
	die := make(chan struct{})
	opts := options(t, pong,
		engine.Case{ID: "lifecycle.stays-up/judged", Clause: "lifecycle.stays-up", Run: func(ctx context.Context, t *engine.T) { t.Ping(ctx, 1) }},
		engine.Case{ID: "ping.nonce/passes", Run: func(ctx context.Context, t *engine.T) {
			t.Ping(ctx, 1)
			die <- struct{}{}
			<-t.Instance().Process.Done()
		}},
		engine.Case{ID: "ping.nonce/stops-it", Run: func(ctx context.Context, t *engine.T) {
			_ = t.Instance().Process.Signal(os.Interrupt)
			<-t.Instance().Process.Done()
		}},
		engine.Case{ID: "ping.nonce/waits", Run: func(ctx context.Context, t *engine.T) {
			die <- struct{}{}
			t.Ping(ctx, 1)
			t.Ping(ctx, 1)
		}},
	)
	opts.Subject, opts.Parallel = scripted(pong, die), 1
	rep := run(t, opts)
	var got []verdict.Status
	for _, res := range rep.Results {
		got = append(got, res.Status)
	}
	if want := []verdict.Status{verdict.Fail, verdict.Pass, verdict.Pass, verdict.Blocked}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if reason := rep.Results[0].Reason; !strings.Contains(reason, "ended by itself") {
		t.Errorf("the clause's case says %q", reason)
	}
}

func TestACaseThatNeverEndsDoesNotHangTheRun(t *testing.T) {
	t.Parallel()
	got := one(t, pong, engine.Case{Run: func(ctx context.Context, t *engine.T) {
		<-ctx.Done()
		t.Ping(ctx, 1)
	}})
	if got.Status != verdict.Fail {
		t.Errorf("got %s %q, want %s", got.Status, got.Reason, verdict.Fail)
	}
}

func TestCleanupsRunLastFirstAlsoAfterAFailure(t *testing.T) {
	t.Parallel()
	var order []string
	one(t, pong, engine.Case{Run: func(ctx context.Context, t *engine.T) {
		t.Cleanup(func(context.Context) { order = append(order, "first") })
		t.Cleanup(func(ctx context.Context) {
			if ctx.Err() == nil {
				order = append(order, "second")
			}
		})
		t.Fatalf("one", "two")
	}})
	if diff := gocmp.Diff([]string{"second", "first"}, order); diff != "" {
		t.Error(diff)
	}
}

func TestAnExclusiveCaseRunsAlone(t *testing.T) {
	t.Parallel()
	var running, worst atomic.Int32
	body := func(exclusive bool) func(context.Context, *engine.T) {
		return func(ctx context.Context, t *engine.T) {
			defer running.Add(-1)
			if n := running.Add(1); exclusive {
				worst.Store(max(worst.Load(), n))
			}
			t.Ping(ctx, 1)
			if exclusive {
				worst.Store(max(worst.Load(), running.Load()))
			}
		}
	}
	var cases []engine.Case
	for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
		cases = append(cases, engine.Case{ID: "ping.nonce/" + id, Exclusive: id < "c", Run: body(id < "c")})
	}
	run(t, options(t, pong, cases...))
	if worst.Load() != 1 {
		t.Errorf("%d cases ran beside an exclusive one, itself included", worst.Load())
	}
}

func TestASubjectThatDoesNotStartIsNoReport(t *testing.T) {
	t.Parallel()
	opts := options(t, pong, engine.Case{ID: "ping.nonce/tried", Run: func(context.Context, *engine.T) {}})
	opts.Subject = subject.InProcess("broken", func(context.Context, subject.Environment) error { return errors.New("no luck") })
	_, err := runner.Run(t.Context(), opts)
	if !errors.Is(err, instance.ErrNeverReady) {
		t.Fatalf("err = %v, want %v", err, instance.ErrNeverReady)
	}
	for _, want := range []string{"ended with status 1 before its Hello", "no luck"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want one that says %q", err, want)
		}
	}
}

func TestTheSameSubjectGivesTheSameReport(t *testing.T) {
	t.Parallel()
	cases := []engine.Case{
		{ID: "ping.nonce/passes", Run: func(ctx context.Context, t *engine.T) { t.Ping(ctx, 1) }},
		{ID: "ping.nonce/fails", Run: func(_ context.Context, t *engine.T) {
			t.Logf("at %v", time.Now())
			t.Fatalf("one", "two")
		}},
	}
	var reports [2]string
	for i := range reports {
		data, err := report.New(run(t, options(t, pong, slices.Clone(cases)...))).JSON()
		if err != nil {
			t.Fatal(err)
		}
		reports[i] = string(data)
	}
	if diff := gocmp.Diff(reports[0], reports[1]); diff != "" {
		t.Error(diff)
	}
}

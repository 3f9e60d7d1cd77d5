package script_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"agentproof/agent"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
)

// refuse is a script whose rules answer with an error that names them.
func refuse(rules ...string) string {
	var b strings.Builder
	b.WriteString("seed: 5\nrules:\n")
	for i, r := range rules {
		fmt.Fprintf(&b, "- {%s, do: {error: {code: OS, message: rule %d}}}\n", r, i+1)
	}
	return b.String()
}

// ruleOf is the number of the rule that refused a call, 0 for one that passed.
func ruleOf(tb testing.TB, err error) (n int) {
	tb.Helper()
	if e, ok := errors.AsType[*session.ControlError](err); ok {
		if _, scanErr := fmt.Sscanf(e.Message, "rule %d", &n); scanErr != nil {
			return 0 // the agent's own error
		}
	} else if err != nil {
		tb.Fatal(err)
	}
	return n
}

func TestRulesAreAboutCalls(t *testing.T) {
	t.Parallel()
	w := start(t, refuse(
		`on: exec, when: {argv: [no-such-program, "*"]}`,
		`on: exec, when: {argv: [no-such-program, "i*l", "**"], cwd: "packages/**"}`,
		`on: exec, when: {argv: "*rm -rf*"}`,
		`on: git, when: {argv: [push, "**"]}`,
		`on: git, when: {argv: [rev-parse, "**"]}`,
		`on: fs_*, when: {path: "**/*.lock"}`,
		`on: fs_read, when: {path: "*.txt"}`,
		`on: fs_list, when: {path: "."}`,
		`on: fs_stat, when: {path: "/**/etc/**"}`,
		`on: pty_open, when: {argv: [top]}`,
		`on: desktop_input, when: {event: key}`,
		`on: metrics`,
	), nil)
	mkdir := func(dir string) {
		if err := os.MkdirAll(filepath.Join(w.root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mkdir("packages/a")
	run := func(cwd string, argv ...string) *agentv1.ControlRequest {
		req := execute(nil, argv...)
		req.GetExec().Cwd = cwd
		return req
	}
	for _, tt := range []struct {
		name string
		req  *agentv1.ControlRequest
		want int
	}{
		{"a pattern for each element", run("", "no-such-program", "ci/cd"), 1},
		{"one element more", run("", "no-such-program", "ci", "--force"), 0},
		{"one element less", run("", "no-such-program"), 0},
		{"any elements, in the directory below", run("packages/a", "no-such-program", "install", "x", "y"), 2},
		{"any elements, in the directory itself", run(filepath.Join(w.root, "packages"), "no-such-program", "install", "x", "y"), 2},
		{"any elements, elsewhere", run("", "no-such-program", "install", "x", "y"), 0},
		{"elements as one text", run("", "sh", "-c", "sudo rm -rf /nowhere"), 3},
		{"a shell's command", shell("no-such-program  ci"), 1},
		{"words of a shell's command", shell("cd x && sudo", "rm -rf", "/nowhere"), 3},
		{"a git subcommand", git(agentv1.GitOp_GIT_OP_PUSH, "origin"), 4},
		{"a raw git subcommand", git(agentv1.GitOp_GIT_OP_RAW, "rev-parse"), 5},
		{"another git subcommand", git(agentv1.GitOp_GIT_OP_LOG), 0},
		{"a path at the top", write("yarn.lock", ""), 6},
		{"a path below", write("a/b/yarn.lock", ""), 6},
		{"a path that leads up and down again", write("a/../b/./yarn.lock", ""), 6},
		{"one of two paths", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsMove{
			FsMove: &agentv1.FsMoveRequest{From: "a", To: "b.lock"}}}, 6},
		{"neither of two paths", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsMove{
			FsMove: &agentv1.FsMoveRequest{From: "a", To: "b"}}}, 0},
		{"a path outside of the root", read("../yarn.lock"), 0},
		{"a star within one component", read("a.txt"), 7},
		{"a star over two components", read("a/b.txt"), 0},
		{"the root", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsList{FsList: &agentv1.FsListRequest{}}}, 8},
		{"below the root", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsList{FsList: &agentv1.FsListRequest{Path: "packages"}}}, 0},
		{"an absolute path", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsStat{
			FsStat: &agentv1.FsStatRequest{Path: "/usr/etc"}}}, 9},
		{"another absolute path", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsStat{
			FsStat: &agentv1.FsStatRequest{Path: "/usr/etcetera"}}}, 0},
		{"a terminal's command", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyOpen{
			PtyOpen: &agentv1.PtyOpenRequest{Command: []string{"top"}}}}, 10},
		{"a terminal's default command", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_PtyOpen{
			PtyOpen: &agentv1.PtyOpenRequest{}}}, 0},
		{"an event", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: &agentv1.DesktopInputRequest{
			Event: &agentv1.DesktopInputRequest_Key{Key: &agentv1.KeyEvent{Key: "a"}}}}}, 11},
		{"another event", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_DesktopInput{DesktopInput: &agentv1.DesktopInputRequest{
			Event: &agentv1.DesktopInputRequest_Scroll{Scroll: &agentv1.ScrollEvent{}}}}}, 0},
		{"an op alone", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_Metrics{Metrics: &agentv1.MetricsRequest{}}}, 12},
		{"an op of no rule", ping(), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.do(tt.req)
			if got := ruleOf(t, err); got != tt.want {
				t.Errorf("rule %d acted, want %d", got, tt.want)
			}
		})
	}
}

func TestTheFirstRuleThatActsIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	w := start(t, refuse(
		`on: ping, after: 1, times: 2`,
		`on: "p*", after: 1, times: 1`,
		`on: "*", after: 1`,
	), nil)
	var got []int
	for range 7 {
		_, err := w.do(ping())
		got = append(got, ruleOf(t, err))
	}
	// The second rule sees the calls 1, 4, 5 and so on, the third 1, 5, 6, 7.
	if want := []int{0, 1, 1, 2, 3, 3, 3}; !slices.Equal(got, want) {
		t.Errorf("rules %v acted, want %v", got, want)
	}
	if want := []string{"3 ping", "3 ping", "4 ping", "5 ping", "5 ping", "5 ping"}; !slices.Equal(w.acts.list(), want) {
		t.Errorf("logged %q, want %q", w.acts.list(), want)
	}
}

func TestTheSameSeedMeetsTheSameCalls(t *testing.T) {
	t.Parallel()
	const n = 64
	fates := func(t *testing.T, seed int) (fates string) {
		w := start(t, fmt.Sprintf("seed: %d\nrules: [{on: ping, probability: 0.5, do: {error: {code: OS, message: rule 1}}}]", seed), nil)
		// All at once from one connection, and each with its place in the order.
		inbox := w.cp.NewInbox()
		replies, err := w.cp.SubscribeSync(inbox)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			req := ping()
			req.GetPing().Nonce = uint64(i)
			req.RequestId = fmt.Sprint(i)
			w.send(req, inbox)
		}
		refused := make([]byte, n)
		for range n {
			resp := new(agentv1.ControlResponse)
			w.next(replies, resp)
			var i int
			if _, err := fmt.Sscan(resp.GetRequestId(), &i); err != nil {
				t.Fatal(err)
			}
			refused[i] = '.'
			if resp.GetError() != nil {
				refused[i] = 'x'
			}
		}
		return string(refused)
	}
	first, again, other := fates(t, 42), fates(t, 42), fates(t, 43)
	if first != again {
		t.Errorf("the same seed gave\n%s and\n%s", first, again)
	}
	if first == other {
		t.Errorf("two seeds gave %s", first)
	}
	if hits := strings.Count(first, "x"); hits < n/4 || hits > n*3/4 {
		t.Errorf("a probability of 0.5 acted on %d of %d calls", hits, n)
	}
}

func TestTheSameSeedTakesTheSameTime(t *testing.T) {
	t.Parallel()
	delays := func(seed int) []string {
		w := start(t, fmt.Sprintf("seed: %d\nrules: [{on: ping, do: {delay: {request: 1ms..20ms, reply: 1ms..20ms}}}]", seed), nil)
		for range 5 {
			if _, err := w.do(ping()); err != nil {
				t.Error(err)
			}
		}
		w.acts.mu.Lock()
		defer w.acts.mu.Unlock()
		return w.acts.said
	}
	first, again, other := delays(42), delays(42), delays(43)
	if len(first) != 5 || !slices.Equal(first, again) {
		t.Errorf("the same seed gave\n%q and\n%q", first, again)
	}
	if slices.Equal(first, other) {
		t.Errorf("two seeds gave %q", first)
	}
}

func TestErrorsAreSentAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	w := start(t, `
rules:
- {on: ping, times: 1, do: {error: FENCED}}
- {on: ping, times: 1, do: {error: {code: NOT_FOUND, message: gone, retryable: true, detail: {errno: 2, context: stat}}}}
`, nil)
	_, err := w.do(ping())
	if e, ok := errors.AsType[*session.ControlError](err); !ok || !e.Fenced || !e.Retryable || e.Message == "" || len(e.Detail) != 0 {
		t.Errorf("a code alone: %#v", err)
	}
	_, err = w.do(ping())
	if e, ok := errors.AsType[*session.ControlError](err); !ok || !e.OSNotFound || !e.Retryable || e.Message != "gone" ||
		len(e.Detail) != 2 || e.Detail["errno"] != "2" || e.Detail["context"] != "stat" {
		t.Errorf("all of it: %#v", err)
	}
}

func TestADelayIsAsLongAsItSays(t *testing.T) {
	t.Parallel()
	w := start(t, "rules: [{on: ping, times: 1, do: {delay: 200ms}}, {on: ping, do: {delay: {reply: 200ms}}}]", nil)
	for range 2 {
		begin := time.Now()
		if _, err := w.do(ping()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took < 200*time.Millisecond {
			t.Errorf("the reply came after %v", took)
		}
	}
}

func TestAStopEndsDelays(t *testing.T) {
	t.Parallel()
	w := start(t, `
rules:
- {on: fs_write, when: {path: late}, do: {delay: 1h}}
- {on: fs_write, when: {path: early}, do: {delay: {reply: 1h}}}
- {on: ping, do: {disconnect: {in: 1h, for: 1h}}}
`, nil)
	if _, err := w.do(ping()); err != nil {
		t.Fatal(err)
	}
	late, early := w.begin(write("late", "x"), patience), w.begin(write("early", "x"), patience)
	w.eventually("both writes are there", func() bool { return len(w.acts.list()) == 3 })
	w.appears("early")
	if len(early) != 0 || len(late) != 0 {
		t.Error("a reply did not wait")
	}
	begin := time.Now()
	w.stop()
	if err := <-late; !errors.Is(err, session.ErrDraining) {
		t.Errorf("what had not begun: error %v, want %v", err, session.ErrDraining)
	}
	if err := <-early; err != nil {
		t.Errorf("what was done: %v", err)
	}
	w.goodbye()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if _, err := os.Stat(filepath.Join(w.root, "late")); err == nil {
		t.Error("what had not begun was done")
	}
}

func TestADrainRefusesTheCallThatBeganIt(t *testing.T) {
	t.Parallel()
	w := start(t, "rules: [{on: exec, after: 1, times: 1, do: drain}]", nil)
	slow := w.begin(execute(nil, "sh", "-c", "touch began; until test -e go; do sleep 0.02; done"), patience)
	w.appears("began")
	for range 2 {
		if _, err := w.do(execute(nil, "true")); !errors.Is(err, session.ErrDraining) {
			t.Errorf("error %v, want %v", err, session.ErrDraining)
		}
	}
	if _, err := w.do(ping()); err != nil {
		t.Errorf("ping: %v", err)
	}
	for draining := false; !draining; {
		e := new(agentv1.AgentEvent)
		w.next(w.events, e)
		draining = e.GetHeartbeat().GetDraining()
	}
	if err := os.WriteFile(filepath.Join(w.root, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-slow; err != nil {
		t.Errorf("what ran already: %v", err)
	}
}

func TestAnAgentThatGoesOfflineForGoodStaysAway(t *testing.T) {
	t.Parallel()
	w := start(t, "rules: [{on: exec, do: offline}]", nil)
	if _, err := w.do(execute(nil, "touch", "trace")); !errors.Is(err, session.ErrDraining) {
		t.Errorf("error %v, want %v", err, session.ErrDraining)
	}
	if bye := w.goodbye(); bye.GetReason() != agentv1.GoingOfflineReason_GOING_OFFLINE_REASON_USER_STOP {
		t.Errorf("reason %v", bye.GetReason())
	}
	w.eventually("nobody answers", func() bool {
		_, err := w.do(ping())
		return errors.Is(err, session.ErrAgentOffline)
	})
	if _, err := os.Stat(filepath.Join(w.root, "trace")); err == nil {
		t.Error("the command ran")
	}
	if len(w.stopped) != 0 {
		t.Error("Run returned")
	}
}

// What counts lasts over an absence, or a rule would act on each new agent.
func TestCountsOutlastAnAbsence(t *testing.T) {
	t.Parallel()
	w := start(t, "rules: [{on: exec, times: 1, do: {offline: 100ms}}]", nil)
	if _, err := w.do(execute(nil, "true")); !errors.Is(err, session.ErrDraining) {
		t.Errorf("error %v, want %v", err, session.ErrDraining)
	}
	w.goodbye()
	w.hello()
	if _, err := w.do(execute(nil, "true")); err != nil {
		t.Error(err)
	}
}

func TestACutLastsAndTheAgentComesBack(t *testing.T) {
	t.Parallel()
	w := start(t, "rules: [{on: ping, times: 1, do: {disconnect: 1s, drop: request}}]", nil)
	begin := time.Now()
	lost := w.begin(ping(), 500*time.Millisecond)
	w.eventually("the script acts", func() bool { return len(w.acts.list()) == 1 })
	w.eventually("nobody answers", func() bool {
		_, err := w.session(100*time.Millisecond).Do(t.Context(), ping())
		return errors.Is(err, session.ErrAgentOffline)
	})
	if err := <-lost; !errors.Is(err, session.ErrReconnecting) {
		t.Errorf("the call that was lost: %v", err)
	}
	w.hello()
	if away := time.Since(begin); away < time.Second {
		t.Errorf("it was back after %v", away)
	}
	if _, err := w.do(ping()); err != nil {
		t.Error(err)
	}
}

func TestEveryResultCanBeOversize(t *testing.T) {
	t.Parallel()
	w := start(t, `rules: [{on: "*", do: oversize}]`, nil)
	for _, req := range []*agentv1.ControlRequest{
		ping(), write("f", "x"), read("f"), execute(nil, "echo"), git(agentv1.GitOp_GIT_OP_RAW, "version"),
		{Op: &agentv1.ControlRequest_FsList{FsList: &agentv1.FsListRequest{}}},
	} {
		_, err := w.do(req)
		e, ok := errors.AsType[*session.ControlError](err)
		if !ok || e.Code != agentv1.ErrorCode_ERROR_CODE_PAYLOAD_TOO_LARGE || e.Detail["max_payload"] != "1048576" {
			t.Errorf("%s: %#v", session.OpName(req), err)
		}
	}
	if _, err := w.do(read("missing")); !errors.Is(err, session.ErrNotExist) {
		t.Errorf("an error is oversize: %v", err)
	}
}

func TestAScriptLeavesTheSeamsOfTheConfigurationAlone(t *testing.T) {
	t.Parallel()
	var replies int
	w := start(t, `rules: [{on: ping, do: duplicate}]`, func(c *agent.Config) {
		c.MaxConcurrent = 1
		c.Middleware = []agent.Middleware{renonce}
		c.Replies = func(next agent.ReplyFunc) agent.ReplyFunc { return count(&replies, next) }
	})
	resp, err := w.do(ping())
	if err != nil || resp.GetPing().GetNonce() != 2 {
		t.Errorf("reply %v, error %v", resp, err)
	}
	w.stop()
	err = <-w.stopped
	w.stopped <- err
	if replies != 2 {
		t.Errorf("%d replies passed, want 2", replies)
	}
}

func TestAWrongConfigurationIsAnError(t *testing.T) {
	t.Parallel()
	if err := parsed(t, "rules: [{on: ping, do: drain}]").Run(t.Context(), agent.Config{}); err == nil {
		t.Error("Run took a configuration without ids")
	}
}

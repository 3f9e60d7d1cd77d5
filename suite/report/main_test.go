package report_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"agentproof/docs/spec"
	"agentproof/internal/bundled"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/runner"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

var update = flag.Bool("update", false, "write testdata instead of comparing with it")

func TestMain(m *testing.M) {
	helper.Intercept()
	goleak.VerifyTestMain(m)
}

// golden compares data with a file of testdata.
func golden(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(data)); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", path, diff)
	}
}

func loadSpec(t testing.TB) *spec.Spec {
	t.Helper()
	s, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// nasty is text that an agent could answer with and that breaks careless files.
const nasty = "a\x1b[31mred\x00\x07\u009b\xff\ufffe</failure>]]>&\r\nsecond line"

// cases end in every status there is, each in its own way.
func cases() []engine.Case {
	return []engine.Case{
		{ID: "ping.nonce/passes", Clause: "ping.nonce", Run: func(ctx context.Context, t *engine.T) { t.Ping(ctx, 1) }},
		{ID: "ping.nonce/fails", Clause: "ping.nonce", Run: func(_ context.Context, t *engine.T) {
			t.Errorf("the nonce 42", "43")
			t.Errorf("a reply that stays on one line", "%s", nasty)
			t.Logf("seen by %s\nand by another", "somebody")
		}},
		{ID: "envelope.order/warns", Clause: "envelope.order", Run: func(_ context.Context, t *engine.T) {
			t.Errorf("the order of arrival", "another")
		}},
		{ID: "fence.ratchet/recorded", Clause: "fence.ratchet", Run: func(_ context.Context, t *engine.T) { t.Record("the held epoch stays") }},
		{ID: "desktop.screenshot/not-claimed", Clause: "desktop.screenshot", Run: func(_ context.Context, t *engine.T) {
			t.NotClaimed("the agent does not offer desktop")
		}},
		{ID: "fs.list.hidden/untestable", Clause: "fs.list.hidden", Run: func(_ context.Context, t *engine.T) { t.Untestable("there is no second disk") }},
		{ID: "fs.list.hidden/untestable-too", Clause: "fs.list.hidden", Run: func(_ context.Context, t *engine.T) { t.Untestable("there is no second disk") }},
		{ID: "exec.cwd/blocked", Clause: "exec.cwd", Run: func(_ context.Context, t *engine.T) {
			t.Given().Fatalf("a directory", "none")
		}},
		{ID: "exec.cwd/breaks-the-harness", Clause: "exec.cwd", Run: func(_ context.Context, t *engine.T) { t.Harness(errors.New("the disk is full")) }},
		{ID: "exec.cwd/left-out", Clause: "exec.cwd", Run: func(context.Context, *engine.T) { panic("it ran") }},
	}
}

// everyStatus is the report of a real run in which every status occurs. What
// differs between two runs of it is replaced, so that its renderings can be
// compared byte for byte.
func everyStatus(t *testing.T) *verdict.Report {
	t.Helper()
	list := cases()
	for i := range list {
		list[i].Explain = "It tests the report."
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, err := runner.Run(t.Context(), runner.Options{
		Spec: loadSpec(t), Cases: list, HelperProgram: program,
		Subject:   subject.InProcess("an agent with\x1b[31m colours", bundled.InProcess),
		Selection: verdict.Selection{Skip: []string{"**/left-out"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Subject.Version, r.Subject.OS, r.Subject.Arch = "1.2.3", "linux", "x86_64"
	r.Started = time.Date(2026, 3, 4, 5, 6, 7, 891_234_567, time.FixedZone("", 3600))
	r.Target = []string{"--", "./my agent", "run"}
	r.Took = 83*time.Second + 400*time.Millisecond
	for i := range r.Results {
		c := &r.Results[i]
		c.Took = time.Duration(i+1) * 125 * time.Millisecond
		c.Output, c.Exchanges = "", nil
		if c.Status == verdict.Fail {
			c.Output = "first line\nlevel=ERROR msg=\x1b[31mno\n"
			c.Exchanges = exchanges(t)
		}
	}
	return r
}

// exchanges are what a failure has to show: a round trip, one without an
// answer, and one whose bytes mean nothing.
func exchanges(t *testing.T) []verdict.Exchange {
	t.Helper()
	ask := &agentv1.ControlRequest{RequestId: "id", Epoch: 7, Op: &agentv1.ControlRequest_Ping{Ping: &agentv1.PingRequest{Nonce: 42}}}
	answer := &agentv1.ControlResponse{RequestId: "id", Result: &agentv1.ControlResponse_Ping{Ping: &agentv1.PingResponse{Nonce: 43}}}
	return []verdict.Exchange{
		{Subject: "agent.ws.a.rpc", Request: marshal(t, ask), Response: marshal(t, answer), Took: 1500 * time.Microsecond},
		{Subject: "agent.ws.a.rpc", Request: marshal(t, ask), Err: errors.New("no reply within 20s"), Took: 20 * time.Second},
		{Subject: "agent.ws.b.rpc", Request: []byte("\xff\x00garbage"), Response: marshal(t, answer), Took: 10 * time.Microsecond},
	}
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

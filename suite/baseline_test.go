package suite_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"agentproof/agent"
	"agentproof/agent/fault"
	"agentproof/internal/bundled"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite"
	"agentproof/suite/report"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

// TestKnownFailuresDoNotFailATest embeds the suite as a vendor does whose agent
// has a failure that everybody knows. Were it not for the baseline, this test
// would fail.
func TestKnownFailuresDoNotFailATest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	known := filepath.Join(dir, "known.yaml")
	err := os.WriteFile(known, []byte(`schema: agentproof/baseline/v1
failures:
  - {case: ping.nonce/echoed, reason: want, issue: "https://example.com/7"}
  - {case: ping.nonce/full-range, reason: want}
`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	suite.Run(t, suite.Subject{
		InProcess: oneMore, Select: verdict.Selection{Cases: []string{"ping.**"}}, Baseline: known, OutDir: dir,
	})
	rep, err := report.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Verdict() != verdict.NotConformant || rep.ExitCode() != 0 || rep.Document.Baseline == nil {
		t.Errorf("verdict %s, exit code %d, baseline %+v", rep.Verdict(), rep.ExitCode(), rep.Document.Baseline)
	}
}

// oneMore is the reference agent, but that it adds one to a ping's nonce.
func oneMore(ctx context.Context, env subject.Environment) error {
	cfg := bundled.Config(env)
	cfg.Middleware = []agent.Middleware{fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
		if p := resp.GetPing(); p != nil {
			p.Nonce++
		}
	})}
	a, err := agent.New(cfg)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

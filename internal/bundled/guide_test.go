package bundled_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"agentproof/agent"
	"agentproof/agent/fault"
	"agentproof/docs/spec"
	"agentproof/internal/bundled"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases"
	"agentproof/suite/engine"
	"agentproof/suite/helper"
	"agentproof/suite/runner"
	"agentproof/suite/subject"
	"agentproof/suite/verdict"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	os.Exit(m.Run())
}

// table returns the rows below a head of docs/certify-your-agent.md, each as
// the names in code of its cells.
func table(t *testing.T, head string) [][][]string {
	t.Helper()
	guide, err := os.ReadFile("../../docs/certify-your-agent.md")
	if err != nil {
		t.Fatal(err)
	}
	_, below, ok := strings.Cut(string(guide), "\n| "+head+" |\n")
	if !ok {
		t.Fatalf("the guide has no table %q", head)
	}
	var rows [][][]string
	for line := range strings.Lines(below) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if strings.HasPrefix(line, "| ---") {
			continue
		}
		var row [][]string
		for cell := range strings.SplitSeq(strings.Trim(line, "| \n"), "|") {
			parts := strings.Split(cell, "`")
			var names []string
			for i := 1; i < len(parts); i += 2 {
				names = append(names, parts[i])
			}
			row = append(row, names)
		}
		rows = append(rows, row)
	}
	return rows
}

// guided is the agent of somebody who follows the guide: it performs some
// operations and refuses the others as the guide says.
func guided(t *testing.T, performs []string) subject.Subject {
	t.Helper()
	refusals := table(t, "operation | without consent to screen control | with it")
	var known []string
	for _, row := range refusals {
		known = append(known, row[0]...)
	}
	for _, row := range table(t, "step | areas | what they use") {
		known = append(known, row[2]...)
	}
	return subject.InProcess("a guided agent", func(ctx context.Context, env subject.Environment) error {
		cfg := bundled.Config(env)
		cfg.Middleware = append(cfg.Middleware, func(next agent.Handler) agent.Handler {
			return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
				op := opOf(req)
				if slices.Contains(performs, op) || !slices.Contains(known, op) {
					return next(ctx, req)
				}
				// The fence comes first, and a refusal leaves no trace.
				harmless := &agentv1.ControlRequest{RequestId: req.GetRequestId(), Epoch: req.GetEpoch(),
					Op: &agentv1.ControlRequest_Metrics{Metrics: &agentv1.MetricsRequest{}}}
				if resp := next(ctx, harmless); resp.GetError() != nil {
					return resp
				}
				return &agentv1.ControlResponse{RequestId: req.GetRequestId(), Error: &agentv1.AgentError{Code: refusal(refusals, op, env.ScreenControl)}}
			}
		})
		fault.Published(func(to string) bool { return strings.HasSuffix(to, ".hello") }, func(h *agentv1.Hello) []*agentv1.Hello {
			c := h.GetCapabilities()
			c.Exec, c.Git = slices.Contains(performs, "exec"), slices.Contains(performs, "git")
			c.Filesystem = slices.Contains(performs, "fs_stat")
			c.Pty, c.Desktop, c.Display = false, false, nil
			return []*agentv1.Hello{h}
		})(&cfg)
		a, err := agent.New(cfg)
		if err != nil {
			return err
		}
		return a.Run(ctx)
	})
}

// opOf is the name of the request's operation; empty for none.
func opOf(req *agentv1.ControlRequest) string {
	m := req.ProtoReflect()
	f := m.WhichOneof(m.Descriptor().Oneofs().ByName("op"))
	if f == nil {
		return ""
	}
	return string(f.Name())
}

// refusal is what the guide has an agent answer that does not perform op.
func refusal(rows [][][]string, op string, consented bool) agentv1.ErrorCode {
	name := "UNSUPPORTED"
	for _, row := range rows {
		if slices.Contains(row[0], op) {
			name = row[1][0]
			if consented {
				name = row[2][0]
			}
		}
	}
	return agentv1.ErrorCode(agentv1.ErrorCode_value["ERROR_CODE_"+name])
}

// judge runs the cases of some areas that wait for nothing.
func judge(t *testing.T, s subject.Subject, areas []string) []verdict.Result {
	t.Helper()
	clauses, err := spec.Load()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	quick := slices.DeleteFunc(cases.All(), func(c engine.Case) bool { return c.Idle > 0 || c.Exclusive })
	var globs []string
	for _, area := range areas {
		globs = append(globs, area+".**")
	}
	report, err := runner.Run(t.Context(), runner.Options{
		Spec: clauses, Cases: quick, Subject: s, HelperProgram: program,
		Selection: verdict.Selection{Cases: globs},
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(report.Results, func(r verdict.Result) bool { return r.Status == verdict.NotSelected })
}

func TestAnAgentThatFollowsTheGuideStepByStepIsNeverBlocked(t *testing.T) {
	t.Parallel()
	var performs, areas []string
	for _, row := range table(t, "step | areas | what they use") {
		performs, areas = append(performs, row[2]...), append(areas, row[1]...)
		passed := 0
		for _, r := range judge(t, guided(t, performs), row[1]) {
			switch r.Status {
			case verdict.Pass:
				passed++
			case verdict.NotClaimed, verdict.Untestable, verdict.Warn: // some SHOULDs measure
			default:
				t.Errorf("with %s: %s is %s: %s", strings.Join(row[1], ", "), r.ID, r.Status, r.Reason)
			}
		}
		if passed == 0 {
			t.Errorf("nothing passes with %s", strings.Join(row[1], ", "))
		}
	}
	for _, area := range []string{"ping", "subject", "envelope", "fence", "metrics", "path", "fs", "exec", "git", "error", "connect", "lifecycle"} {
		if !slices.Contains(areas, area) {
			t.Errorf("the guide's order leaves out %s", area)
		}
	}
}

func TestACoreAgentThatRefusesAsTheGuideSaysBreaksNothing(t *testing.T) {
	t.Parallel()
	var performs []string
	for _, row := range table(t, "step | areas | what they use") {
		performs = append(performs, row[2]...)
	}
	judged := 0
	for _, r := range judge(t, guided(t, performs), []string{"pty", "desktop", "stream"}) {
		switch r.Status {
		case verdict.Pass:
			judged++
		case verdict.NotClaimed, verdict.Untestable:
		default:
			t.Errorf("%s is %s: %s", r.ID, r.Status, r.Reason)
		}
	}
	if judged == 0 {
		t.Error("no refusal was judged")
	}
}

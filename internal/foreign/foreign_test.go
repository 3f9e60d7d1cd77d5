// Package foreign certifies an agent that shares no code with this project and
// has many faults at once: the one in Python, serial and with every fault that
// it knows. What the suite says of it is a golden file.
package foreign_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"agentproof/suite/verdict"
)

var (
	try    = flag.Bool("try", false, "run the agent in Python, which takes minutes and its packages: see 'make golden'")
	update = flag.Bool("update", false, "with -try: rewrite testdata/report.golden")
)

// root is the project's, and agent the command as the report names it.
const (
	root  = "../.."
	agent = "examples/python-agent/run"
)

func TestTheReportOnABadAgentIsExactAndStable(t *testing.T) {
	if !*try {
		t.Skip("it takes minutes: run 'make golden'")
	}
	program := filepath.Join(t.TempDir(), "conformance")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, root+"/cmd/conformance").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	argv := append([]string{agent, "--serial"}, faults(t)...)
	first, second := certify(t, program, argv), certify(t, program, argv)
	if !bytes.Equal(first, second) {
		t.Errorf("two runs differ:\n%s", difference(t, first, second))
	}
	golden := filepath.Join("testdata", "report.golden")
	got := normal(t, first)
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatal("there is no golden report yet: make it with -update and read it")
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the report is not the golden one:\n%s", difference(t, want, got))
	}
}

// faults are flags for all faults that the agent's help names.
func faults(t *testing.T) (flags []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, agent), "--help")
	cmd.Env = append(os.Environ(), "COLUMNS=1000", "NO_COLOR=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ask the agent for its faults: %v", err)
	}
	list := regexp.MustCompile(`\(repeatable\): (.*)`).FindSubmatch(out)
	if list == nil {
		t.Fatalf("the agent's help names no faults:\n%s", out)
	}
	for _, name := range regexp.MustCompile(`[a-z-]+`).FindAllString(string(list[1]), -1) {
		flags = append(flags, "--fault", name)
	}
	return flags
}

// certify runs the suite against the agent and returns its report.json.
func certify(t *testing.T, program string, argv []string) []byte {
	t.Helper()
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, slices.Concat([]string{"run", "--profile", "core", "--trace", "none", "--out", out, "--"}, argv)...)
	cmd.Dir = root
	text, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Fatalf("the run ended with %d (%v), want 1 for broken MUSTs:\n%s", code, err, text)
	}
	data, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// normal is a report without what legitimately differs: the machine, the
// agent's version, the number of cases and mutants, and what passes.
func normal(t *testing.T, report []byte) []byte {
	t.Helper()
	r := decode(t, report)
	delete(r, "suite")
	delete(r, "totals")
	if subject, ok := r["subject"].(map[string]any); ok {
		for _, key := range []string{"version", "os", "arch"} {
			delete(subject, key)
		}
	}
	cases, ok := r["cases"].([]any)
	if !ok || len(cases) == 0 {
		t.Fatal("the report holds no cases")
	}
	r["cases"] = slices.DeleteFunc(cases, func(c any) bool {
		status := verdict.Status(field(c, "status"))
		return status == verdict.Pass || status == verdict.NotSelected || status == verdict.NotClaimed
	})
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

func decode(t *testing.T, report []byte) map[string]any {
	t.Helper()
	var r map[string]any
	if err := json.Unmarshal(report, &r); err != nil {
		t.Fatalf("read the report: %v", err)
	}
	return r
}

func field(c any, name string) string {
	m, _ := c.(map[string]any)
	value, _ := m[name].(string)
	return value
}

// difference lists the cases that two reports judge in another way.
func difference(t *testing.T, before, after []byte) string {
	t.Helper()
	verdicts := func(report []byte) map[string]string {
		all := make(map[string]string)
		cases, _ := decode(t, report)["cases"].([]any)
		for _, c := range cases {
			all[field(c, "id")] = field(c, "status") + ": " + field(c, "reason")
		}
		return all
	}
	was, is := verdicts(before), verdicts(after)
	ids := make([]string, 0, len(was)+len(is))
	for id := range was {
		ids = append(ids, id)
	}
	for id := range is {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var out bytes.Buffer
	for _, id := range slices.Compact(ids) {
		if was[id] != is[id] {
			out.WriteString(id + "\n  - " + was[id] + "\n  + " + is[id] + "\n")
		}
	}
	return out.String()
}

func TestOnlyWhatLegitimatelyDiffersIsLeftOut(t *testing.T) {
	t.Parallel()
	const report = `{"subject": {"name": "agent", "version": "1", "os": "linux", "arch": "x86_64"}, "suite": {"cases": 3}, "totals": {"pass": 1},
		"verdict": "not-conformant", "cases": [
		{"id": "a", "status": "pass", "reason": ""}, {"id": "b", "status": "fail", "reason": "want x; got y"}, {"id": "c", "status": "blocked", "reason": "by b"}]}`
	got := string(normal(t, []byte(report)))
	want := `{
  "cases": [
    {
      "id": "b",
      "reason": "want x; got y",
      "status": "fail"
    },
    {
      "id": "c",
      "reason": "by b",
      "status": "blocked"
    }
  ],
  "subject": {
    "name": "agent"
  },
  "verdict": "not-conformant"
}
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	other := bytes.Replace([]byte(report), []byte("got y"), []byte("got z"), 1)
	if got, want := difference(t, []byte(report), other), "b\n  - fail: want x; got y\n  + fail: want x; got z\n"; got != want {
		t.Errorf("the difference is %q, want %q", got, want)
	}
}

//go:build unix

// Package action tests the GitHub Action in .github/actions/conformance, where
// go test would not look: its scripts run as the steps of a job do.
package action_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// job is what a runner hands from step to step.
type job struct {
	dir    string // where its steps run
	action string
	env    map[string]string
}

func newJob(t *testing.T) *job {
	t.Helper()
	action, err := filepath.Abs("../../.github/actions/conformance")
	if err != nil {
		t.Fatal(err)
	}
	j := &job{dir: t.TempDir(), action: action, env: map[string]string{"GITHUB_ACTION_PATH": action, "RUNNER_TEMP": t.TempDir()}}
	j.env["GITHUB_WORKSPACE"] = j.dir
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"} {
		j.env[name] = filepath.Join(j.env["RUNNER_TEMP"], name)
		if err := os.WriteFile(j.env[name], nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// step runs a script of the action and returns what it printed.
func (j *job) step(t *testing.T, env map[string]string, argv ...string) string {
	t.Helper()
	argv[1] = filepath.Join(j.action, argv[1])
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir = j.dir
	path := append(strings.Fields(j.read(t, "GITHUB_PATH")), os.Getenv("PATH"))
	cmd.Env = append(os.Environ(), "PATH="+strings.Join(path, ":"))
	for _, vars := range []map[string]string{j.env, env} {
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			cmd.Env = append(cmd.Env, name+"="+vars[name])
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(out)
}

// read returns what the steps wrote into one of the runner's files so far.
func (j *job) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(j.env[name])
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// output is the value that a step set last.
func (j *job) output(t *testing.T, name string) string {
	t.Helper()
	value := ""
	for line := range strings.Lines(j.read(t, "GITHUB_OUTPUT")) {
		if v, ok := strings.CutPrefix(line, name+"="); ok {
			value = strings.TrimSuffix(v, "\n")
		}
	}
	return value
}

// wants complains about every one of parts that text lacks.
func wants(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, text)
		}
	}
}

// build makes a program of the module for the job.
func build(t *testing.T, out, pkg string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", out, pkg)
	cmd.Dir = "../.."
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
}

func TestAJobThatRunsTheAction(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	build(t, filepath.Join(j.dir, "my agent"), "./cmd/fakeagent")

	j.step(t, map[string]string{"VERSION": ""}, "bash", "source.sh")
	source := j.output(t, "directory")
	j.step(t, map[string]string{"SOURCE": source}, "bash", "build.sh")

	inputs := map[string]string{
		"COMMAND": `"./my agent" run --epoch 3`, "PROFILE": "core", "LEVEL": "must", "BASELINE": "",
		"ARGS": "--case 'ping.nonce/*' --case fence.stale/a-write-creates-nothing", "OUT": "the report",
	}
	j.step(t, inputs, "bash", "run.sh")
	if got := j.output(t, "exit-code"); got != "1" {
		t.Fatalf("the agent that insists on an epoch gives exit code %s, want 1", got)
	}
	printed := j.step(t, nil, "python3", "summarize.py", "the report", "1")
	wants(t, "the annotations", printed,
		"::error title=fence.stale/a-write-creates-nothing (MUST)::want the error FENCED; got a result of fs_write")
	if got := j.output(t, "verdict"); got != "not-conformant" {
		t.Errorf("the verdict is %q", got)
	}
	wants(t, "the summary", j.read(t, "GITHUB_STEP_SUMMARY"),
		"## Conformance: not-conformant ✗", "./my agent run --epoch 3", "| core | not-conformant |",
		"| area | pass | fail |", "| ping | 2 | · |", "| fence | · | 1 |", "| total | 2 | 1 |",
		"### fail", "want  the error FENCED&#10;got   a result of fs_write", "A filtered run certifies nothing.")

	inputs["ARGS"] = "--case 'ping.nonce/*'"
	j.step(t, inputs, "bash", "run.sh")
	j.step(t, nil, "python3", "summarize.py", "the report", "0")
	if code, verdict := j.output(t, "exit-code"), j.output(t, "verdict"); code != "0" || verdict != "conformant" {
		t.Errorf("the cases that pass give exit code %s and verdict %s", code, verdict)
	}
}

func TestAJobWithoutAReport(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	out := filepath.Join(j.dir, "report")
	printed := j.step(t, map[string]string{"COMMAND": " ", "PROFILE": "", "LEVEL": "", "BASELINE": "", "ARGS": "", "OUT": out}, "bash", "run.sh")
	wants(t, "the annotations", printed, "::error title=conformance::the input command is empty")
	if got := j.output(t, "exit-code"); got != "2" {
		t.Errorf("no command gives exit code %q, want 2", got)
	}
	printed = j.step(t, nil, "python3", "summarize.py", out, "2")
	wants(t, "the annotations", printed, "::error title=conformance::conformance ended with 2 and made no report")
	wants(t, "the summary", j.read(t, "GITHUB_STEP_SUMMARY"), "## Conformance: no report")
	if got := j.output(t, "verdict"); got != "none" {
		t.Errorf("the verdict is %q, want none", got)
	}
}

func TestTheSummaryOfOddReports(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	type object = map[string]any
	failure := func(id, status string) object {
		return object{"id": id, "clause": "exec.cwd", "level": "must", "area": "exec", "status": status, "reason": "50%\n::error::<b>|\n\nend"}
	}
	known := failure("exec.cwd/known", "fail")
	known["baselined"], known["issue"] = true, "https://example.com/1"
	for name, doc := range map[string]object{
		"report.json": {
			"subject": object{"name": "a|<b>", "version": "1", "os": "linux", "arch": "x86_64"},
			"suite":   object{"cases": 2}, "spec": object{"revision": "r0.2"}, "verdict": "not-conformant",
			"profiles": []object{{"name": "core", "result": "not-conformant"}, {"name": "desktop", "result": "not-selected"}},
			"totals":   object{"pass": 0, "fail": 2},
			"cases":    []object{failure("exec.cwd/new", "fail"), known},
			"baseline": object{"entries": 2, "problems": []object{{"case": "a,b:c", "kind": "stale", "detail": "it passes"}}},
		},
		"run.json": {"seconds": 1.5, "cases": object{}},
	} {
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(j.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	printed := j.step(t, nil, "python3", "summarize.py", j.dir, "1")
	want := "::error title=exec.cwd/new (MUST)::50%25%0A::error::<b>|%0A%0Aend\n" +
		"::error title=baseline%3A a%2Cb%3Ac::stale: it passes\n"
	if printed != want {
		t.Errorf("the annotations are\n%s\nwant\n%s", printed, want)
	}
	summary := j.read(t, "GITHUB_STEP_SUMMARY")
	wants(t, "the summary", summary, "a&#124;&lt;b&gt;", "50%&#10;::error::&lt;b&gt;&#124;&#10;&#10;end", "known (https://example.com/1)",
		"Known by the baseline: 1.")
	if strings.Contains(summary, "desktop") {
		t.Errorf("the summary speaks of a profile that was not selected:\n%s", summary)
	}
}

// TestTheActionIsWhole holds action.yml against its scripts: every input is
// used, and every script that is run is there.
func TestTheActionIsWhole(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	data, err := os.ReadFile(filepath.Join(j.action, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	inputs, steps, ok := strings.Cut(string(data), "\noutputs:\n")
	if !ok {
		t.Fatal("action.yml has no outputs")
	}
	names := regexp.MustCompile(`(?m)^  ([a-z]+):$`).FindAllStringSubmatch(inputs, -1)
	if len(names) < 7 {
		t.Errorf("only %d inputs were found", len(names))
	}
	for _, m := range names {
		wants(t, "action.yml", steps, "inputs."+m[1])
	}
	scripts := regexp.MustCompile(`\$GITHUB_ACTION_PATH/([a-z.]+)`).FindAllStringSubmatch(steps, -1)
	if len(scripts) != 4 {
		t.Errorf("%d scripts are run, want 4", len(scripts))
	}
	for _, m := range scripts {
		if _, err := os.Stat(filepath.Join(j.action, m[1])); err != nil {
			t.Error(err)
		}
	}
}

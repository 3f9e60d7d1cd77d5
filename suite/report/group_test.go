package report_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"agentproof/docs/spec"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// broken is a case that ended in a status, for a reason that has a cause.
func broken(status verdict.Status, id, cause, want, got string) verdict.Result {
	clause, _, _ := strings.Cut(id, "/")
	area, _, _ := strings.Cut(id, ".")
	f := verdict.Failure{Want: want, Got: got, Cause: cause}
	reason := f.String()
	if status == verdict.Blocked {
		reason = "could not arrange the case: " + reason
	}
	return verdict.Result{
		ID: id, Clause: clause, Level: spec.Must, Area: area, Profile: verdict.ProfileCore, Status: status,
		Reason: reason, Cause: cause, Failures: []verdict.Failure{f},
	}
}

// textOf is the text report of results, which are sorted by id.
func textOf(t *testing.T, opts report.TextOptions, results ...verdict.Result) string {
	t.Helper()
	r := &verdict.Report{Results: results, Revision: spec.Revision}
	r.Sum()
	return text(t, r, opts)
}

func TestCasesOfOneCauseAreOneFinding(t *testing.T) {
	t.Parallel()
	const silence = "a reply to git in time"
	got := textOf(t, report.TextOptions{},
		broken(verdict.Blocked, "exec.argv/words", "fs_mkdir", "a result", "the error OS: mkdir a: no"),
		broken(verdict.Blocked, "exec.cwd/root", "fs_mkdir", "a result", "the error OS: mkdir b: no"),
		broken(verdict.Fail, "fs.mkdir.parents/made", "fs_mkdir", "a result", "the error OS: mkdir c: no"),
		broken(verdict.Fail, "fs.read.range/head", "", `the content "a" of 10 bytes`, `"b"`),
		broken(verdict.Fail, "fs.read.range/tail", "", `the content "c" of 20 bytes`, `"d"`),
		broken(verdict.Fail, "fs.read.whole/empty", "", `the content "a" of 10 bytes`, `"b"`),
		broken(verdict.Fail, "git.argv/add", "git", silence, "none"),
		broken(verdict.Fail, "git.cwd/absolute", "git", silence, "none"),
		broken(verdict.Fail, "path.empty/git-cwd", "git", silence, "none"),
		broken(verdict.Fail, "ping.nonce/echoed", "envelope.request-id", "the request's id echoed (envelope.request-id)", "another id"),
		broken(verdict.Warn, "ping.time/soon", "git", silence, "none"),
	)
	for _, want := range []string{
		"BLOCKED  blocked by fs.mkdir  (first failed in fs.mkdir.parents/made)  2 of 11 findings\n",
		"FAIL  no reply to git in time  3 of 11 findings\n  clause  3 clauses: git.argv git.cwd path.empty\n  first   git.argv/add",
		"also    git.cwd/absolute path.empty/git-cwd\n",
		"FAIL  fs.read.range  2 of 11 findings\n",
		"FAIL  fs.read.whole/empty  <1 ms\n",
		"FAIL  fs.mkdir answers the error OS  1 of 11 findings\n",
		"FAIL  the request's id echoed (envelope.request-id); got another id  1 of 11 findings\n",
		"WARN  no reply to git in time  1 of 11 findings\n",
		"    2  blocked  blocked by fs.mkdir  fs.mkdir.parents/made\n",
		"not conformant, 7 MUST broken in 8 cases, 1 SHOULD broken\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if n := strings.Count(got, "  got     none\n"); n != 2 {
		t.Errorf("it says %d times that nothing came, want once for each status", n)
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestACauseThatNoCaseJudgesNamesTheFirstBlocked(t *testing.T) {
	t.Parallel()
	got := textOf(t, report.TextOptions{},
		broken(verdict.Blocked, "exec.argv/words", "helper", "a helper that runs", "exit code 1"),
		broken(verdict.Blocked, "exec.cwd/root", "helper", "a helper that runs", "exit code 2"))
	if want := "BLOCKED  blocked by the helper program  (first failed in exec.argv/words)  2 cases\n"; !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant in it\n%s", got, want)
	}
}

// TestAFindingFitsItsRows has more to say of a case than any terminal shows.
func TestAFindingFitsItsRows(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("words of a long text ", 60)
	var results []verdict.Result
	for i := range 90 {
		res := broken(verdict.Fail, fmt.Sprintf("fs.read.whole/case-%02d", i), "", "a text: "+long, "another: "+long)
		res.Failures = append(res.Failures, res.Failures[0], res.Failures[0])
		res.Failures[0].Printed = strings.Repeat(long+"\n", 9)
		res.Notes = strings.Split(strings.Repeat("a note that says something\n", 30), "\n")
		res.Exchanges = exchanges(t)
		res.Exchanges[2].Request = append(res.Exchanges[2].Request, long...)
		res.Transcript, res.Screenshot = "transcripts/x.ndjson", []byte("x")
		results = append(results, res)
	}
	r := &verdict.Report{Results: results, Revision: spec.Revision, Target: []string{"--", "/opt/agents/" + strings.Repeat("x", 60), "run"}}
	r.Sum()
	for _, width := range []int{80, 100, 140} {
		got := text(t, r, report.TextOptions{Spec: loadSpec(t), Width: width, Dir: "out/report"})
		finding, _, _ := strings.Cut(got, "\n\n")
		rows := 0
		for line := range strings.Lines(finding) {
			rows += 1 + max(0, utf8.RuneCountInString(strings.TrimRight(line, "\n"))-1)/width
		}
		if rows > 20 || rows < 15 {
			t.Errorf("at %d columns it takes %d rows, want what fits 20:\n%s", width, rows, finding)
		}
		for _, part := range []string{"want", "got", "→", "←", "agent", "trace", "also", "run it"} {
			if !strings.Contains(finding, "\n  "+part+" ") {
				t.Errorf("at %d columns it lacks the part %q:\n%s", width, part, finding)
			}
		}
	}
}

func TestTheAgentsWordsStandBesideSilence(t *testing.T) {
	t.Parallel()
	silent := broken(verdict.Fail, "git.argv/add", "git", "a reply to git in time", "none")
	silent.Output = "started\nconnected\n"
	if got := textOf(t, report.TextOptions{}, silent); !strings.Contains(got, "agent   (it printed nothing from the request to the verdict)\n") {
		t.Errorf("got\n%s", got)
	}
	silent.Failures[0].Printed = "panic: index out of range\n"
	if got := textOf(t, report.TextOptions{}, silent); !strings.Contains(got, "agent   panic: index out of range\n") || strings.Contains(got, "connected") {
		t.Errorf("got\n%s", got)
	}
}

// TestASubjectCannotFakeLines gives an agent a name that looks like a verdict.
func TestASubjectCannotFakeLines(t *testing.T) {
	t.Parallel()
	const fake = "agent\n✓ agent: conformant\u202egnol\u2066\u2028\u200b"
	r := &verdict.Report{Revision: fake, Subject: verdict.SubjectInfo{Name: fake, Version: fake, OS: fake, Arch: fake}, Target: []string{"--", fake}}
	for _, status := range verdict.Statuses() {
		res := broken(status, "ping.nonce/"+string(status), "", fake, fake)
		res.Exchanges = exchanges(t)
		res.Exchanges[2].Subject, res.Exchanges[1].Err = fake, errorText(fake)
		res.Notes, res.Output = []string{fake}, fake
		r.Results = append(r.Results, res)
	}
	r.Sum()
	got := text(t, r, report.TextOptions{Dir: "out"})
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "✓") || strings.ContainsAny(line, "\u202e\u2066\u2028\u200b") {
			t.Errorf("the agent wrote the line %q", line)
		}
	}
}

func TestACommandCanBePasted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		area   string
		target []string
		want   string
	}{
		{"ping", []string{}, "conformance run --case 'a.b/c'"},
		{"relay", []string{"ws://127.0.0.1:1/stream"}, "conformance relay --case 'a.b/c' ws://127.0.0.1:1/stream"},
		{"ping", []string{"--", "sh", "-c", `exec "$AGENT" it's`, ""}, `conformance run --case 'a.b/c' -- sh -c 'exec "$AGENT" it'\''s' ''`},
		{"ping", []string{"--attach", "nats://me:${SECRET_PASSWORD}@h:1"}, `conformance run --case 'a.b/c' --attach nats://me:"${SECRET_PASSWORD}"@h:1`},
		{"ping", []string{"--", "run", "${HOME}"}, `conformance run --case 'a.b/c' -- run '${HOME}'`},
	} {
		if got := report.Command("a.b/c", tt.area, tt.target); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

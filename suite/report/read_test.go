package report_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// written is a directory with the files of everyStatus.
func written(t *testing.T) (dir string, r *verdict.Report) {
	t.Helper()
	dir, r = t.TempDir(), everyStatus(t)
	if err := report.Write(dir, r); err != nil {
		t.Fatal(err)
	}
	return dir, r
}

func render(t testing.TB, r *report.Report, format string) string {
	t.Helper()
	var b strings.Builder
	if err := r.Render(&b, format, report.TextOptions{Spec: loadSpec(t)}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestAReportThatWasReadBackLooksTheSame is what lets people throw away
// everything but the two files.
func TestAReportThatWasReadBackLooksTheSame(t *testing.T) {
	t.Parallel()
	dir, live := written(t)
	back, err := report.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range report.Formats() {
		if diff := cmp.Diff(render(t, report.New(live), format), render(t, back, format)); diff != "" {
			t.Errorf("%s (-live +read):\n%s", format, diff)
		}
	}
	if back.ExitCode() != live.ExitCode() || back.Verdict() != live.Verdict() {
		t.Errorf("exit code %d and verdict %s, want %d and %s", back.ExitCode(), back.Verdict(), live.ExitCode(), live.Verdict())
	}
	if err := back.Render(io.Discard, "yaml", report.TextOptions{}); err == nil {
		t.Error("it renders a format that there is none of")
	}
}

func TestReadRefusesWhatDoesNotFitTogether(t *testing.T) {
	t.Parallel()
	const doc, run = "report.json", "run.json"
	for _, tt := range []struct {
		name     string
		file     string
		old, new string // new replaces old; without an old one the whole file
		want     string
	}{
		{"no JSON", doc, "", "PASS", "it is no JSON object"},
		{"an array", doc, "", "[]", "it is no JSON object"},
		{"half of the file", doc, "\"verdict\": \"not-conformant\",\n", "", `its verdict is "", its cases are not-conformant`},
		{"more than a file", doc, "", `{"schema":"` + report.Schema + `"} {}`, "there is something behind the JSON object"},
		{"a later schema", doc, report.Schema, "agentproof/report/v2", `its schema is "agentproof/report/v2", this program reads "agentproof/report/v1"`},
		{"a member of another type", doc, `"verdict": "not-conformant"`, `"verdict": 7`, "it is not of schema agentproof/report/v1"},
		{"a failure that was painted over", doc, `"status": "fail"`, `"status": "pass"`, "its total of pass is 2, its cases sum to 3"},
		{"a total that was painted over", doc, `"fail": 1`, `"fail": 0`, "its total of fail is 0, its cases sum to 1"},
		{"a total of nothing", doc, `"fail": 1`, `"fail": 1, "great": 9`, "it has the total of a status that there is none of"},
		{"a verdict that was painted over", doc, `"verdict": "not-conformant"`, `"verdict": "conformant"`, `its verdict is "conformant", its cases are not-conformant`},
		{"a profile that was painted over", doc, `"result": "not-conformant"`, `"result": "conformant"`, "the results of its profiles do not follow"},
		{"an unknown status", doc, `"status": "fail"`, `"status": "fine"`, `the status "fine", which there is none of`},
		{"another area", doc, `"area": "ping"`, `"area": "pong"`, `is of the area "pong"`},
		{"an id that is a path", doc, `"id": "ping.nonce/fails"`, `"id": "ping.nonce/../../fails"`, `"ping.nonce/../../fails" is no id of a case`},
		{"ids out of order", doc, `"id": "exec.cwd/blocked"`, `"id": "exec.zzz/blocked"`, "as ids are sorted"},
		{"a missing case", doc, `"cases": 10`, `"cases": 11`, "it has 10 of 11 cases"},
		{"a case of no baseline", doc, `"status": "fail",`, `"status": "fail", "baselined": true,`, "is in a baseline, and there is none"},
		{"no level", doc, `"level": "must"`, `"level": "maybe"`, `want must, should or may`},
		{"a run of another schema", run, report.RunSchema, "x/v1", `its schema is "x/v1", this program reads "agentproof/run/v1"`},
		{"a run of another report", run, `"ping.nonce/fails"`, `"ping.nonce/flies"`, `it has the case "ping.nonce/flies", which report.json has not`},
		{"a run of fewer cases", run, "\"fence.ratchet/recorded\": {\n      \"seconds\": 0.75\n    },", "", `it lacks the case "fence.ratchet/recorded", which report.json has`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir, _ := written(t)
			path := filepath.Join(dir, tt.file)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			changed := []byte(tt.new)
			if tt.old != "" {
				changed = bytes.Replace(data, []byte(tt.old), []byte(tt.new), 1)
			}
			if bytes.Equal(data, changed) {
				t.Fatalf("nothing to change in\n%s", data)
			}
			if err := os.WriteFile(path, changed, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err = report.Read(dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v\nwant %q and the file's name", err, tt.want)
			}
		})
	}
}

func TestReadNamesTheFileThatIsMissing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"report.json", "run.json"} {
		dir, _ := written(t)
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := report.Read(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, name)) {
			t.Errorf("got %v", err)
		}
	}
}

func TestADocumentIsReadFromItsFileOrDirectory(t *testing.T) {
	t.Parallel()
	dir, _ := written(t)
	for _, path := range []string{dir, filepath.Join(dir, "report.json")} {
		if doc, err := report.ReadDocument(path); err != nil || len(doc.Cases) != len(cases()) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// FuzzRead feeds it files of strangers: what it takes, every format renders,
// and report.json comes out as it went in.
func FuzzRead(f *testing.F) {
	var files [2][]byte
	for i, name := range []string{"report.json", "run.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		files[i] = data
	}
	f.Add(files[0], files[1])
	f.Add([]byte(`{"schema":"agentproof/report/v1","verdict":"conformant","suite":{"cases":1},"profiles":[{"name":"core","result":"conformant"}],`+
		`"totals":{"pass":1},"cases":[{"id":"a.b/c","area":"a","level":"must","status":"pass"}]}`),
		[]byte(`{"schema":"agentproof/run/v1","cases":{"a.b/c":{"screenshot":"../x","exchanges":[{"request":"\u001b"}]}}}`))
	f.Fuzz(func(t *testing.T, doc, run []byte) {
		dir := t.TempDir()
		for name, data := range map[string][]byte{"report.json": doc, "run.json": run} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r, err := report.Read(dir)
		if err != nil {
			return
		}
		for _, format := range report.Formats() {
			if err := r.Render(io.Discard, format, report.TextOptions{}); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
		data, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := report.ParseDocument(data)
		if err != nil {
			t.Fatalf("it does not read what it wrote: %v\n%s", err, data)
		}
		r.Document = *again
		if twice, err := r.JSON(); err != nil || !bytes.Equal(data, twice) {
			t.Errorf("it reads something else than it wrote (%v):\n%s", err, cmp.Diff(string(data), string(twice)))
		}
	})
}

package certificate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agentproof/suite/certificate"
)

// first is the first of a report's cases.
func first(members map[string]any) map[string]any {
	return members["cases"].([]any)[0].(map[string]any)
}

func TestARunThatDoesNotAgreeWithItselfIsNoEvidence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		touch func(tb testing.TB, dir string)
		want  string
	}{
		{"no report", func(tb testing.TB, dir string) { remove(tb, dir, "report.json") }, "there is no report.json in "},
		{"no run.json", func(tb testing.TB, dir string) { remove(tb, dir, "run.json") }, "run.json: no such file"},
		{"no JSON", func(tb testing.TB, dir string) { put(tb, dir+"/report.json", "{") }, "report.json: unexpected end of JSON input"},
		{"an unknown schema", editing("report.json", `"agentproof/report/v1"`, `"agentproof/report/v9"`), `report.json: its schema is "agentproof/report/v9"`},
		{"a baseline", editing("report.json", `"selection"`, `"baseline": {"file": "known.yaml"}, "selection"`), "report.json: the run had a baseline"},
		{"something behind the end", func(tb testing.TB, dir string) {
			put(tb, dir+"/report.json", get(tb, dir+"/report.json")+"{}")
		}, "report.json: invalid character '{' after top-level value"},
		{"a member twice", editing("report.json", `"verdict": "conformant",`, `"verdict": "conformant", "verdict": "conformant",`),
			`report.json: the member "verdict" is there twice`},
		{"a member of a case twice", func(tb testing.TB, dir string) {
			text := get(tb, dir+"/report.json")
			put(tb, dir+"/report.json", strings.Replace(text, `"status": "pass"`, `"status": "fail", "status": "pass"`, 1))
		}, `report.json: the member "status" is there twice`},
		{"a member in capitals", editing("report.json", `"verdict"`, `"VERDICT"`), "report.json: its members are not those of its schema"},
		{"a member that nobody knows", editing("report.json", `"verdict"`, `"waived": [], "verdict"`), `report.json: json: unknown field "waived"`},
		{"bytes that are no text", editing("report.json", `"1.2.3"`, "\"1.2.\xff\""), "report.json: it is not UTF-8"},
		{"an unknown revision", editing("report.json", `"r0.2"`, `"r9"`), `report.json: there is no revision "r9"`},
		{"an unknown status", of(func(m map[string]any) { first(m)["status"] = "fine" }), `report.json: connect.`},
		{"an unknown level", of(func(m map[string]any) { first(m)["level"] = "maybe" }), `report.json: decoding level "maybe"`},
		{"a case twice", of(func(m map[string]any) { m["cases"] = append([]any{first(m)}, m["cases"].([]any)...) }), "report.json: the case connect."},
		{"cases out of order", of(func(m map[string]any) { m["cases"] = append(m["cases"].([]any)[1:], first(m)) }), "report.json: the case connect."},
		{"a case less", of(func(m map[string]any) { m["cases"] = m["cases"].([]any)[1:] }), "report.json: it names a set of "},
		{"a case of another area", of(func(m map[string]any) { first(m)["area"] = "exec" }), `report.json: connect.`},
		{"another clause", of(func(m map[string]any) { first(m)["clause"] = "exec.cwd" }), "report.json: it names a set of "},
		{"a status that the totals do not know", of(func(m map[string]any) { first(m)["status"] = "fail" }), "report.json: it counts "},
		{"totals of what is no status", of(func(m map[string]any) { m["totals"].(map[string]any)["waived"] = 0 }), "report.json: it counts what is no status"},
		{"another profile verdict", of(func(m map[string]any) { m["profiles"].([]any)[0].(map[string]any)["result"] = "not-claimed" }),
			"report.json: it says of the profiles core not-claimed, "},
		{"another verdict", of(func(m map[string]any) { m["verdict"] = "not-conformant" }), "report.json: it says not-conformant, and its cases say conformant"},
		{"another run's schema", editing("run.json", `"agentproof/run/v1"`, `"agentproof/run/v9"`), `run.json: its schema is "agentproof/run/v9"`},
		{"the other file of another run", func(tb testing.TB, dir string) {
			rewrite(tb, dir+"/run.json", func(m map[string]any) { delete(m["cases"].(map[string]any), "connect.token/verbatim") })
		}, "run.json: it is not of the same run as report.json: connect.token/verbatim differs"},
		{"the other file of a larger run", func(tb testing.TB, dir string) {
			rewrite(tb, dir+"/run.json", func(m map[string]any) { m["cases"].(map[string]any)["more.of/it"] = map[string]any{"seconds": 1} })
		}, "run.json: it is not of the same run as report.json: it has other cases"},
		{"a file among the transcripts", func(tb testing.TB, dir string) { put(tb, dir+"/transcripts/notes.txt", "") },
			`transcripts holds "notes.txt", which is no transcript`},
		{"a transcript of no case", func(tb testing.TB, dir string) { put(tb, transcript(dir, "no.such/case"), "") },
			"transcripts/no.such+case.ndjson is of no case of the report"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, passing(catalog(t)))
			if _, err := certificate.ReadEvidence(dir); err != nil {
				t.Fatal(err)
			}
			tt.touch(t, dir)
			_, err := certificate.ReadEvidence(dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("it is more than one sentence: %v", err)
			}
		})
	}
}

func remove(tb testing.TB, dir, name string) {
	tb.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		tb.Fatal(err)
	}
}

// editing and of touch a file of a run.
func editing(name, old, with string) func(testing.TB, string) {
	return func(tb testing.TB, dir string) {
		tb.Helper()
		edit(tb, filepath.Join(dir, name), old, with)
	}
}

func of(change func(map[string]any)) func(testing.TB, string) {
	return func(tb testing.TB, dir string) {
		tb.Helper()
		rewrite(tb, filepath.Join(dir, "report.json"), change)
	}
}

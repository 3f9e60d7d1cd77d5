package report_test

import (
	"regexp"
	"testing"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

func TestTAP(t *testing.T) {
	t.Parallel()
	golden(t, "report.tap", []byte(render(t, report.New(everyStatus(t)), "tap")))
	known := render(t, report.New(baselined(t)), "tap")
	has(t, known, "not ok 8 - ping.nonce/fails # TODO known failure: want the nonce 42; got 43 (https://example.com/7)\n  ---\n")
}

// FuzzTAP feeds it what agents could answer with: it never becomes a line of
// its own, nor a directive.
func FuzzTAP(f *testing.F) {
	for _, s := range []string{nasty, "", "x # SKIP y", "a\nok 7 - z", `\#`, "  ...", "\u2028"} {
		f.Add(s)
	}
	form := regexp.MustCompile(`(?s)^TAP version 14\n1\.\.3\n(?-s)not ok 1 - a\.b/c\n  ---\n(  .*\n)+  \.\.\.\nok 2 - a\.b/d\n  ---\n(  .*\n)+  \.\.\.\nok 3 - a\.b/e # SKIP .*\n# .*\n$`)
	f.Fuzz(func(t *testing.T, text string) {
		r := &verdict.Report{Subject: verdict.SubjectInfo{Name: text}, Took: time.Second, Results: []verdict.Result{
			{ID: "a.b/c", Clause: "a.b", Area: "a", Level: spec.Must, Status: verdict.Fail, Reason: text, Notes: []string{text}},
			{ID: "a.b/d", Clause: "a.b", Area: "a", Level: spec.Should, Status: verdict.Warn, Reason: text},
			{ID: "a.b/e", Clause: "a.b", Area: "a", Level: spec.Must, Status: verdict.Untestable, Reason: text},
		}}
		r.Sum()
		if got, err := report.New(r).TAP(); err != nil || !form.Match(got) {
			t.Errorf("got (%v)\n%s", err, got)
		}
	})
}

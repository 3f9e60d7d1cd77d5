package report_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"agentproof/docs/spec"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

func text(t *testing.T, r *verdict.Report, opts report.TextOptions) string {
	t.Helper()
	var b strings.Builder
	if err := report.New(r).Text(&b, opts); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	t.Parallel()
	opts := report.TextOptions{Spec: loadSpec(t), Dir: "out/report", Hint: "conformance explain CASE tells more"}
	golden(t, "report.txt", []byte(text(t, everyStatus(t), opts)))
}

func TestTextInColour(t *testing.T) {
	t.Parallel()
	r := everyStatus(t)
	opts := report.TextOptions{Spec: loadSpec(t), Color: true, Width: 72}
	coloured := text(t, r, opts)
	golden(t, "report-colour.txt", []byte(coloured))
	opts.Color = false
	plain := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(coloured, "")
	if want := text(t, r, opts); plain != want {
		t.Errorf("without its colours it is\n%s\nwant\n%s", plain, want)
	}
}

func TestTextIsSafeToPrint(t *testing.T) {
	t.Parallel()
	for _, line := range strings.Split(text(t, everyStatus(t), report.TextOptions{}), "\n") {
		if strings.ContainsFunc(line, unicode.IsControl) || !utf8.ValidString(line) {
			t.Errorf("the line %q could upset a terminal", line)
		}
	}
}

func TestTextWithoutTheSpecificationNamesTheClause(t *testing.T) {
	t.Parallel()
	if got := text(t, everyStatus(t), report.TextOptions{}); !strings.Contains(got, "clause  ping.nonce MUST\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestPlainKeepsTheWordsOfALink(t *testing.T) {
	t.Parallel()
	const text = "As under [Paths](#paths), or [r0.5](wire.md#x); not [this] (one)."
	if got, want := report.Plain(text), "As under Paths, or r0.5; not [this] (one)."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTextReportsThatItCannotWrite(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	if err := report.New(everyStatus(t)).Text(failingWriter{full}, report.TextOptions{}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// result is one case that ended in a status.
func result(level spec.Level, status verdict.Status) verdict.Result {
	return verdict.Result{ID: "ping.nonce/" + string(status), Clause: "ping.nonce", Level: level, Area: "ping", Profile: "core", Status: status}
}

func TestTheVerdictIsASentence(t *testing.T) {
	t.Parallel()
	pass := result(spec.Must, verdict.Pass)
	for _, tt := range []struct {
		name    string
		results []verdict.Result
		filter  bool
		want    string
	}{
		{"all passes", []verdict.Result{pass}, false, "✓ the agent: conformant\n"},
		{"a SHOULD is broken", []verdict.Result{pass, result(spec.Should, verdict.Warn)}, false, "✓ the agent: conformant, 1 SHOULD broken\n"},
		{"a filtered run", []verdict.Result{pass, result(spec.Must, verdict.NotSelected)}, true,
			"✓ the agent: what was selected passes; a filtered run certifies nothing\n"},
		{"a MUST is broken", []verdict.Result{pass, result(spec.Must, verdict.Fail), result(spec.Should, verdict.Warn)}, false,
			"✗ the agent: not conformant, 1 MUST broken, 1 SHOULD broken\n"},
		{"a MUST could not be judged", []verdict.Result{pass, result(spec.Must, verdict.Untestable)}, false,
			"? the agent: incomplete, some MUST could not be judged\n"},
		{"the harness failed", []verdict.Result{pass, result(spec.Must, verdict.HarnessError)}, false, "? the agent: no verdict, 1 harness error\n"},
		{"nothing is claimed", []verdict.Result{result(spec.Must, verdict.NotClaimed)}, false, "? the agent: nothing judged, the agent claims none of it\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &verdict.Report{Results: tt.results, Totals: make(map[verdict.Status]int), Revision: "r0.2"}
			for _, c := range tt.results {
				r.Totals[c.Status]++
			}
			if tt.filter {
				r.Selection.Skip = []string{"x"}
			}
			if got := text(t, r, report.TextOptions{}); !strings.Contains(got, tt.want) {
				t.Errorf("got\n%s\nwant in it\n%s", got, tt.want)
			}
		})
	}
}

func TestDurationsAreReadable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		took time.Duration
		want string
	}{
		{0, "<1 ms"},
		{499 * time.Microsecond, "<1 ms"},
		{20 * time.Millisecond, "20 ms"},
		{999 * time.Millisecond, "999 ms"},
		{3749 * time.Millisecond, "3.7 s"},
		{37400 * time.Millisecond, "37 s"},
		{59600 * time.Millisecond, "60 s"},
		{61 * time.Second, "1 min 1 s"},
		{2 * time.Hour, "120 min 0 s"},
	} {
		r := &verdict.Report{Took: tt.took, Revision: "r0.2", Results: []verdict.Result{result(spec.Must, verdict.Pass)}}
		if got := text(t, r, report.TextOptions{}); !strings.Contains(got, "1 case of 1 at r0.2 in "+tt.want+"\n") {
			t.Errorf("%v: got\n%s", tt.took, got)
		}
	}
}

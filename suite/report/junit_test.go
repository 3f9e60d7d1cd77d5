package report_test

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	gojunit "github.com/joshdk/go-junit"

	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// suites is JUnit as its readers have it, apart from what the writer declares.
type suites struct {
	counts
	Suites []struct {
		counts
		Name      string     `xml:"name,attr"`
		Timestamp string     `xml:"timestamp,attr"`
		Cases     []testcase `xml:"testcase"`
	} `xml:"testsuite"`
}

type counts struct {
	Tests    *int   `xml:"tests,attr"`
	Failures *int   `xml:"failures,attr"`
	Errors   *int   `xml:"errors,attr"`
	Skipped  *int   `xml:"skipped,attr"`
	Time     string `xml:"time,attr"`
}

type testcase struct {
	Classname string   `xml:"classname,attr"`
	Name      string   `xml:"name,attr"`
	Time      string   `xml:"time,attr"`
	Failure   *problem `xml:"failure"`
	Error     *problem `xml:"error"`
	Skipped   *problem `xml:"skipped"`
	SystemOut string   `xml:"system-out"`
}

type problem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

func junit(t *testing.T, r *verdict.Report) (suites, []byte) {
	t.Helper()
	data, err := report.New(r).JUnit()
	if err != nil {
		t.Fatal(err)
	}
	var doc suites
	dec := xml.NewDecoder(bytes.NewReader(data))
	dec.Strict = true
	if err := dec.Decode(&doc); err != nil {
		t.Fatalf("a strict parser refuses it: %v\n%s", err, data)
	}
	return doc, data
}

func TestJUnit(t *testing.T) {
	t.Parallel()
	_, data := junit(t, everyStatus(t))
	golden(t, "junit.xml", data)
}

func TestJUnitCountsMatchItsCases(t *testing.T) {
	t.Parallel()
	doc, _ := junit(t, everyStatus(t))
	var all [4]int
	seen := make(map[string]bool)
	for _, s := range doc.Suites {
		var n [4]int
		for _, c := range s.Cases {
			n[0]++
			outcomes := 0
			for i, p := range []*problem{c.Failure, c.Error, c.Skipped} {
				if p != nil {
					n[i+1]++
					outcomes++
				}
			}
			if key := c.Classname + " " + c.Name; outcomes > 1 || seen[key] {
				t.Errorf("%s: %d outcomes, seen before: %t", key, outcomes, seen[key])
			}
			seen[c.Classname+" "+c.Name] = true
		}
		compare(t, s.Name, s.counts, n)
		for i := range n {
			all[i] += n[i]
		}
	}
	compare(t, "all suites", doc.counts, all)
	if want := [4]int{9, 1, 2, 3}; all != want {
		t.Errorf("tests, failures, errors and skipped are %v, want %v", all, want)
	}
}

func compare(t *testing.T, what string, c counts, n [4]int) {
	t.Helper()
	for i, got := range []*int{c.Tests, c.Failures, c.Errors, c.Skipped} {
		name := []string{"tests", "failures", "errors", "skipped"}[i]
		if got == nil || *got != n[i] {
			t.Errorf("%s: %s does not say %d", what, name, n[i])
		}
	}
}

func TestJUnitIsWhatStrictReadersTake(t *testing.T) {
	t.Parallel()
	doc, _ := junit(t, everyStatus(t))
	seconds := regexp.MustCompile(`^\d+\.\d{3}$`)
	stamp := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`)
	for _, s := range doc.Suites {
		if !seconds.MatchString(s.Time) || !stamp.MatchString(s.Timestamp) {
			t.Errorf("suite %s: time %q, timestamp %q", s.Name, s.Time, s.Timestamp)
		}
		for _, c := range s.Cases {
			if !seconds.MatchString(c.Time) {
				t.Errorf("%s: time %q", c.Name, c.Time)
			}
			for _, p := range []*problem{c.Failure, c.Error} {
				// Some readers show the one, some the other.
				if p != nil && (p.Message == "" || !strings.Contains(p.Text, p.Message)) {
					t.Errorf("%s: the text %q does not have the message %q", c.Name, p.Text, p.Message)
				}
			}
		}
	}
}

// TestJUnitIsReadByOthers has a parser that this project did not write read it.
func TestJUnitIsReadByOthers(t *testing.T) {
	t.Parallel()
	_, data := junit(t, everyStatus(t))
	read, err := gojunit.Ingest(data)
	if err != nil {
		t.Fatal(err)
	}
	n := make(map[gojunit.Status]int)
	for _, s := range read {
		for _, c := range s.Tests {
			n[c.Status]++
			if c.Name == "" || c.Classname == "" || c.Duration <= 0 {
				t.Errorf("it reads a case as %+v", c)
			}
		}
	}
	want := map[gojunit.Status]int{gojunit.StatusPassed: 3, gojunit.StatusFailed: 1, gojunit.StatusError: 2, gojunit.StatusSkipped: 3}
	if diff := cmp.Diff(want, n); diff != "" {
		t.Errorf("(-want +read):\n%s", diff)
	}
}

// FuzzJUnit feeds it what agents could answer with: whatever that is, a strict
// parser takes the file, and text that XML can hold survives.
func FuzzJUnit(f *testing.F) {
	for _, s := range []string{nasty, "", "plain", "\ud7ff\ue000\ufffd\U0010ffff", "]]>", "&#27;", "\x0b\x0c\x85"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := &verdict.Report{Results: []verdict.Result{
			{ID: "a.b/c", Clause: "a.b", Area: "a", Status: verdict.Fail, Reason: text, Notes: []string{text}},
			{ID: "a.b/d", Clause: "a.b", Area: "a", Status: verdict.Warn, Reason: text},
			{ID: "a.b/e", Clause: "a.b", Area: "a", Status: verdict.Untestable, Reason: text},
		}}
		doc, _ := junit(t, r)
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) || c >= 0xfffd && c < 0x10000 }) {
			return
		}
		if got := doc.Suites[0].Cases[0].Failure.Message; got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	})
}

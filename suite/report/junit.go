package report

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"agentproof/suite/verdict"
)

// The shape that CI systems agree on: suites of cases, the counts matching,
// and the message repeated in the text because some read only one of them.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Classname string        `xml:"classname,attr"`
		Name      string        `xml:"name,attr"`
		Time      string        `xml:"time,attr"`
		Failure   *junitProblem `xml:"failure"`
		Error     *junitProblem `xml:"error"`
		Skipped   *junitSkipped `xml:"skipped"`
		SystemOut string        `xml:"system-out,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
)

// JUnit renders the cases that were selected, one suite an area. JUnit has no
// word for warnings and known failures: the ones pass and say so in system-out,
// the others are skipped.
func (r *Report) JUnit() ([]byte, error) {
	doc := junitSuites{Name: "agentproof", Time: junitTime(r.Run.Seconds)}
	seconds := 0.0
	for _, e := range r.entries() { // sorted by id, and so by area
		n := len(doc.Suites)
		if n == 0 || doc.Suites[n-1].Name != e.Area {
			doc.Suites = append(doc.Suites, junitSuite{
				Name: e.Area, Timestamp: r.Run.Started.UTC().Format("2006-01-02T15:04:05"),
			})
			seconds, n = 0, n+1
		}
		s := &doc.Suites[n-1]
		c := newJUnitCase(e)
		s.Cases = append(s.Cases, c)
		s.Tests++
		seconds += e.Seconds
		s.Time = junitTime(seconds)
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	for _, s := range doc.Suites {
		doc.Tests += s.Tests
		doc.Failures += s.Failures
		doc.Errors += s.Errors
		doc.Skipped += s.Skipped
	}
	data, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode JUnit: %w", err)
	}
	return append([]byte(xml.Header), append(data, '\n')...), nil
}

func newJUnitCase(e entry) junitCase {
	jc := junitCase{Classname: "agentproof." + e.Area, Name: e.ID, Time: junitTime(e.Seconds)}
	problem := &junitProblem{Message: Printable(e.Reason), Type: string(e.Status), Text: Printable(problemText(e))}
	switch {
	case e.Known:
		jc.Skipped = &junitSkipped{Message: Printable(knownText(e))}
	case e.Status == verdict.Fail:
		jc.Failure = problem
	case e.Status == verdict.HarnessError, e.Status == verdict.Blocked, e.Status == verdict.Interrupted:
		jc.Error = problem
	case e.Status == verdict.NotClaimed, e.Status == verdict.Untestable:
		jc.Skipped = &junitSkipped{Message: Printable(string(e.Status) + ": " + e.Reason)}
	case e.Status == verdict.Warn:
		jc.SystemOut = Printable("warning: " + e.Reason)
	}
	return jc
}

// knownText says of a known failure what it is and where it is tracked.
func knownText(e entry) string {
	text := "known failure: " + e.Reason
	if e.Issue != "" {
		text += " (" + e.Issue + ")"
	}
	return text
}

// problemText is everything that is known of a case, the reason first.
func problemText(e entry) string {
	lines := []string{e.Clause + ": " + e.Reason}
	for _, f := range e.Failures[min(1, len(e.Failures)):] { // the first is the reason
		lines = append(lines, verdict.Failure{Want: f.Want, Got: f.Got}.String())
	}
	return strings.Join(append(lines, e.Notes...), "\n")
}

// junitTime is seconds with three decimals, the most that strict readers take.
func junitTime(seconds float64) string { return strconv.FormatFloat(seconds, 'f', 3, 64) }

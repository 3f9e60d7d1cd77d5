package report

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"agentproof/suite/engine"
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

// JUnit renders the cases that were selected, one suite an area. Warnings pass
// and say so in system-out: JUnit has no word for them.
func JUnit(r *engine.Report) ([]byte, error) {
	doc := junitSuites{Name: "agentproof", Time: junitTime(r.Took)}
	index := make(map[string]int)
	took := make(map[string]time.Duration)
	for _, c := range r.Results {
		if c.Status == engine.NotSelected {
			continue
		}
		i, ok := index[c.Area]
		if !ok {
			i = len(doc.Suites)
			index[c.Area] = i
			doc.Suites = append(doc.Suites, junitSuite{
				Name: c.Area, Timestamp: r.Started.UTC().Format("2006-01-02T15:04:05"),
			})
		}
		s := &doc.Suites[i]
		jc := newJUnitCase(c)
		s.Cases = append(s.Cases, jc)
		s.Tests++
		took[c.Area] += c.Took
		switch {
		case jc.Failure != nil:
			s.Failures++
		case jc.Error != nil:
			s.Errors++
		case jc.Skipped != nil:
			s.Skipped++
		}
	}
	for i := range doc.Suites {
		s := &doc.Suites[i]
		s.Time = junitTime(took[s.Name])
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

func newJUnitCase(c engine.Result) junitCase {
	jc := junitCase{Classname: "agentproof." + c.Area, Name: c.ID, Time: junitTime(c.Took)}
	problem := &junitProblem{Message: printable(c.Reason), Type: string(c.Status), Text: printable(problemText(c))}
	switch c.Status {
	case engine.Fail:
		jc.Failure = problem
	case engine.HarnessError, engine.Blocked:
		jc.Error = problem
	case engine.NotClaimed, engine.Untestable:
		jc.Skipped = &junitSkipped{Message: printable(string(c.Status) + ": " + c.Reason)}
	case engine.Warn:
		jc.SystemOut = printable("warning: " + c.Reason)
	}
	return jc
}

// problemText is everything that is known of a case, the reason first.
func problemText(c engine.Result) string {
	lines := []string{c.Clause + ": " + c.Reason}
	for _, f := range c.Failures[min(1, len(c.Failures)):] { // the first is the reason
		lines = append(lines, f.String())
	}
	return strings.Join(append(lines, c.Notes...), "\n")
}

// junitTime is seconds with three decimals, the most that strict readers take.
func junitTime(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// printable replaces what XML 1.0 cannot hold, even escaped: one ESC makes the
// whole file unreadable.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n', r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000 && r <= 0x10FFFF:
			return r
		default:
			return '\uFFFD'
		}
	}, s)
}

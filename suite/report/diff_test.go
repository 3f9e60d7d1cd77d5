package report_test

import (
	"strings"
	"testing"

	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// document has one case that ended like this; no status is none.
func document(status verdict.Status, reason string) *report.Document {
	d := &report.Document{}
	if status != "" {
		d.Cases = []report.Case{{ID: "a.b/c", Area: "a", Status: status, Reason: reason}}
	}
	return d
}

// kindOf names the list of a difference that the one case is in.
func kindOf(d *report.Diff) string {
	var kinds []string
	for name, n := range map[string]int{
		"regression": len(d.Regressions), "repair": len(d.Repairs), "reason": len(d.Reasons), "other": len(d.Others),
		"added": len(d.Added), "removed": len(d.Removed), "unchanged": d.Unchanged, "uncompared": d.Uncompared,
	} {
		if n > 0 {
			kinds = append(kinds, name)
		}
	}
	return strings.Join(kinds, " and ")
}

// TestEveryCaseHasOneKindOfChange goes through all pairs of statuses.
func TestEveryCaseHasOneKindOfChange(t *testing.T) {
	t.Parallel()
	const (
		regression = "regression"
		repair     = "repair"
		other      = "other"
	)
	order := []verdict.Status{verdict.Pass, verdict.Warn, verdict.Fail, verdict.Blocked, verdict.HarnessError, verdict.NotClaimed, verdict.Untestable}
	for was, want := range map[verdict.Status][]string{
		verdict.Pass:         {"", regression, regression, regression, regression, regression, regression},
		verdict.Warn:         {repair, "", regression, regression, regression, other, other},
		verdict.Fail:         {repair, repair, "", other, other, other, other},
		verdict.Blocked:      {repair, other, regression, "", other, other, other},
		verdict.HarnessError: {repair, other, regression, other, "", other, other},
		verdict.NotClaimed:   {other, regression, regression, regression, regression, "", other},
		verdict.Untestable:   {other, regression, regression, regression, regression, other, ""},
	} {
		for i, is := range order {
			got := kindOf(report.Compare(document(was, "x"), document(is, "y")))
			switch {
			case was == is && got != "reason":
				t.Errorf("another reason of %s is %q", was, got)
			case was != is && got != want[i]:
				t.Errorf("%s → %s is %q, want %q", was, is, got, want[i])
			}
			if got := kindOf(report.Compare(document(was, ""), document(verdict.NotSelected, ""))); got != "uncompared" {
				t.Errorf("%s that was left out then is %q", was, got)
			}
			if got := kindOf(report.Compare(document(was, "x"), document(was, "x"))); got != "unchanged" {
				t.Errorf("%s twice is %q", was, got)
			}
		}
	}
	if got := kindOf(report.Compare(document("", ""), document(verdict.Fail, ""))); got != "added" {
		t.Errorf("a new case is %q", got)
	}
	if got := kindOf(report.Compare(document(verdict.Fail, ""), document("", ""))); got != "removed" {
		t.Errorf("a case that is gone is %q", got)
	}
}

func TestADiffForPeople(t *testing.T) {
	t.Parallel()
	side := func(name, version, revision string, outcomes ...string) *report.Document {
		d := &report.Document{Subject: report.Subject{Name: name, Version: version}, Spec: report.Spec{Revision: revision}, Verdict: verdict.NotConformant}
		for _, o := range outcomes {
			words := strings.SplitN(o, " ", 3)
			d.Cases = append(d.Cases, report.Case{ID: words[0], Status: verdict.Status(words[1]), Reason: words[2]})
		}
		return d
	}
	d := report.Compare(
		side("the agent", "1.0", "r0.2", "a.b/breaks pass ", "a.b/gone fail x", "a.b/mended fail want 1; got 2", "a.b/reason fail want 1; got 2", "a.b/same pass ", "a.b/unsure fail x"),
		side("the agent\x1b[31m", "2.0", "r0.5", "a.b/breaks fail want 1; got \x1b[31m", "a.b/mended pass ", "a.b/new warn x", "a.b/reason fail want 1; got 3", "a.b/same pass ", "a.b/unsure untestable no screen"),
	)
	var b strings.Builder
	if err := d.Text(&b, report.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "diff.txt", []byte(b.String()))
}

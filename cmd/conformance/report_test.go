package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agentproof/suite/report"
)

// reported certifies an agent of a role and returns where its report is.
func reported(t *testing.T, role string, more ...string) string {
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"run", "--case", "ping.**", "--out", dir}, more...)
	invoke(t, append(args, "--", self(t), asAgent, role)...)
	if _, err := os.Stat(filepath.Join(dir, "report.json")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// unfiltered turns the report in dir into that of a run that left nothing out:
// the suite is what was selected.
func unfiltered(t *testing.T, dir string) string {
	t.Helper()
	doc, err := report.ReadDocument(dir)
	if err != nil {
		t.Fatal(err)
	}
	kept := doc.Cases[:0]
	for _, c := range doc.Cases {
		if c.Status != "not-selected" {
			kept = append(kept, c)
		}
	}
	doc.Cases, doc.Suite.Cases, doc.Selection.Cases = kept, len(kept), nil
	judged := doc.Report()
	doc.Verdict, doc.Totals, doc.Profiles = judged.Verdict(), judged.Totals, nil
	for _, p := range judged.Profiles {
		doc.Profiles = append(doc.Profiles, report.Profile(p))
	}
	data, err := json.Marshal(doc)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "report.json"), data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReportRendersWithoutRunning(t *testing.T) {
	t.Parallel()
	dir := reported(t, "faulty")
	for format, want := range map[string]string{
		"text": " · report in " + dir + "\n", "json": `"schema": "` + report.Schema, "junit": "<testsuites", "tap": "TAP version 14\n", "html": "<!doctype html>",
	} {
		// A broken MUST is the report's, not a failure to render it.
		invoke(t, "report", dir, "--format", format).want(t, 0, want, "")
	}
	for name, format := range map[string]string{"report.json": "json", "junit.xml": "junit", "report.tap": "tap", "report.html": "html"} {
		written, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := invoke(t, "report", dir, "--format", format); got.out != string(written) {
			t.Errorf("%s is not what the report command renders", name)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	good, bad := reported(t, "tiny"), reported(t, "faulty")
	invoke(t, "diff", good, good).want(t, 0, "0 regressions, 0 repairs, 0 changed reasons; 3 cases unchanged", "")
	invoke(t, "diff", bad, good).want(t, 0, "0 regressions, 2 repairs", "")
	got := invoke(t, "diff", good, filepath.Join(bad, "report.json"))
	got.want(t, 1, "REGRESSION  ping.nonce/echoed  pass → fail\n  is      want ", "")
	got.want(t, 1, "2 regressions, 0 repairs, 0 changed reasons; 1 case unchanged", "")
	var d report.Diff
	if err := json.Unmarshal([]byte(invoke(t, "diff", good, bad, "--format", "json").out), &d); err != nil {
		t.Fatal(err)
	}
	if d.Schema != report.DiffSchema || len(d.Regressions) != 2 || d.Regressions[0].ID != "ping.nonce/echoed" || d.Repairs == nil {
		t.Errorf("got %+v", d)
	}
}

// TestABaselineFromItsFirstDayToItsLast is the life of a file of known
// failures: made from a report, kept by runs, refused when it is wrong.
func TestABaselineFromItsFirstDayToItsLast(t *testing.T) {
	t.Parallel()
	known := filepath.Join(t.TempDir(), "known.yaml")
	filtered := reported(t, "faulty")
	invoke(t, "baseline", "--fix", known, filtered).want(t, 2, "", "--fix: the report is of a filtered run")
	bad := unfiltered(t, reported(t, "faulty"))
	invoke(t, "baseline", known, bad).want(t, 2, "", "read the baseline")
	invoke(t, "baseline", "--fix", known, bad).want(t, 0, "added ping.nonce/echoed\nadded ping.nonce/full-range\n", "")
	invoke(t, "baseline", "--fix", known, bad).want(t, 0, "", known+" is up to date\n")
	invoke(t, "baseline", known, bad).want(t, 0, "known      ping.nonce/echoed\n", "")

	run := []string{"run", "--case", "ping.**", "--baseline", known}
	faulty := append(run, "--", self(t), asAgent, "faulty")
	got := invoke(t, faulty...)
	got.want(t, 0, "not conformant, 2 known failures\n", "")
	got.want(t, 0, "KNOWN  ping.nonce/echoed  fail\n", "")

	invoke(t, append(run, "--", self(t), asAgent, "tiny")...).want(t, 4, "the baseline is wrong in 2 entries", "")
	edit := func(old, new string) {
		t.Helper()
		data, err := os.ReadFile(known)
		if err == nil {
			err = os.WriteFile(known, []byte(strings.Replace(string(data), old, new, 1)), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	edit("reason: want ", "until: 2020-01-01\n    reason: want ")
	got = invoke(t, faulty...)
	got.want(t, 4, "BASELINE  ping.nonce/echoed\n  expired", "")
	got.want(t, 4, "not conformant, 1 MUST broken in 2 cases (1 known case); the baseline is wrong in 1 entry\n", "")
	edit("case: ping.nonce/full-range", "case: ping.nonce/nope")
	invoke(t, faulty...).want(t, 1, "BASELINE  ping.nonce/nope\n  unmatched", "")
	invoke(t, "baseline", known, bad).want(t, 1, "new        ping.nonce/full-range", "")
	invoke(t, "baseline", "--fix", known, bad).want(t, 0, "removed ping.nonce/nope, which is unmatched\nadded ping.nonce/full-range\nping.nonce/echoed was to be mended by 2020-01-01", "")
}

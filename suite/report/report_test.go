package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

func TestJSONIsStable(t *testing.T) {
	t.Parallel()
	data, err := report.New(everyStatus(t)).JSON()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", data)

	var doc report.Document
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, n := range doc.Totals {
		sum += n
	}
	if sum != len(doc.Cases) || sum != len(cases()) || doc.Suite.Cases != sum {
		t.Errorf("the totals sum to %d, there are %d of %d cases", sum, len(doc.Cases), len(cases()))
	}
	if _, has := doc.Totals[verdict.Interrupted]; has || len(doc.Totals) != len(verdict.Statuses())-1 {
		t.Errorf("totals of %v, want all of %v but that of an interrupted run", doc.Totals, verdict.Statuses())
	}
	if !slices.IsSortedFunc(doc.Cases, func(a, b report.Case) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) }) {
		t.Error("the cases are not sorted by id")
	}
}

func TestRunKeepsWhatIsNotStable(t *testing.T) {
	t.Parallel()
	run := report.NewRun(everyStatus(t))
	if run.Host.OS == "" || run.Host.CPUs == 0 || run.Host.Go == "" {
		t.Errorf("the host is %+v", run.Host)
	}
	run.Host = report.Host{OS: "linux", Arch: "amd64", CPUs: 2, Go: "go1.26"}
	data, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "run.json", append(data, '\n'))
}

func TestWriteLeavesEveryFormat(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "deep", "report")
	r := everyStatus(t)
	for range 2 { // the second time over the first
		if err := report.Write(dir, r); err != nil {
			t.Fatal(err)
		}
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	if want := slices.Sorted(slices.Values(report.Files())); !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	data, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if want, err := report.New(r).JSON(); err != nil || !bytes.Equal(data, want) {
		t.Errorf("report.json is not what JSON returns (%v)", err)
	}
	var run report.Run
	if data, err = os.ReadFile(filepath.Join(dir, "run.json")); err == nil {
		err = json.Unmarshal(data, &run)
	}
	if err != nil || len(run.Cases) != len(cases())-1 {
		t.Errorf("run.json has %d cases, want all that were selected (%v)", len(run.Cases), err)
	}
}

// photograph gives the case that fails a screenshot.
func photograph(r *verdict.Report) {
	for i := range r.Results {
		if r.Results[i].Status == verdict.Fail {
			r.Results[i].Screenshot = []byte("a picture")
		}
	}
}

func TestTheTextLinksScreenshotsThatWereWritten(t *testing.T) {
	t.Parallel()
	r := everyStatus(t)
	photograph(r)
	if got := text(t, r, report.TextOptions{}); strings.Contains(got, "screenshots") {
		t.Errorf("without a directory it says\n%s", got)
	}
	want := "  shot    " + filepath.Join("out", "screenshots", "ping.nonce+fails.png") + "\n"
	if got := text(t, r, report.TextOptions{Dir: "out"}); strings.Count(got, want) != 1 {
		t.Errorf("got\n%s\nwant in it once\n%s", got, want)
	}
}

func TestScreenshotsAreThoseOfTheLatestRun(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), everyStatus(t)
	photograph(r)
	shot := func() (data []byte, link string) {
		t.Helper()
		if err := report.Write(dir, r); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, "screenshots", "ping.nonce+fails.png"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return data, report.NewRun(r).Cases["ping.nonce/fails"].Screenshot
	}
	if data, link := shot(); string(data) != "a picture" || link != "screenshots/ping.nonce+fails.png" {
		t.Errorf("the screenshot is %q, and run.json has it in %q", data, link)
	}
	other := filepath.Join(dir, "screenshots", "somebody's.png")
	if err := os.WriteFile(other, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range r.Results {
		r.Results[i].Screenshot = nil
	}
	if data, link := shot(); data != nil || link != "" {
		t.Errorf("a run without a screenshot has %q in %q", data, link)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a file that no run wrote: %v", err)
	}
}

func TestWriteTellsWhereItCannot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "junit.xml"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := everyStatus(t)
	for _, bad := range []string{file, dir} {
		if err := report.Write(bad, r); err == nil {
			t.Errorf("Write(%s) reports no error", bad)
		}
	}
}

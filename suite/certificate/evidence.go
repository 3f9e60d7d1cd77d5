package certificate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// Evidence is what the directory of a run holds, read once and found to agree
// with itself.
type Evidence struct {
	Document     report.Document
	ReportDigest string // hex SHA-256 of report.json
	RunDigest    string // hex SHA-256 of run.json
	Started      time.Time
	Transcripts  map[string]string // file name → hex SHA-256; empty where none was kept

	report *verdict.Report // of Document, its sums made anew
}

const (
	reportFile     = "report.json"
	runFile        = "run.json"
	transcriptsDir = "transcripts"
)

// ReadEvidence reads the directory that a run was written to. Its errors say in
// one sentence what is wrong there.
func ReadEvidence(dir string) (*Evidence, error) {
	data, err := os.ReadFile(filepath.Join(dir, reportFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s in %s: make one with 'conformance run --out %s'", reportFile, dir, dir)
	}
	if err != nil {
		return nil, err
	}
	e := &Evidence{ReportDigest: digest(data)}
	if err := e.readReport(data); err != nil {
		return nil, fmt.Errorf("%s: %w", reportFile, err)
	}
	if data, err = os.ReadFile(filepath.Join(dir, runFile)); err != nil {
		return nil, err
	}
	e.RunDigest = digest(data)
	if err := e.readRun(data); err != nil {
		return nil, fmt.Errorf("%s: %w", runFile, err)
	}
	if e.Transcripts, err = readTranscripts(filepath.Join(dir, transcriptsDir)); err != nil {
		return nil, err
	}
	for name := range e.Transcripts {
		id := strings.ReplaceAll(strings.TrimSuffix(name, transcriptSuffix), "+", "/")
		if !slices.ContainsFunc(e.report.Results, func(r verdict.Result) bool { return r.ID == id }) {
			return nil, fmt.Errorf("%s/%s is of no case of the report", transcriptsDir, name)
		}
	}
	return e, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// readReport reads report.json and makes its sums and verdicts anew.
func (e *Evidence) readReport(data []byte) error {
	var head struct {
		Schema   string          `json:"schema"`
		Baseline json.RawMessage `json:"baseline"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	if head.Schema != report.Schema {
		return fmt.Errorf("its schema is %q, and this suite reads %s", head.Schema, report.Schema)
	}
	if len(head.Baseline) > 0 && !bytes.Equal(head.Baseline, []byte("null")) {
		return errors.New("the run had a baseline, and known failures certify nothing: run it again without one")
	}
	if err := decodeStrict(data, &e.Document); err != nil {
		return err
	}
	return e.recount()
}

// recount makes the run's report of the document and compares what follows
// from the cases with what the document says.
func (e *Evidence) recount() error {
	d := &e.Document
	if !slices.Contains(spec.Revisions(), d.Spec.Revision) {
		return fmt.Errorf("there is no revision %q: there are %v", d.Spec.Revision, spec.Revisions())
	}
	cases := make([]verdict.CaseInfo, 0, len(d.Cases))
	last := ""
	for _, c := range d.Cases {
		of := verdict.CaseInfo{ID: c.ID, Clause: c.Clause}
		switch {
		case c.ID <= last:
			return fmt.Errorf("the case %s is not in its place, or twice", c.ID)
		case !slices.Contains(verdict.Statuses(), c.Status):
			return fmt.Errorf("%s is %q, which is no status", c.ID, c.Status)
		case c.Area != of.Area():
			return fmt.Errorf("%s is said to be of the area %q", c.ID, c.Area)
		}
		last = c.ID
		cases = append(cases, of)
	}
	e.report = d.Report()
	if made, its := caseSet(verdict.NewSuiteInfo(cases)), e.set(); made != its {
		return fmt.Errorf("it names a set of %d cases, %s, and lists %d, %s", its.Count, short(its.SHA256), made.Count, short(made.SHA256))
	}
	return e.sums()
}

// set names the cases that the report says it is about.
func (e *Evidence) set() CaseSet { return caseSet(e.report.Suite) }

// sums compares what the document says of all cases with what they add up to.
func (e *Evidence) sums() error {
	made := report.NewDocument(e.report)
	for _, s := range verdict.Statuses() {
		if n := e.Document.Totals[s]; n != made.Totals[s] {
			return fmt.Errorf("it counts %d %s, and %d are listed", n, s, made.Totals[s])
		}
	}
	if len(e.Document.Totals) != len(made.Totals) {
		return errors.New("it counts what is no status")
	}
	if !slices.Equal(e.Document.Profiles, made.Profiles) {
		return fmt.Errorf("it says of the profiles %s, and its cases say %s", profilesText(e.Document.Profiles), profilesText(made.Profiles))
	}
	if e.Document.Verdict != made.Verdict {
		return fmt.Errorf("it says %s, and its cases say %s", e.Document.Verdict, made.Verdict)
	}
	return nil
}

func profilesText(profiles []report.Profile) string {
	var parts []string
	for _, p := range profiles {
		parts = append(parts, p.Name+" "+p.Result)
	}
	return strings.Join(parts, ", ")
}

// readRun takes from run.json what it shares with report.json.
func (e *Evidence) readRun(data []byte) error {
	if err := noDuplicates(data); err != nil {
		return err
	}
	var run report.Run
	if err := json.Unmarshal(data, &run); err != nil {
		return err
	}
	if run.Schema != report.RunSchema {
		return fmt.Errorf("its schema is %q, and this suite reads %s", run.Schema, report.RunSchema)
	}
	ran := 0
	for _, r := range e.report.Results {
		_, has := run.Cases[r.ID]
		if has != (r.Status != verdict.NotSelected) {
			return fmt.Errorf("it is not of the same run as %s: %s differs", reportFile, r.ID)
		}
		if has {
			ran++
		}
	}
	if ran != len(run.Cases) {
		return fmt.Errorf("it is not of the same run as %s: it has other cases", reportFile)
	}
	e.Started = run.Started
	return nil
}

// transcriptSuffix ends the name of a transcript, before which is the id of its
// case with a + for the slash.
const transcriptSuffix = ".ndjson"

// readTranscripts reads all transcripts of a run for their digests. A run that
// kept none has no directory of them.
func readTranscripts(dir string) (map[string]string, error) {
	files := make(map[string]string)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return files, nil
	}
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !strings.HasSuffix(entry.Name(), transcriptSuffix) {
			return nil, fmt.Errorf("%s holds %q, which is no transcript", transcriptsDir, entry.Name())
		}
		f, err := ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		files[entry.Name()] = f.SHA256
	}
	return files, nil
}

// Package report renders the outcome of a conformance run for scripts, CI
// systems and people, and reads it back from its files.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"agentproof/docs/spec"
	"agentproof/suite/verdict"
)

// Report is a run that is over, or what its files say of one. Every format
// renders from it, so that a report looks the same whenever it is rendered.
type Report struct {
	Document Document
	Run      Run

	judged *verdict.Report
	// dir is where transcripts and screenshots are; empty when there are none.
	dir string
}

// New makes a report of a run.
func New(r *verdict.Report) *Report {
	return &Report{Document: NewDocument(r), Run: NewRun(r), judged: r}
}

// Verdict is the judgement of the cases that were selected.
func (r *Report) Verdict() string { return r.judged.Verdict() }

// ExitCode is that of the program that made the report.
func (r *Report) ExitCode() int { return r.judged.ExitCode() }

// entry is one case and how it went.
type entry struct {
	Case
	CaseRun
	// Known is set when a baseline accounts for the failure.
	Known bool
}

// entries are the cases that were selected, by id.
func (r *Report) entries() []entry {
	list := make([]entry, 0, len(r.Document.Cases))
	for i, c := range r.Document.Cases {
		if c.Status != verdict.NotSelected {
			list = append(list, entry{c, r.Run.Cases[c.ID], r.judged.Known(r.judged.Results[i])})
		}
	}
	return list
}

// Formats are the names that Render knows.
func Formats() []string { return []string{"text", "json", "junit", "tap", "html"} }

// Render writes the report in a format of Formats.
func (r *Report) Render(w io.Writer, format string, opts TextOptions) error {
	var data []byte
	var err error
	switch format {
	case "text":
		return r.Text(w, opts)
	case "html":
		return r.HTML(w, opts.Spec)
	case "json":
		data, err = r.JSON()
	case "junit":
		data, err = r.JUnit()
	case "tap":
		data, err = r.TAP()
	default:
		err = fmt.Errorf("there is no format %q", format)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// Files are what Write leaves in a directory.
func Files() []string {
	return []string{"report.json", "run.json", "junit.xml", "report.tap", "report.html"}
}

// Write writes the report in every format into dir, which it creates, and the
// screenshots of failed cases. Transcripts that run.json names must be there
// already: report.html shows them.
func Write(dir string, rep *verdict.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create the report directory: %w", err)
	}
	clauses, err := spec.Load()
	if err != nil {
		return fmt.Errorf("load the specification: %w", err)
	}
	if err := writeScreenshots(dir, rep); err != nil {
		return err
	}
	r := New(rep)
	r.dir = dir
	var page bytes.Buffer
	for _, f := range []struct {
		name   string
		render func() ([]byte, error)
	}{
		{"report.json", r.JSON},
		{"run.json", func() ([]byte, error) { return encode(r.Run) }},
		{"junit.xml", r.JUnit},
		{"report.tap", r.TAP},
		{"report.html", func() ([]byte, error) {
			err := r.HTML(&page, clauses)
			return page.Bytes(), err
		}},
	} {
		data, err := f.render()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.name), data, 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}

// JSON is report.json's bytes.
func (r *Report) JSON() ([]byte, error) { return encode(r.Document) }

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}
	return b.Bytes(), nil
}

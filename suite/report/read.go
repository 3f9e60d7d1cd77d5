package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"agentproof/suite/verdict"
)

// Read reads what Write left in dir, and refuses what does not fit together.
func Read(dir string) (*Report, error) {
	doc, err := ReadDocument(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "run.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	run, err := ParseRun(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	judged := doc.Report()
	judged.Started, judged.Took = run.Started, took(run.Seconds)
	r := &Report{Document: *doc, Run: *run, judged: judged, dir: dir}
	if err := r.match(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// ReadDocument reads report.json: the file, or that of a directory.
func ReadDocument(path string) (*Document, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "report.json")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	doc, err := ParseDocument(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return doc, nil
}

// ParseDocument reads the bytes of a report.json. What it says of its cases
// must follow from them.
func ParseDocument(data []byte) (*Document, error) {
	var doc Document
	if err := decode(data, Schema, &doc); err != nil {
		return nil, err
	}
	if err := doc.check(); err != nil {
		return nil, err
	}
	return &doc, nil
}

// ParseRun reads the bytes of a run.json.
func ParseRun(data []byte) (*Run, error) {
	var run Run
	if err := decode(data, RunSchema, &run); err != nil {
		return nil, err
	}
	for _, c := range run.Cases {
		for i := range c.Exchanges {
			x := &c.Exchanges[i]
			// The file is indented; what is shown of the wire is one line.
			x.Request, x.Response = compact(x.Request), compact(x.Response)
		}
	}
	return &run, nil
}

// decode reads one JSON value of a schema. Members that it does not know are
// from a later version, which says by the schema when they matter.
func decode(data []byte, schema string, v any) error {
	var head struct {
		Schema string `json:"schema"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&head); err != nil {
		return fmt.Errorf("it is no JSON object: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the JSON object")
	}
	if head.Schema != schema {
		return fmt.Errorf("its schema is %q, this program reads %q", head.Schema, schema)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("it is not of schema %s: %w", schema, err)
	}
	return nil
}

func compact(text json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if len(text) == 0 || json.Compact(&b, text) != nil {
		return nil
	}
	return b.Bytes()
}

// idPattern is the form of a case's id. Files and links are named after it.
var idPattern = regexp.MustCompile(`^[a-z0-9-]+\.[a-z0-9.-]+/[a-z0-9.-]+$`)

// check finds what contradicts itself: a report that somebody wrote by hand, or
// cut.
func (d *Document) check() error {
	for i, c := range d.Cases {
		area, _, _ := strings.Cut(c.ID, ".")
		switch {
		case !idPattern.MatchString(c.ID):
			return fmt.Errorf("%q is no id of a case", c.ID)
		case i > 0 && cmp.Compare(d.Cases[i-1].ID, c.ID) >= 0:
			return fmt.Errorf("the case %q is not behind %q, as ids are sorted", c.ID, d.Cases[i-1].ID)
		case !slices.Contains(verdict.Statuses(), c.Status):
			return fmt.Errorf("the case %q has the status %q, which there is none of", c.ID, c.Status)
		case c.Area != area:
			return fmt.Errorf("the case %q is of the area %q", c.ID, c.Area)
		case c.Baselined && d.Baseline == nil:
			return fmt.Errorf("the case %q is in a baseline, and there is none", c.ID)
		}
	}
	if d.Suite.Cases != len(d.Cases) {
		return fmt.Errorf("it has %d of %d cases", len(d.Cases), d.Suite.Cases)
	}
	judged := d.Report()
	for _, s := range verdict.Statuses() {
		if d.Totals[s] != judged.Totals[s] {
			return fmt.Errorf("its total of %s is %d, its cases sum to %d", s, d.Totals[s], judged.Totals[s])
		}
	}
	for s := range d.Totals {
		if !slices.Contains(verdict.Statuses(), s) {
			return errors.New("it has the total of a status that there is none of")
		}
	}
	switch broken := newBroken(judged); {
	case d.Broken == nil: // a report of an earlier version
		d.Broken = broken
	case *d.Broken != *broken:
		return errors.New("its counts of broken clauses do not follow from its cases")
	}
	if v := judged.Verdict(); d.Verdict != v {
		return fmt.Errorf("its verdict is %q, its cases are %s", d.Verdict, v)
	}
	if !slices.EqualFunc(d.Profiles, judged.Profiles, func(p Profile, q verdict.ProfileResult) bool { return p == Profile(q) }) {
		return errors.New("the results of its profiles do not follow from its cases")
	}
	return nil
}

// match checks that run.json belongs to report.json.
func (r *Report) match() error {
	ran := make(map[string]bool)
	for _, c := range r.Document.Cases {
		if c.Status != verdict.NotSelected {
			ran[c.ID] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.Run.Cases)) {
		if !ran[id] {
			return fmt.Errorf("it has the case %q, which report.json has not", id)
		}
		delete(ran, id)
	}
	if left := slices.Sorted(maps.Keys(ran)); len(left) > 0 {
		return fmt.Errorf("it lacks the case %q, which report.json has", left[0])
	}
	return nil
}

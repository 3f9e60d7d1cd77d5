// Package certificate states what a conformance run showed, in a form that
// others can check: an in-toto statement with a test-result predicate, in a
// DSSE envelope, signed with ed25519.
//
// The one who signs ran the suite, so the statement is self-attested: it binds
// a report to an artifact and to a key, and it cannot prove that the run took
// place. What it does prove is that nothing was touched since.
package certificate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"agentproof/docs/spec"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// Certificate is everything that a signer states. It accounts for every case.
type Certificate struct {
	Artifact    File
	Agent       report.Subject
	Suite       Suite
	Revision    string
	SpecDigest  string // hex SHA-256; see spec.Digest
	Cases       CaseSet
	Profiles    []report.Profile
	Passed      []string                  // ids, sorted
	Warned      []string                  // ids of cases about a SHOULD that is broken, sorted
	NotRun      map[string]verdict.Status // why every other case counts for nothing
	Report      string                    // hex SHA-256 of report.json
	Run         string                    // hex SHA-256 of run.json
	Transcripts map[string]string         // file name → hex SHA-256
	Ran         time.Time                 // when the run began
	Certified   time.Time
}

// File is a file and its content.
type File struct {
	Name   string // the base name
	SHA256 string // hex
}

// Suite is the program that certified.
type Suite struct {
	Version string
	OS      string
	Arch    string
	SHA256  string // of the executable, hex
}

// ThisSuite is the running program as a suite of the given version.
func ThisSuite(version string) (Suite, error) {
	program, err := os.Executable()
	if err != nil {
		return Suite{}, fmt.Errorf("find this program: %w", err)
	}
	f, err := ReadFile(program)
	if err != nil {
		return Suite{}, fmt.Errorf("read this program: %w", err)
	}
	return Suite{Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH, SHA256: f.SHA256}, nil
}

// ReadFile reads a file for its digest.
func ReadFile(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return File{}, err
	}
	// A statement is JSON, which has no other text than UTF-8.
	name := strings.ToValidUTF8(filepath.Base(path), "\ufffd")
	return File{Name: name, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// Catalog is the set of cases that a report is judged against.
type Catalog struct {
	Spec  *spec.Spec
	Cases []verdict.CaseInfo
}

// set names the catalog's cases.
func (c Catalog) set() CaseSet { return caseSet(verdict.NewSuiteInfo(c.Cases)) }

// CaseSet names a set of cases by their ids and clauses.
type CaseSet struct {
	Count  int
	SHA256 string // hex
}

func caseSet(info verdict.SuiteInfo) CaseSet {
	return CaseSet{info.Cases, strings.TrimPrefix(info.Digest, "sha256:")}
}

// clauses is what the catalog knows of each case, by id.
func (c Catalog) clauses() map[string]spec.Clause {
	known := make(map[string]spec.Clause, len(c.Cases))
	for i := range c.Cases {
		known[c.Cases[i].ID], _ = c.Spec.Clause(c.Cases[i].Clause)
	}
	return known
}

// New certifies what the evidence shows of an artifact. It refuses, in one
// sentence, what proves no conformance of an agent.
func New(e *Evidence, catalog Catalog, suite Suite, artifact File, at time.Time) (*Certificate, error) {
	if err := e.certifiable(catalog); err != nil {
		return nil, err
	}
	specDigest, err := spec.Digest()
	if err != nil {
		return nil, err
	}
	c := &Certificate{
		Artifact: artifact, Suite: suite, SpecDigest: specDigest,
		Agent: e.Document.Subject, Revision: e.Document.Spec.Revision, Cases: e.set(), Profiles: e.Document.Profiles,
		Passed: []string{}, Warned: []string{}, NotRun: make(map[string]verdict.Status),
		Report: e.ReportDigest, Run: e.RunDigest, Transcripts: e.Transcripts,
		Ran: e.Started.UTC().Truncate(time.Second), Certified: at.UTC().Truncate(time.Second),
	}
	for _, r := range e.report.Results {
		switch r.Status {
		case verdict.Pass:
			c.Passed = append(c.Passed, r.ID)
		case verdict.Warn:
			c.Warned = append(c.Warned, r.ID)
		default:
			c.NotRun[r.ID] = r.Status
		}
	}
	return c, nil
}

// certifiable says why no certificate can be made of a report.
func (e *Evidence) certifiable(catalog Catalog) error {
	for _, p := range e.Document.Profiles {
		if p.Name == verdict.ProfileRelay {
			return errors.New("the report is about a relay, and certificates are for agents")
		}
	}
	if own, its := catalog.set(), e.set(); own != its {
		return fmt.Errorf("the report comes from another set of %d cases, %s, and this suite has %d, %s: run it again with this suite",
			its.Count, short(its.SHA256), own.Count, short(own.SHA256))
	}
	if err := e.judgedBy(catalog); err != nil {
		return err
	}
	switch {
	case e.report.Selection.Filtered():
		return errors.New("the run was filtered, and only a whole one certifies: run it again without --profile, --case, --skip and --level")
	case e.report.Certifies():
		return nil
	case e.report.Totals[verdict.Interrupted] > 0:
		return errors.New("the run was interrupted, and only a whole one certifies: run it again")
	case e.report.Totals[verdict.Fail] > 0:
		broken := e.report.Tally(verdict.Fail)
		return fmt.Errorf("the agent is not conformant: %d MUST broken, in %d cases", broken.Clauses, broken.Cases)
	case e.report.Verdict() == verdict.Incomplete:
		return errors.New("the run is incomplete: some MUST could not be judged")
	default:
		return fmt.Errorf("the run is %s, and only a conformant one certifies", e.report.Verdict())
	}
}

// judgedBy checks the clause and the level of every case against the catalog's.
func (e *Evidence) judgedBy(catalog Catalog) error {
	known := catalog.clauses()
	for _, r := range e.report.Results {
		clause, ok := known[r.ID]
		switch level := clause.LevelAt(e.report.Revision); {
		case !ok:
			return fmt.Errorf("report.json: this suite has no case %s", r.ID)
		case clause.ID != r.Clause:
			return fmt.Errorf("report.json: %s judges %s there and %s in this suite", r.ID, r.Clause, clause.ID)
		case level != r.Level:
			return fmt.Errorf("report.json: %s is a %s there and a %s at %s", r.ID, r.Level, level, e.report.Revision)
		}
	}
	return nil
}

// Totals is how many cases have each status.
func (c *Certificate) Totals() map[verdict.Status]int {
	totals := make(map[verdict.Status]int)
	for _, s := range verdict.Statuses() {
		if s != verdict.Interrupted { // such a run certifies nothing
			totals[s] = 0
		}
	}
	totals[verdict.Pass] = len(c.Passed)
	totals[verdict.Warn] = len(c.Warned)
	for _, s := range c.NotRun {
		totals[s]++
	}
	return totals
}

// Conformant lists the profiles that the certificate is for.
func (c *Certificate) Conformant() []string {
	var names []string
	for _, p := range c.Profiles {
		if p.Result == verdict.Conformant {
			names = append(names, p.Name)
		}
	}
	return names
}

// statuses is the status of every case, by id.
func (c *Certificate) statuses() (map[string]verdict.Status, error) {
	all := maps.Clone(c.NotRun)
	if all == nil {
		all = make(map[string]verdict.Status)
	}
	for status, ids := range map[verdict.Status][]string{verdict.Pass: c.Passed, verdict.Warn: c.Warned} {
		for _, id := range ids {
			if _, twice := all[id]; twice {
				return nil, fmt.Errorf("the certificate names %s twice", id)
			}
			all[id] = status
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.NotRun)) {
		if s := c.NotRun[id]; s.Ran() || !slices.Contains(verdict.Statuses(), s) {
			return nil, fmt.Errorf("the certificate calls %s %q, which is no status of a case that counts for nothing", id, s)
		}
	}
	return all, nil
}

// short is a digest as people compare them.
func short(digest string) string { return digest[:min(12, len(digest))] }

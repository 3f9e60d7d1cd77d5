package certificate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// What the statement and its envelope say that they are.
const (
	payloadType   = "application/vnd.in-toto+json"
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://in-toto.io/attestation/test-result/v0.1"
)

// selfAttested is what every certificate says of itself.
const selfAttested = "self-attested: the holder of the key ran the suite on the artifact and says so; nobody else watched"

// statement is an in-toto statement with a test-result predicate. The types of
// github.com/in-toto/attestation would bring protojson, whose output changes
// from build to build; the tests read with them what is written here.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     testResult `json:"predicate"`
}

type testResult struct {
	Result        string     `json:"result"`
	Configuration []resource `json:"configuration"`
	PassedTests   []string   `json:"passedTests"`
	WarnedTests   []string   `json:"warnedTests"`
	FailedTests   []string   `json:"failedTests"`
}

// resource is an in-toto ResourceDescriptor. What the predicate has no member
// for is in annotations, where every reader of the format finds it.
type resource struct {
	Name        string            `json:"name"`
	Digest      map[string]string `json:"digest,omitempty"`
	Content     []byte            `json:"content,omitempty"`
	MediaType   string            `json:"mediaType,omitempty"`
	Annotations json.RawMessage   `json:"annotations,omitempty"`
}

// The annotations of the resources that a certificate is made of.
type (
	artifactNotes struct {
		Agent report.Subject `json:"agent"`
	}
	attestationNotes struct {
		Kind      string    `json:"kind"`
		Certified time.Time `json:"certified"`
	}
	suiteNotes struct {
		Version string `json:"version"`
		OS      string `json:"os"`
		Arch    string `json:"arch"`
	}
	casesNotes struct {
		Count int `json:"count"`
	}
	specNotes struct {
		Revision string `json:"revision"`
	}
	reportNotes struct {
		Verdict  string                    `json:"verdict"`
		Profiles []report.Profile          `json:"profiles"`
		Totals   map[verdict.Status]int    `json:"totals"`
		NotRun   map[string]verdict.Status `json:"notRun"`
	}
	runNotes struct {
		Started time.Time `json:"started"`
	}
	transcriptsNotes struct {
		Kept  string            `json:"kept"`
		Files map[string]string `json:"files"`
	}
)

// marshal encodes the statement. Equal certificates have equal bytes.
func (c *Certificate) marshal() ([]byte, error) {
	var errs []error
	note := func(r resource, notes any) resource {
		data, err := json.Marshal(notes)
		errs = append(errs, err)
		r.Annotations = data
		return r
	}
	result := "PASSED"
	if len(c.Warned) > 0 {
		result = "WARNED"
	}
	st := statement{
		Type:          statementType,
		Subject:       []resource{note(hashed(c.Artifact.Name, c.Artifact.SHA256), artifactNotes{c.Agent})},
		PredicateType: predicateType,
		Predicate: testResult{
			Result: result,
			Configuration: []resource{
				note(resource{Name: "attestation", Content: []byte(selfAttested), MediaType: "text/plain"},
					attestationNotes{"self-attested", c.Certified}),
				note(hashed("suite", c.Suite.SHA256), suiteNotes{c.Suite.Version, c.Suite.OS, c.Suite.Arch}),
				note(hashed("cases", c.Cases.SHA256), casesNotes{c.Cases.Count}),
				note(hashed("specification", c.SpecDigest), specNotes{c.Revision}),
				note(hashed(reportFile, c.Report), reportNotes{verdict.Conformant, c.Profiles, c.Totals(), c.NotRun}),
				note(hashed(runFile, c.Run), runNotes{c.Ran}),
				note(hashed(transcriptsDir, manifest(c.Transcripts)), transcriptsNotes{kept(c.Transcripts), c.Transcripts}),
			},
			PassedTests: c.Passed,
			WarnedTests: c.Warned,
			FailedTests: []string{},
		},
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("encode the statement: %w", err)
	}
	data, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("encode the statement: %w", err)
	}
	return data, nil
}

func hashed(name, sha256 string) resource {
	return resource{Name: name, Digest: map[string]string{"sha256": sha256}}
}

// manifest is the digest of all transcripts: that of their list, in the form
// and order of "LC_ALL=C sha256sum *" in their directory.
func manifest(files map[string]string) string {
	var list strings.Builder
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&list, "%s  %s\n", files[name], name)
	}
	return digest([]byte(list.String()))
}

func kept(files map[string]string) string {
	if len(files) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d files", len(files))
}

// unmarshal decodes a statement that marshal made, and refuses every other.
func unmarshal(data []byte) (*Certificate, error) {
	var st statement
	if err := decodeStrict(data, &st); err != nil {
		return nil, fmt.Errorf("the statement is not one of this suite: %w", err)
	}
	switch {
	case st.Type != statementType:
		return nil, fmt.Errorf("the statement is a %q, not a %s", st.Type, statementType)
	case st.PredicateType != predicateType:
		return nil, fmt.Errorf("the statement is about %q, not a %s", st.PredicateType, predicateType)
	case len(st.Subject) != 1:
		return nil, fmt.Errorf("the statement has %d subjects, and a certificate has one", len(st.Subject))
	case len(st.Predicate.FailedTests) > 0:
		return nil, fmt.Errorf("the certificate names a case that failed: %s", st.Predicate.FailedTests[0])
	case st.Predicate.Result != "PASSED" && st.Predicate.Result != "WARNED":
		return nil, fmt.Errorf("the certificate's result is %q", st.Predicate.Result)
	}
	c := &Certificate{
		Artifact: File{st.Subject[0].Name, st.Subject[0].sha256()},
		Passed:   st.Predicate.PassedTests, Warned: st.Predicate.WarnedTests,
	}
	if err := c.configure(st); err != nil {
		return nil, err
	}
	// Whatever the members above do not say must be as marshal says it.
	again, err := c.marshal()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, data) {
		return nil, errors.New("the statement is not in the form that this suite writes")
	}
	return c, nil
}

// configure takes what the annotations say, which need not all be there.
func (c *Certificate) configure(st statement) error {
	var (
		artifact    artifactNotes
		attestation attestationNotes
		suite       suiteNotes
		cases       casesNotes
		specs       specNotes
		rep         reportNotes
		run         runNotes
		transcripts transcriptsNotes
	)
	if err := st.Subject[0].notes(&artifact); err != nil {
		return err
	}
	found := make(map[string]string) // name → SHA-256
	for _, r := range st.Predicate.Configuration {
		notes, ok := map[string]any{
			"attestation": &attestation, "suite": &suite, "cases": &cases, "specification": &specs,
			reportFile: &rep, runFile: &run, transcriptsDir: &transcripts,
		}[r.Name]
		if !ok {
			return fmt.Errorf("the statement's configuration holds %q, which this suite does not know", r.Name)
		}
		if err := r.notes(notes); err != nil {
			return err
		}
		found[r.Name] = r.sha256()
	}
	if attestation.Kind != "self-attested" {
		return errors.New("the certificate does not say that it is self-attested")
	}
	c.Agent, c.Certified = artifact.Agent, attestation.Certified
	c.Suite = Suite{suite.Version, suite.OS, suite.Arch, found["suite"]}
	c.Cases = CaseSet{cases.Count, found["cases"]}
	c.Revision, c.SpecDigest = specs.Revision, found["specification"]
	c.Profiles, c.NotRun, c.Report = rep.Profiles, rep.NotRun, found[reportFile]
	c.Run, c.Ran = found[runFile], run.Started
	c.Transcripts = transcripts.Files
	return c.sums(rep)
}

// sums compares the totals of a statement with the cases that it names.
func (c *Certificate) sums(rep reportNotes) error {
	all, err := c.statuses()
	if err != nil {
		return err
	}
	if len(all) != c.Cases.Count {
		return fmt.Errorf("the certificate names %d cases of %d", len(all), c.Cases.Count)
	}
	for s, n := range c.Totals() {
		if rep.Totals[s] != n {
			return fmt.Errorf("the certificate counts %d %s, and names %d", rep.Totals[s], s, n)
		}
	}
	return nil
}

func (r *resource) sha256() string { return r.Digest["sha256"] }

func (r *resource) notes(v any) error {
	if err := decodeStrict(r.Annotations, v); err != nil {
		return fmt.Errorf("the annotations of %q in the statement: %w", r.Name, err)
	}
	return nil
}

package certificate

import (
	"fmt"
	"maps"
	"slices"

	"agentproof/docs/spec"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// Verification is what was compared, and what could not be.
type Verification struct {
	Checked   []string `json:"checked"`
	Unchecked []string `json:"unchecked"`
}

func (v *Verification) checked(format string, args ...any) {
	v.Checked = append(v.Checked, fmt.Sprintf(format, args...))
}

func (v *Verification) unchecked(format string, args ...any) {
	v.Unchecked = append(v.Unchecked, fmt.Sprintf(format, args...))
}

// Verify compares an opened certificate with the evidence and the artifact,
// either of which may be nil, and judges its cases again. An error says in one
// sentence what differs.
func (c *Certificate) Verify(catalog Catalog, e *Evidence, artifact *File) (*Verification, error) {
	v := &Verification{Checked: []string{"the signature", "the totals"}, Unchecked: []string{}}
	if err := c.judge(v, catalog); err != nil {
		return nil, err
	}
	if e == nil {
		v.unchecked("the report, since no directory was given")
	} else if err := c.compare(v, catalog, e); err != nil {
		return nil, err
	}
	switch {
	case artifact == nil:
		v.unchecked("the artifact %s, since none was given", c.Artifact.Name)
	case artifact.SHA256 != c.Artifact.SHA256:
		return nil, fmt.Errorf("%s is not what was certified: its SHA-256 begins with %s, and that of %s with %s",
			artifact.Name, short(artifact.SHA256), c.Artifact.Name, short(c.Artifact.SHA256))
	default:
		v.checked("the artifact")
	}
	return v, nil
}

// judge weighs the cases that the certificate names, as a report does. It
// needs their levels, which a suite with other cases does not know.
func (c *Certificate) judge(v *Verification, catalog Catalog) error {
	text, err := spec.Digest()
	if err != nil {
		return err
	}
	if c.Cases != catalog.set() || c.SpecDigest != text {
		v.unchecked("the clauses and the verdicts, since this suite has other cases or clauses than the one that certified")
		return nil
	}
	if !slices.Contains(spec.Revisions(), c.Revision) {
		return fmt.Errorf("the certificate is for the revision %q, and there are %v", c.Revision, spec.Revisions())
	}
	statuses, err := c.statuses()
	if err != nil {
		return err
	}
	known := catalog.clauses()
	r := &verdict.Report{}
	for _, id := range slices.Sorted(maps.Keys(statuses)) {
		clause, ok := known[id]
		if !ok {
			return fmt.Errorf("the certificate names %s, and this suite has no such case", id)
		}
		level := clause.LevelAt(c.Revision)
		if statuses[id] == verdict.Warn && level != spec.Should {
			return fmt.Errorf("the certificate calls %s broken and no failure, and it is a %s", id, level)
		}
		r.Results = append(r.Results, verdict.Result{
			ID: id, Clause: clause.ID, Level: level, Profile: verdict.CaseInfo{ID: id}.Profile(), Status: statuses[id],
		})
	}
	r.Sum()
	profiles := report.NewDocument(r).Profiles
	switch {
	case !r.Certifies():
		return fmt.Errorf("the certificate's cases are %s together", r.Verdict())
	case !slices.Equal(c.Profiles, profiles):
		return fmt.Errorf("the certificate says of the profiles %s, and its cases say %s", profilesText(c.Profiles), profilesText(profiles))
	}
	v.checked("the clauses and the verdicts")
	return nil
}

// compare finds the first thing in which the evidence is not what was
// certified: what a person can act on before mere digests.
func (c *Certificate) compare(v *Verification, catalog Catalog, e *Evidence) error {
	d := e.Document
	switch {
	case d.Subject != c.Agent:
		return fmt.Errorf("%s is about %s, and the certificate about %s", reportFile, agentText(d.Subject), agentText(c.Agent))
	case d.Spec.Revision != c.Revision:
		return fmt.Errorf("%s is judged by %s, and the certificate by %s", reportFile, d.Spec.Revision, c.Revision)
	case e.set() != c.Cases:
		return fmt.Errorf("%s comes from another set of cases than the certificate", reportFile)
	case e.report.Selection.Filtered():
		return fmt.Errorf("%s is of a filtered run", reportFile)
	}
	statuses, err := c.statuses()
	if err != nil {
		return err
	}
	for _, r := range e.report.Results {
		if s := statuses[r.ID]; s != r.Status {
			return fmt.Errorf("%s: %s is %s there and %s in the certificate", reportFile, r.ID, r.Status, s)
		}
	}
	if e.set() == catalog.set() {
		if err := e.judgedBy(catalog); err != nil {
			return err
		}
	}
	for _, f := range []struct{ name, got, want string }{{reportFile, e.ReportDigest, c.Report}, {runFile, e.RunDigest, c.Run}} {
		if f.got != f.want {
			return fmt.Errorf("%s was changed after it was certified: its SHA-256 begins with %s, not %s", f.name, short(f.got), short(f.want))
		}
		v.checked("%s", f.name)
	}
	if err := sameTranscripts(e.Transcripts, c.Transcripts); err != nil {
		return err
	}
	if len(c.Transcripts) == 0 {
		v.checked("that no transcripts were kept")
	} else {
		v.checked("%d transcripts", len(c.Transcripts))
	}
	return nil
}

func sameTranscripts(got, want map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch sum, ok := got[name]; {
		case !ok:
			return fmt.Errorf("%s/%s is missing", transcriptsDir, name)
		case sum != want[name]:
			return fmt.Errorf("%s/%s was changed after it was certified", transcriptsDir, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			return fmt.Errorf("%s/%s was added after the certificate was made", transcriptsDir, name)
		}
	}
	return nil
}

func agentText(s report.Subject) string {
	return fmt.Sprintf("%q %s (%s/%s)", s.Name, s.Version, s.OS, s.Arch)
}

package certificate_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	"agentproof/suite/cases"
	"agentproof/suite/certificate"
	"agentproof/suite/engine"
	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// claims is the report of a sound agent that advertises these capabilities.
func claims(c certificate.Catalog, advertised engine.Feature) *verdict.Report {
	needs := make(map[string]engine.Feature)
	for _, k := range cases.All() {
		needs[k.ID] = k.Needs
	}
	r := passing(c)
	for i := range r.Results {
		if missing := needs[r.Results[i].ID] &^ advertised; missing != 0 {
			r.Results[i].Status, r.Results[i].Reason = verdict.NotClaimed, "the agent does not offer "+missing.String()
		}
	}
	r.Sum()
	return r
}

// writeJSON writes those files of a run that certificates are made of.
func writeJSON(t *testing.T, r *verdict.Report) string {
	t.Helper()
	dir := t.TempDir()
	for name, v := range map[string]any{"report.json": report.NewDocument(r), "run.json": report.NewRun(r)} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name), string(data))
	}
	return dir
}

// TestEveryCombinationOfClaimsIsCertifiedAndBelieved writes, verifies and draws
// the certificate of agents with every set of capabilities there is.
func TestEveryCombinationOfClaimsIsCertifiedAndBelieved(t *testing.T) {
	t.Parallel()
	full := catalog(t)
	all := engine.Exec | engine.Filesystem | engine.Git | engine.PTY | engine.Desktop
	for advertised := range all + 1 {
		t.Run("claims "+advertised.String(), func(t *testing.T) {
			t.Parallel()
			r := claims(full, advertised)
			is := issued{dir: writeJSON(t, r), catalog: full, artifact: artifact(t, "an agent")}
			is.pub, is.key = newKey(t)
			made, err := is.certify()
			if err != nil {
				t.Fatal(err)
			}
			if is.data, err = certificate.Sign(t.Context(), made, is.key); err != nil {
				t.Fatal(err)
			}
			c, v, err := is.verify(t)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(v.Checked, "the clauses and the verdicts") {
				t.Errorf("it compared only %q", v.Checked)
			}
			for profile, needs := range map[string]engine.Feature{
				verdict.ProfileCore: 0, verdict.ProfileSession: 0, verdict.ProfileDesktop: engine.Desktop,
				// A terminal is judged by what its child reports through exec and fs.
				verdict.ProfileTerminal: engine.PTY | engine.Exec | engine.Filesystem,
			} {
				if got, want := slices.Contains(c.Conformant(), profile), advertised&needs == needs; got != want {
					t.Errorf("it certifies %s: %v, want %v", profile, got, want)
				}
			}
			e, err := certificate.ReadEvidence(is.dir)
			if err != nil {
				t.Fatal(err)
			}
			if c.Badge() != e.Badge() {
				t.Errorf("the certificate's badge says %q, the run's %q", c.Badge().Message, e.Badge().Message)
			}
		})
	}
}

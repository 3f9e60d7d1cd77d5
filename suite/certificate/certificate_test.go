package certificate_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	testresult "github.com/in-toto/attestation/go/predicates/test_result/v0"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"google.golang.org/protobuf/encoding/protojson"

	"agentproof/docs/spec"
	"agentproof/suite/certificate"
	"agentproof/suite/engine"
	"agentproof/suite/relaysuite"
	"agentproof/suite/verdict"
)

func TestACertificateSaysWhatTheRunShowed(t *testing.T) {
	t.Parallel()
	var warned, unclaimed string
	is := issue(t, func(r *verdict.Report) {
		for _, c := range r.Results {
			switch {
			case c.Area == "desktop":
				unclaimed = c.ID
				set(t, r, unclaimed, verdict.NotClaimed)
			case c.Level == spec.Should && warned == "":
				warned = c.ID
				set(t, r, warned, verdict.Warn)
			}
		}
	})
	c, v, err := is.verify(t)
	if err != nil {
		t.Fatal(err)
	}
	if c.Agent.Version != "1.2.3" || c.Artifact != is.artifact || c.Revision != spec.Revision || !c.Certified.Equal(certified) {
		t.Errorf("got agent %+v, artifact %+v, revision %s, certified %v", c.Agent, c.Artifact, c.Revision, c.Certified)
	}
	if !slices.Equal(c.Conformant(), []string{"core", "terminal", "session"}) {
		t.Errorf("it is for the profiles %v", c.Conformant())
	}
	if !slices.Equal(c.Warned, []string{warned}) || c.NotRun[unclaimed] != verdict.NotClaimed || c.Totals()[verdict.Warn] != 1 {
		t.Errorf("warned %v, not run %v", c.Warned, c.NotRun)
	}
	if len(c.Transcripts) != 3 || len(v.Unchecked) > 0 || !slices.Contains(v.Checked, "the clauses and the verdicts") {
		t.Errorf("%d transcripts, checked %q, unchecked %q", len(c.Transcripts), v.Checked, v.Unchecked)
	}
}

func TestEqualFactsHaveEqualBytes(t *testing.T) {
	t.Parallel()
	is := issue(t, nil)
	for range 5 {
		c, err := is.certify()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := certificate.Sign(t.Context(), c, is.key); err != nil || string(again) != string(is.data) {
			t.Fatalf("another certificate (%v)", err)
		}
	}
}

// What is written must be in-toto's own format to those who know no other.
func TestTheLibrariesOfTheFormatReadACertificate(t *testing.T) {
	t.Parallel()
	is := issue(t, nil)
	var env dsse.Envelope
	if err := json.Unmarshal(is.data, &env); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(env.Payload)
	if err != nil {
		t.Fatal(err)
	}
	st := new(intoto.Statement)
	if err := protojson.Unmarshal(payload, st); err != nil {
		t.Fatal(err)
	}
	if err := st.Validate(); err != nil || env.PayloadType != "application/vnd.in-toto+json" || st.GetType() != intoto.StatementTypeUri {
		t.Errorf("payload %q, statement %q: %v", env.PayloadType, st.GetType(), err)
	}
	data, err := protojson.Marshal(st.GetPredicate())
	if err != nil {
		t.Fatal(err)
	}
	result := new(testresult.TestResult)
	if err := protojson.Unmarshal(data, result); err != nil { // also on members that it does not know
		t.Fatal(err)
	}
	if result.GetResult() != "PASSED" || len(result.GetPassedTests()) != len(is.catalog.Cases) || len(result.GetFailedTests()) != 0 {
		t.Errorf("result %s, %d passed, %d failed", result.GetResult(), len(result.GetPassedTests()), len(result.GetFailedTests()))
	}
	for _, r := range result.GetConfiguration() {
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", r.GetName(), err)
		}
	}
	about := result.GetConfiguration()[0]
	if !strings.HasPrefix(string(about.GetContent()), "self-attested") || about.GetAnnotations().AsMap()["kind"] != "self-attested" {
		t.Errorf("it does not say that it is self-attested: %v", about)
	}
}

func TestARunThatKeptNoTranscriptsSaysSo(t *testing.T) {
	t.Parallel()
	is := issue(t, nil)
	if err := os.RemoveAll(filepath.Join(is.dir, "transcripts")); err != nil {
		t.Fatal(err)
	}
	c, err := is.certify()
	if err != nil {
		t.Fatal(err)
	}
	if is.data, err = certificate.Sign(t.Context(), c, is.key); err != nil {
		t.Fatal(err)
	}
	if _, v, err := is.verify(t); err != nil || !slices.Contains(v.Checked, "that no transcripts were kept") {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestWithoutTheRunACertificateIsJudgedAllTheSame(t *testing.T) {
	t.Parallel()
	is := issue(t, nil)
	c, err := certificate.Open(t.Context(), is.data, is.pub)
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.Verify(is.catalog, nil, nil)
	if err != nil || len(v.Unchecked) != 2 || !slices.Contains(v.Checked, "the clauses and the verdicts") {
		t.Errorf("got %+v, %v", v, err)
	}
	other := is.catalog
	other.Cases = other.Cases[1:]
	v, err = c.Verify(other, nil, nil)
	if err != nil || len(v.Unchecked) != 3 || !strings.Contains(v.Unchecked[0], "this suite has other cases") {
		t.Errorf("another suite: got %+v, %v", v, err)
	}
}

func TestWhatProvesNoConformanceIsNotCertified(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	must := idOf(t, passing(c), spec.Must)
	for _, tt := range []struct {
		name   string
		change func(*verdict.Report)
		want   string
	}{
		{"a broken MUST", func(r *verdict.Report) { set(t, r, must, verdict.Fail) }, "the agent is not conformant: 1 MUST broken"},
		{"a MUST that could not be judged", func(r *verdict.Report) { set(t, r, must, verdict.Untestable) }, "the run is incomplete: some MUST could not be judged"},
		{"a harness error", func(r *verdict.Report) { set(t, r, idOf(t, r, spec.Should), verdict.HarnessError) }, "the run is incomplete"},
		{"an interrupted run", func(r *verdict.Report) {
			set(t, r, must, verdict.Interrupted)
			set(t, r, idOf(t, r, spec.Should), verdict.Fail)
		}, "the run was interrupted, and only a whole one certifies"},
		{"a filtered run", func(r *verdict.Report) { r.Selection.Skip = []string{"nothing.**"} }, "the run was filtered"},
		{"one that claims nothing", func(r *verdict.Report) {
			for i := range r.Results {
				r.Results[i].Status = verdict.NotClaimed
			}
			r.Sum()
		}, "the run is not-claimed, and only a conformant one certifies"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := passing(c)
			tt.change(r)
			is := issued{dir: write(t, r), catalog: c, artifact: artifact(t, "an agent")}
			if _, err := is.certify(); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestReportsOfOthersAreNotCertified(t *testing.T) {
	t.Parallel()
	full := catalog(t)
	t.Run("of another set of cases", func(t *testing.T) {
		t.Parallel()
		less := full
		less.Cases = less.Cases[1:]
		is := issued{dir: write(t, passing(less)), catalog: full}
		if _, err := is.certify(); err == nil || !strings.Contains(err.Error(), "run it again with this suite") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("about a relay", func(t *testing.T) {
		t.Parallel()
		relay := certificate.Catalog{Spec: full.Spec, Cases: engine.Infos(relaysuite.Cases(nil))}
		is := issued{dir: write(t, passing(relay)), catalog: relay}
		if _, err := is.certify(); err == nil || !strings.Contains(err.Error(), "about a relay") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("with other levels", func(t *testing.T) {
		t.Parallel()
		r := passing(full)
		for i := range r.Results {
			if r.Results[i].Level == spec.Must {
				r.Results[i].Level = spec.Should
				break
			}
		}
		is := issued{dir: write(t, r), catalog: full}
		if _, err := is.certify(); err == nil || !strings.Contains(err.Error(), "is a SHOULD there and a MUST at r0.2") {
			t.Errorf("got %v", err)
		}
	})
}

package certificate_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"agentproof/docs/spec"
	"agentproof/suite/certificate"
	"agentproof/suite/verdict"
)

func TestABadgeSaysWhatARunShowed(t *testing.T) {
	t.Parallel()
	full := catalog(t)
	must := idOf(t, passing(full), spec.Must)
	for _, tt := range []struct {
		name   string
		change func(*verdict.Report)
		want   string
		color  string
	}{
		{"conformant", func(*verdict.Report) {}, "r0.2 core · terminal · desktop · session", "#2b7a0b"},
		{"conformant without a profile that is not claimed", func(r *verdict.Report) {
			for i := range r.Results {
				if r.Results[i].Profile == verdict.ProfileDesktop {
					r.Results[i].Status = verdict.NotClaimed
				}
			}
			r.Sum()
		}, "r0.2 core · terminal · session", "#2b7a0b"},
		{"not conformant", func(r *verdict.Report) { set(t, r, must, verdict.Fail) }, "r0.2 not conformant", "#b3261e"},
		{"incomplete", func(r *verdict.Report) { set(t, r, must, verdict.Untestable) }, "r0.2 incomplete", "#6b6b6b"},
		{"interrupted", func(r *verdict.Report) { set(t, r, must, verdict.Interrupted) }, "r0.2 interrupted run", "#6b6b6b"},
		{"filtered", func(r *verdict.Report) { r.Selection.Level = "must" }, "r0.2 filtered run", "#6b6b6b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := passing(full)
			tt.change(r)
			e, err := certificate.ReadEvidence(write(t, r))
			if err != nil {
				t.Fatal(err)
			}
			svg := string(e.Badge().SVG())
			if !strings.Contains(svg, "<title>agentproof: "+tt.want+"</title>") || !strings.Contains(svg, `fill="`+tt.color+`"`) {
				t.Errorf("want %q on %s, got\n%s", tt.want, tt.color, svg)
			}
		})
	}
}

func TestACertificatesBadgeIsThatOfItsRun(t *testing.T) {
	t.Parallel()
	is := issue(t, nil)
	c, err := certificate.Open(t.Context(), is.data, is.pub)
	if err != nil {
		t.Fatal(err)
	}
	e, err := certificate.ReadEvidence(is.dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.Badge() != e.Badge() {
		t.Errorf("the certificate's is %+v, the run's %+v", c.Badge(), e.Badge())
	}
}

func TestABadgeIsWellFormed(t *testing.T) {
	t.Parallel()
	dec := xml.NewDecoder(strings.NewReader(string(certificate.Badge{Message: `<&">`}.SVG())))
	for {
		_, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

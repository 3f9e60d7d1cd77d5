package report

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"agentproof/suite/verdict"
)

// tapDiagnostic is the YAML block under a test line.
type tapDiagnostic struct {
	Message  string       `yaml:"message"`
	Severity string       `yaml:"severity"`
	Clause   string       `yaml:"clause"`
	Level    string       `yaml:"level"`
	Failures []tapFailure `yaml:"failures,omitempty"`
	Notes    []string     `yaml:"notes,omitempty"`
	Duration int64        `yaml:"duration_ms"`
}

type tapFailure struct {
	Wanted string `yaml:"wanted"`
	Found  string `yaml:"found"`
}

// TAP renders the cases that were selected as a TAP 14 stream. What was not run
// is skipped, known failures are TODO, and what was blocked or broke the harness
// is not ok.
func (r *Report) TAP() ([]byte, error) {
	var b bytes.Buffer
	list := r.entries()
	fmt.Fprintf(&b, "TAP version 14\n1..%d\n", len(list))
	for i, e := range list {
		ok, directive := "ok", ""
		switch {
		case e.Known:
			ok, directive = "not ok", " # TODO "+tapText(knownText(e))
		case e.Status == verdict.NotClaimed, e.Status == verdict.Untestable:
			directive = " # SKIP " + tapText(string(e.Status)+": "+e.Reason)
		case e.Status != verdict.Pass && e.Status != verdict.Warn:
			ok = "not ok"
		}
		fmt.Fprintf(&b, "%s %d - %s%s\n", ok, i+1, e.ID, directive)
		if e.Status == verdict.Pass || strings.HasPrefix(directive, " # SKIP") {
			continue
		}
		if err := writeDiagnostic(&b, e); err != nil {
			return nil, err
		}
	}
	if n := r.Document.Totals[verdict.NotSelected]; n > 0 {
		fmt.Fprintf(&b, "# %s not selected\n", plural(n, "case"))
	}
	fmt.Fprintf(&b, "# %s: %s\n", tapText(r.subject()), tapText(r.sentence()))
	return b.Bytes(), nil
}

// writeDiagnostic writes the block that belongs to the line above it.
func writeDiagnostic(b *bytes.Buffer, e entry) error {
	d := tapDiagnostic{
		Message: Printable(e.Reason), Severity: string(e.Status), Clause: Printable(e.Clause), Level: e.Level.String(),
		Duration: took(e.Seconds).Milliseconds(),
	}
	for _, f := range e.Failures {
		d.Failures = append(d.Failures, tapFailure{Printable(f.Want), Printable(f.Got)})
	}
	for _, n := range e.Notes {
		d.Notes = append(d.Notes, Printable(n))
	}
	text, err := yaml.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode TAP: %w", err)
	}
	b.WriteString("  ---\n")
	for line := range strings.Lines(string(text)) {
		b.WriteString("  " + line)
	}
	b.WriteString("  ...\n")
	return nil
}

// tapText is text on one line, in which # begins no directive.
func tapText(s string) string {
	s = strings.Join(strings.Fields(Printable(s)), " ")
	return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(s)
}

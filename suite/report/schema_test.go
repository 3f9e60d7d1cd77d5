package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"agentproof/suite/report"
	"agentproof/suite/verdict"
)

// schema compiles the published schema of report.json. Objects of a strict one
// have no other members than the declared ones.
func schema(t *testing.T, strict bool) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "report.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if strict {
		closeObjects(doc)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("report.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, child := range v {
			closeObjects(child)
		}
		if _, open := v["additionalProperties"]; v["type"] == "object" && !open {
			v["additionalProperties"] = false
		}
	case []any:
		for _, child := range v {
			closeObjects(child)
		}
	}
}

func validate(t *testing.T, s *jsonschema.Schema, data []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func reportJSON(t *testing.T, r *verdict.Report) []byte {
	t.Helper()
	data, err := report.New(r).JSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestReportsAreOfTheSchema holds real reports to the schema that others read,
// and the schema to naming every member that reports have.
func TestReportsAreOfTheSchema(t *testing.T) {
	t.Parallel()
	strict := schema(t, true)
	plain := everyStatus(t)
	full := everyStatus(t)
	full.Suite.Strength = &verdict.Strength{Killed: 3, Declared: 4}
	full.Selection = verdict.Selection{Profiles: []string{"core"}, Cases: []string{"**"}, Skip: []string{"x"}, Level: "must"}
	full.Baseline = &verdict.Baseline{Entries: len(verdict.ProblemKinds())}
	for _, kind := range verdict.ProblemKinds() {
		full.Baseline.Problems = append(full.Baseline.Problems, verdict.BaselineProblem{Case: "a.b/c", Kind: kind, Detail: "no"})
	}
	for i := range full.Results {
		full.Results[i].Baselined, full.Results[i].Issue = true, "https://example.com/1"
	}
	for name, r := range map[string]*verdict.Report{"plain": plain, "with everything": full} {
		if err := validate(t, strict, reportJSON(t, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheSchemaRefusesWhatIsNoReport(t *testing.T) {
	t.Parallel()
	s := schema(t, false)
	good := string(reportJSON(t, everyStatus(t)))
	if err := validate(t, s, []byte(strings.Replace(good, `"verdict"`, `"later": {}, "verdict"`, 1))); err != nil {
		t.Errorf("a member of a later version: %v", err)
	}
	for name, change := range map[string][2]string{
		"another schema":    {report.Schema, "agentproof/report/v2"},
		"a missing member":  {`"verdict"`, `"judgement"`},
		"an unknown status": {`"status": "warn"`, `"status": "meh"`},
		"an unknown level":  {`"level": "must"`, `"level": "maybe"`},
		"a negative total":  {`"pass": 2`, `"pass": -2`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Errorf("%s: nothing to change in\n%s", name, good)
		} else if validate(t, s, []byte(bad)) == nil {
			t.Errorf("the schema takes %s", name)
		}
	}
}
